import { resolveContinuous } from '../../../shared/config/continuous.ts';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import { changesOf } from '../../../shared/jobs/changes/changes-of.ts';
import { openChangeSetup, openChanges } from '../../../shared/jobs/changes/openers.ts';
import { poller } from '../../../shared/jobs/changes/poll.ts';
import { pollUpTo, runProof } from '../../../shared/jobs/changes/proof/run-proof.ts';
import { openSource } from '../../../shared/jobs/source/open-source.ts';
import { namedSource } from '../../../shared/jobs/source/same-source.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import type { PostgresServer } from '../../../tools/embedded-postgres.ts';

/** Of the server: it keeps what polls read. */
export const TILL_SERVER = { wal_level: 'logical', max_slot_wal_keep_size: "'1GB'" };
export const TILL = { kind: 'postgres', name: 'till' } as const;
/** As the configuration has it. */
export const TILL_CONTINUOUS = { everySeconds: 10 };

const TABLES = `CREATE TABLE articles (id int PRIMARY KEY, name text NOT NULL, stock int NOT NULL);
  INSERT INTO articles SELECT i, 'article ' || i, 1000 FROM generate_series(1, 40) AS i;
  CREATE TABLE sales (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, article int NOT NULL REFERENCES articles,
    pieces int NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())`;
const SALE = `WITH sold AS (INSERT INTO sales (article, pieces)
    SELECT 1 + floor(random() * 40)::int, 1 + floor(random() * 5)::int RETURNING article, pieces)
  UPDATE articles SET stock = stock - pieces FROM sold WHERE id = article`;
/** The clock of the picker has seconds. */
const PAUSE = 'SELECT pg_sleep(1.1)';

/** A till whose changes are backed up. */
export interface Till {
  readonly url: string;
  /** One customer. */
  sell(): Promise<void>;
  /** Stores what changed since the last call. */
  poll(): Promise<void>;
}

/**
 * A database whose changes are stored, with what a timeline has: backups that were compared with the changes between them, a gap, and the
 * backup that healed it. Its moments are those of the server's clock, so all of it happens in a few seconds.
 *
 * @param postgres with the settings `TILL_SERVER`
 */
export async function makeTill(
  repository: Repository,
  postgres: PostgresServer,
  signal: AbortSignal,
): Promise<Till> {
  const url = await postgres.createDatabase(TILL.name);
  const sql = async (text: string) => void (await postgres.query(TILL.name, text));
  const place = { kind: TILL.kind, url, options: {} };
  await sql(TABLES);
  const { idleMs } = resolveContinuous(TILL_CONTINUOUS);
  const polls = poller(repository, { source: TILL, idleMs });
  const poll = async () => {
    await using changes = await openChanges(place, {});
    await polls(changes, { signal });
  };
  const setUp = async () => {
    await using setup = await openChangeSetup(place, {});
    await setup.setUp({}, signal);
  };
  const sell = () => sql(SALE);
  const backUp = async () => {
    const source = await openSource(place, {});
    const { key } = await runBackup(repository, namedSource(source, TILL.name), { type: 'daily', signal });
    await pollUpTo(repository, key, () => openChanges(place, {}), { source: TILL, signal });
    await runProof(repository, { base: key, plugin: changesOf(place), by: 'the demo', signal });
  };
  const day = async () => {
    for (let i = 0; i < 3; i++) {
      for (let customer = 0; customer < 5; customer++) await sell();
      await sql(PAUSE);
      await poll();
    }
  };
  await setUp();
  await poll();
  await backUp();
  await day();
  await backUp();
  await day();
  // Somebody drops the slot: the server no longer has what comes next.
  await sql("SELECT pg_drop_replication_slot('holdfast_till')");
  await sell();
  await sql(PAUSE);
  await setUp();
  await poll();
  await backUp();
  await day();
  await backUp();
  return { url, sell, poll };
}
