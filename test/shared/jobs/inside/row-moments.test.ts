import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { chooseUntil } from '../../../../shared/jobs/changes/choose-until.ts';
import { poller } from '../../../../shared/jobs/changes/poll.ts';
import { type RowVersion, rowHistory } from '../../../../shared/jobs/inside/row-history.ts';
import { momentChanges } from '../../../../shared/jobs/inside/target-changes.ts';
import { planRestore } from '../../../../shared/jobs/restore/restore.ts';
import { openTarget } from '../../../../shared/jobs/source/adapters.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { openPostgresSource } from '../../../../shared/sources/postgres/source.ts';
import { pluginOf } from '../../../../shared/sources/registry.ts';
import type { PostgresServer } from '../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../support/postgres.ts';
import { never } from '../../../support/repository/engine.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../../support/repository/torture.ts';
import { newRepository, openChanges, STREAMING, setUp } from '../../sources/postgres/changes/world.ts';

const TRANSACTIONS = cases(12, 40, 600);
const BACKUP_EVERY = 6;

/** A large text that is not changed is not in the stream. */
const TABLE = `
  CREATE TABLE t (part text, id int, v int, note text, PRIMARY KEY (part, id));
  INSERT INTO t SELECT 'p', i, 0, (SELECT string_agg(md5((i * 200 + n)::text), '') FROM generate_series(1, 200) n) FROM generate_series(1, 9) i`;

type Row = readonly (string | null)[] | null;

describe('what transactions between backups of PostgreSQL made of rows', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await ownPostgres(18, { settings: STREAMING });
  });
  afterAll(() => server?.stop());

  async function newShop(name: string) {
    const url = await server.createDatabase(name);
    await server.query(name, TABLE);
    await setUp(url);
    const source = openPostgresSource(url, {}, {});
    const repository: Repository = await newRepository();
    const poll = poller(repository, { source, idleMs: 0 });
    const changes = pluginOf('postgres').changes;
    if (!changes) throw new Error('no changes');
    const store = async () => {
      await poll(openChanges(url), { signal: never });
    };
    await store();
    return {
      url,
      source,
      repository,
      changes,
      store,
      backUp: async (): Promise<BackupKey> => (await runBackup(repository, source, { signal: never })).key,
      query: async (sql: string) => (await server.query(name, sql)).rows,
      row: async (id: number): Promise<Row> => {
        const sql = `SELECT part, id::text, v::text, note FROM t WHERE part = 'p' AND id = ${id}`;
        const [found] = (await server.query(name, sql)).rows;
        return found ? (Object.values(found) as (string | null)[]) : null;
      },
    };
  }

  const statements = (random: () => number, n: number): string => {
    const id = 1 + Math.floor(random() * 3);
    const all = [
      `UPDATE t SET v = ${n} WHERE id = ${id} AND part = 'p'`,
      `DELETE FROM t WHERE id = ${id} AND part = 'p'`,
      `INSERT INTO t VALUES ('p', ${id}, ${n}, NULL) ON CONFLICT DO NOTHING`,
      `UPDATE t SET id = id + 100, note = '' WHERE id = ${id} AND part = 'p'`,
      `UPDATE t SET v = -1 WHERE part = 'p' AND id = ${id}; UPDATE t SET v = ${n} WHERE part = 'p' AND id = ${id}`,
      `INSERT INTO t VALUES ('q', ${n}, ${id}, 'other key')`,
      `UPDATE t SET note = note || 'x' WHERE id = ${id} AND part = 'p'`,
      `TRUNCATE t; INSERT INTO t VALUES ('z', ${n}, 0, NULL)`,
    ];
    return all[Math.floor(random() * all.length)] ?? '';
  };

  it(
    'is every version of a row, as the server had it after each of them',
    async () => {
      const random = seededRandom(testSeed);
      const { repository, changes, store, backUp, query, row } = await newShop('versions');
      const backups = [await backUp()];
      const wanted: Row[][] = [1, 2, 3].map(() => []);
      const look = async () => {
        for (const [i, versions] of wanted.entries()) {
          const now = await row(i + 1);
          if (JSON.stringify(versions.at(-1)) !== JSON.stringify(now)) versions.push(now);
        }
      };
      await look();
      for (let n = 1; n <= TRANSACTIONS; n++) {
        await query(`BEGIN; ${statements(random, n)}; COMMIT`);
        await look();
        if (n % 3 === 0) await store();
        if (n % BACKUP_EVERY !== 0) continue;
        await store();
        backups.push(await backUp());
      }
      await store();
      for (const [i, versions] of wanted.entries()) {
        const asked = { backups, dataset: 'public.t', rowKey: ['p', `0${i + 1}`], signal: never };
        const told: string[] = [];
        const found: RowVersion[] = await Array.fromAsync(
          rowHistory(repository, { ...asked, changes, onWarning: (text) => void told.push(text) }),
        );
        expect(told).toEqual([]);
        expect(found.map((version) => version.row)).toEqual(versions);
        // Only the first is known from a backup alone: all that came later, a transaction did.
        expect(found.map(({ moment }) => moment !== undefined)).toEqual(versions.map((_, at) => at > 0));
        const times = found.flatMap(({ moment }) => moment?.committedAt ?? []);
        expect(times).toEqual(times.toSorted());
        const ofBackups = await Array.fromAsync(rowHistory(repository, asked));
        expect(ofBackups.every(({ moment }) => moment === undefined)).toBe(true);
      }
    },
    tortureTimeoutMs,
  );

  it('is known from the next backup alone while no poll has stored it', async () => {
    const { repository, changes, backUp, query } = await newShop('gap');
    const first = await backUp();
    await query(`UPDATE t SET v = 7 WHERE id = 1`);
    const second = await backUp();
    const asked = { backups: [first, second], dataset: 'public.t', rowKey: ['p', '1'], signal: never };
    const found = await Array.fromAsync(rowHistory(repository, { ...asked, changes }));
    expect(found.map(({ key, moment }) => [key, moment])).toEqual([
      [first, undefined],
      [second, undefined],
    ]);
  });

  it('counts what a restore to a moment would change, as the two states differ', async () => {
    const { url, source, repository, changes, store, backUp, query } = await newShop('moment');
    await backUp();
    await query(
      `UPDATE t SET v = 1 WHERE id <= 3; DELETE FROM t WHERE id = 4; INSERT INTO t VALUES ('q', 1, 1, 'n')`,
    );
    await store();
    await query('SELECT pg_sleep(0.01)');
    const [clock] = await query(
      `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at`,
    );
    const at = String(clock?.['at']);
    // After the moment: one row is gone, two differ, three came.
    await query(`DELETE FROM t WHERE part = 'q'; UPDATE t SET v = 9 WHERE id IN (2, 5);
      INSERT INTO t SELECT 'r', i, 0, NULL FROM generate_series(1, 3) i`);
    await store();
    const target = await openTarget({ kind: 'postgres', url, options: {} }, {});
    const of = { kind: 'postgres', name: source.name };
    const chosen = await chooseUntil(repository, { at }, { source: of, plugin: changes, signal: never });
    const key = chosen.base.key as BackupKey;
    const plan = await planRestore(repository, key, target, { replace: true, signal: never });
    const options = { plan, mostMs: 60_000, signal: never };
    expect(await momentChanges(repository, chosen, { target, plugin: changes }, options)).toEqual({
      datasets: [{ name: 'public.t', added: 1, removed: 3, changed: 2 }],
      isComplete: true,
      problem: null,
    });
    await server.createDatabase('moment_empty');
    const empty = await openTarget({ kind: 'postgres', url: server.url('moment_empty'), options: {} }, {});
    const into = { ...options, plan: await planRestore(repository, key, empty, { signal: never }) };
    // Nine rows, one of them deleted, and one that came.
    expect(await momentChanges(repository, chosen, { target: empty, plugin: changes }, into)).toMatchObject({
      datasets: [{ name: 'public.t', added: 9, removed: 0, changed: 0 }],
    });
  }, 120_000);
});
