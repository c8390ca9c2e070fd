import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { HOUR_MS } from '../../../../shared/core/units.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { backupShare, type ShareFigures } from '../../../../shared/jobs/backup/backup-share.ts';
import { commitBackup } from '../../../../shared/jobs/backup/commit-backup.ts';
import { keepSnapshotOpen } from '../../../../shared/jobs/backup/keep-snapshot-open.ts';
import { type BackupPlan, planBackup } from '../../../../shared/jobs/backup/plan-backup.ts';
import { restoreBackup } from '../../../../shared/jobs/restore/restore.ts';
import { openTarget } from '../../../../shared/jobs/source/adapters.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { parsePostgresOptions } from '../../../../shared/sources/postgres/connection/options.ts';
import { PostgresSource } from '../../../../shared/sources/postgres/source.ts';
import { FolderStore } from '../../../../shared/store/folder-store.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { PostgresServer } from '../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../support/postgres.ts';
import {
  digests,
  initRepository,
  never,
  openRepository,
  TEST_KEY,
} from '../../../support/repository/engine.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { newRun } from '../../../support/repository/shares.ts';
import { turnOfAll } from '../../../support/repository/torture.ts';
import { newFolder } from '../../../support/temporary.ts';
import { everythingSql, session } from '../../sources/postgres/source/reading.ts';

const it = turnOfAll(4);

const run = promisify(execFile);
const ACCOUNTS = 2_500;
const START = 1_000;
/** At least; the tables have some partitions more. */
const SHARES = 8;
const PROCESSES = 2;

const BANK = `
  CREATE TABLE account (id integer PRIMARY KEY, balance bigint NOT NULL, filler text NOT NULL);
  CREATE TABLE transfer (id bigint PRIMARY KEY, payer integer, payee integer, amount bigint);
  INSERT INTO account SELECT i, ${START}, repeat(md5(i::text), 12) FROM generate_series(1, ${ACCOUNTS}) i;
`;
/** Accounts that do not hold what the transfers say. */
const WRONG = `
  SELECT a.id FROM account a
  LEFT JOIN (SELECT payer AS id, -amount AS moved FROM transfer UNION ALL SELECT payee, amount FROM transfer) m USING (id)
  GROUP BY a.id, a.balance HAVING a.balance <> ${START} + coalesce(sum(m.moved), 0)`;

let server: PostgresServer;
beforeAll(async () => {
  server = await ownPostgres(18);
});
afterAll(() => server?.stop());

const sourceOf = (url: string, pagesPerPartition = 16) =>
  new PostgresSource(parsePostgresOptions(url, {}, {}), { pagesPerPartition });

const hold = (repository: Repository, planned: BackupPlan) =>
  keepSnapshotOpen(repository, planned, {
    until: new Date(repository.clock.now().getTime() + HOUR_MS),
    pollMs: 50,
    signal: never,
  });

/** Each in a process of its own, a few at a time. */
async function readInProcesses(
  folder: string,
  url: string,
  { run: id, shares }: BackupPlan,
): Promise<ShareFigures[]> {
  const waiting = shares.map(({ share }) => share);
  const done: ShareFigures[] = [];
  const lane = async () => {
    for (let share = waiting.shift(); share !== undefined; share = waiting.shift()) {
      const env = {
        SHARE_REPOSITORY: folder,
        SHARE_KEY: TEST_KEY,
        SHARE_SOURCE: url,
        SHARE_RUN: id,
        SHARE_NUMBER: String(share),
      };
      const { stdout } = await run(process.execPath, ['test/support/repository/share-process.ts'], { env });
      done.push(JSON.parse(stdout));
    }
  };
  await Promise.all(Array.from({ length: PROCESSES }, lane));
  return done;
}

/** Moves money between accounts until told to stop; every transfer is one transaction. */
async function transfers(url: string, stop: AbortSignal): Promise<number> {
  const client = await session(url);
  const random = seededRandom(3);
  const account = () => 1 + Math.floor(random() * ACCOUNTS);
  let made = 0;
  for (; !stop.aborted; made++) {
    const [payer, payee, amount] = [account(), account(), 1 + Math.floor(random() * 50)];
    await client.query('BEGIN');
    await client.query(`UPDATE account SET balance = balance - ${amount} WHERE id = ${payer}`);
    await client.query(`INSERT INTO transfer VALUES (${made}, ${payer}, ${payee}, ${amount})`);
    await client.query(`UPDATE account SET balance = balance + ${amount} WHERE id = ${payee}`);
    await client.query('COMMIT');
  }
  return made;
}

async function restore(repository: Repository, key: Parameters<typeof restoreBackup>[1], database: string) {
  const url = await server.createDatabase(database);
  const target = await openTarget({ kind: 'postgres', url, options: {} }, {});
  const { comparison } = await restoreBackup(repository, key, target, { signal: never });
  expect(comparison.every(({ equal }) => equal)).toBe(true);
}

describe('a PostgreSQL database in shares', () => {
  it('read by many processes on one snapshot while money moves is of one moment', async () => {
    const url = await server.createDatabase('bank');
    await server.query('bank', BANK);
    const folder = path.join(await newFolder(), 'repository');
    const store = new FolderStore(folder);
    await initRepository(store);
    await using repository = await openRepository(store, { packBytes: undefined });
    const stop = new AbortController();
    const moving = transfers(url, stop.signal);
    // Its failure is seen below.
    moving.catch(() => {});
    await using planned = await planBackup(repository, sourceOf(url), {
      run: newRun(),
      type: 'daily',
      shareBytes: 128 * 1024,
      signal: never,
    });
    expect(planned.mustBeHeld).toBe(true);
    expect(planned.shares.length).toBeGreaterThanOrEqual(SHARES);
    const holding = hold(repository, planned);
    const count = async (database: string) =>
      Number((await server.query(database, 'SELECT count(*) AS n FROM transfer')).rows[0].n);
    const before = await count('bank');
    const read = await readInProcesses(folder, url, planned);
    expect(await count('bank')).toBeGreaterThan(before);
    const result = await commitBackup(repository, { run: planned.run, signal: never });
    expect(await holding).toBe('commit');
    expect(read.reduce((sum, { records }) => sum + records, 0)).toBe(result.records);
    await restore(repository, result.key, 'bank_back');
    const totals = 'SELECT count(*)::int AS n, sum(balance)::int AS total FROM account';
    expect((await server.query('bank_back', totals)).rows).toEqual([
      { n: ACCOUNTS, total: ACCOUNTS * START },
    ]);
    expect((await server.query('bank_back', WRONG)).rows).toEqual([]);
    expect(await count('bank_back')).toBeLessThanOrEqual(before);
    stop.abort();
    expect(await moving).toBeGreaterThan(50);
  }, 120_000);

  it('with everything is the same in one process, in one share and in many', async () => {
    const url = await server.createDatabase('everything');
    await server.query('everything', await everythingSql());
    const source = () => sourceOf(url, 2);
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openRepository(store);
    const alone = await runBackup(repository, source(), { type: 'daily', signal: never });
    const wanted = await digests(repository, alone.key);
    let shareBytes = 1e12;
    for (const count of [1, 8]) {
      await using planned = await planBackup(repository, source(), {
        run: newRun(),
        type: 'daily',
        shareBytes,
        signal: never,
      });
      expect(planned.shares.length).toBeGreaterThanOrEqual(count);
      const holding = hold(repository, planned);
      for (const { share } of planned.shares)
        await backupShare(repository, source(), { run: planned.run, share, signal: never });
      const { key, newChunks } = await commitBackup(repository, { run: planned.run, signal: never });
      await holding;
      expect(await digests(repository, key)).toEqual(wanted);
      expect(newChunks).toBeLessThan(alone.newChunks);
      if (count > 1) await restore(repository, key, 'everything_back');
      shareBytes = Math.ceil((planned.shares[0]?.estimatedBytes ?? 0) / 8);
    }
  }, 120_000);

  it('whose holder lost its connection is not listed, and no share can be read any more', async () => {
    const url = await server.createDatabase('lost');
    await server.query('lost', 'CREATE TABLE t AS SELECT i FROM generate_series(1, 1000) i');
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openRepository(store);
    const source = sourceOf(url);
    await using planned = await planBackup(repository, source, {
      run: newRun(),
      shareBytes: 1e9,
      signal: never,
    });
    const options = { run: planned.run, share: 0, signal: never };
    await backupShare(repository, source, options);
    const holding = hold(repository, planned);
    await Promise.all([
      expect(holding).rejects.toMatchObject({ code: 'E_SOURCE_LOST' }),
      server.query(
        'postgres',
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'lost' AND state = 'idle in transaction'`,
      ),
    ]);
    await expect(commitBackup(repository, { run: planned.run, signal: never })).rejects.toMatchObject({
      code: 'E_SOURCE_LOST',
    });
    expect(await repository.backupKeys(never)).toEqual([]);
    await store.delete(`runs/${planned.run}/share-0`);
    await expect(backupShare(repository, source, options)).rejects.toMatchObject({
      code: 'E_SOURCE_LOST',
      message: expect.stringMatching(/^the snapshot of run \w+ was not kept open to the end: /),
    });
    expect((await runBackup(repository, source, { signal: never })).records).toBe(1000);
  });
});
