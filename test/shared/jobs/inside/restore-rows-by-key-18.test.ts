import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { MiB } from '../../../../shared/core/units.ts';
import type { RowChoice } from '../../../../shared/jobs/inside/chosen-records.ts';
import { restoreRows } from '../../../../shared/jobs/inside/restore-rows.ts';
import { readRowsFile } from '../../../../shared/jobs/inside/rows-file.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { MeteredStore } from '../../../../shared/store/metered-store.ts';
import type { PostgresServer } from '../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../support/postgres.ts';
import { initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../../support/repository/torture.ts';
import { backUpUrl } from '../../sources/postgres/target/round-trip.ts';

const ROWS = 6000;
/** How each is made and filled by `i`, and some key of it by a number. */
const TABLES: Readonly<
  Record<
    string,
    { readonly sql: string; readonly fill: string; readonly key: (i: number) => Record<string, string> }
  >
> = {
  by_id: {
    sql: 'v text, id bigint PRIMARY KEY',
    fill: `repeat('v', i % 90), i - 900`,
    key: (i) => ({ id: String(i - 900) }),
  },
  large: {
    sql: 'id bigint PRIMARY KEY, v text',
    fill: `i, (SELECT string_agg(md5((i * 100 + n)::text), '') FROM generate_series(1, 40) n)`,
    key: (i) => ({ id: String(i) }),
  },
  by_text: {
    sql: 'id text PRIMARY KEY, v text',
    fill: `'it''s ' || i * 7 % 6007, md5(i::text)`,
    key: (i) => ({ id: `it's ${(i * 7) % 6007}` }),
  },
  by_two: {
    sql: 'v text, part int, "odd ""key" varchar(40), PRIMARY KEY ("odd ""key", part)',
    fill: `md5(i::text), i % 10 - 4, E'ü\\t\\\\' || i / 10`,
    key: (i) => ({ 'odd "key': `ü\t\\${Math.floor(i / 10)}`, part: String((i % 10) - 4) }),
  },
};

describe('rows of PostgreSQL that are put back by their keys, judged by EXCEPT ALL', () => {
  const store = new MeteredStore(new MemoryStore());
  let server: PostgresServer;
  let key: BackupKey;
  const random = seededRandom(testSeed);
  const query = async (sql: string) => (await server.query('keys', sql)).rows;

  beforeAll(async () => {
    server = await ownPostgres(18);
    await server.createDatabase('keys');
    for (const [name, { sql, fill }] of Object.entries(TABLES))
      await query(
        `CREATE TABLE ${name} (${sql}); INSERT INTO ${name} SELECT ${fill} FROM generate_series(1, ${ROWS}) i`,
      );
    await initRepository(store, undefined, { version: 2 });
    await using repository = await openRepository(store);
    ({ key } = await backUpUrl(repository, server.url('keys')));
    await query('CREATE SCHEMA kept');
    for (const name of Object.keys(TABLES)) await query(`CREATE TABLE kept.${name} AS TABLE public.${name}`);
  }, 120_000);
  afterAll(() => server?.stop());

  /** Puts rows back into the emptied table, and says how many bytes were fetched for it. */
  async function putBack(choices: readonly RowChoice[], more: { readonly beside?: string } = {}) {
    await using repository = await openRepository(store);
    const before = store.counts().bytesDown;
    const place = { config: { kind: 'postgres', url: server.url('keys'), options: {} }, env: {} };
    const { warnings } = await restoreRows(repository, key, place, { choices, ...more, signal: never });
    expect(warnings).toEqual([]);
    return store.counts().bytesDown - before;
  }

  /** Rows that only one of the two has. */
  async function unequal(name: string, condition: string, table = name): Promise<unknown> {
    const wanted = `SELECT * FROM kept.${name} WHERE ${condition}`;
    const [row] = await query(`SELECT (SELECT count(*) FROM (${wanted} EXCEPT ALL TABLE public.${table}) x)
      + (SELECT count(*) FROM (TABLE public.${table} EXCEPT ALL ${wanted}) x) AS count`);
    return Number(row?.['count']);
  }

  const quoted = (text: string, quote = "'") => quote + text.replaceAll(quote, quote + quote) + quote;
  const somePlace = () => Math.floor(random() * (ROWS + 40)) - 20;
  const matching = (of: Record<string, string>) =>
    Object.entries(of).map(([name, value]) => `${quoted(name, '"')} = ${quoted(value)}`);

  it(
    'are those that the server finds for the same conditions',
    async () => {
      for (let n = 0; n < cases(2, 8, 100); n++)
        for (const [name, { key: keyOf }] of Object.entries(TABLES)) {
          const place = somePlace();
          const from = `id >= ${place - 900}`;
          const all = matching(keyOf(place));
          const where =
            [all, all.slice(0, 1), name === 'by_id' ? [from, `id < ${place - 860}`] : all][n % 3] ?? all;
          await query(`TRUNCATE ${name}`);
          await putBack([{ dataset: `public.${name}`, where }]);
          expect([where, await unequal(name, where.join(' AND '))]).toEqual([where, 0]);
        }
    },
    tortureTimeoutMs,
  );

  it(
    'are those of a file of keys, in their own table and beside it',
    async () => {
      for (let n = 0; n < cases(2, 6, 60); n++)
        for (const [name, { key: keyOf }] of Object.entries(TABLES)) {
          const keys = Array.from({ length: 1 + Math.floor(random() * 5) }, () => keyOf(somePlace()));
          const text = keys.map((one) => `${JSON.stringify(one)}\n`).join('');
          const names = Object.keys(keys[0] ?? {});
          const choices = await readRowsFile(text, {
            name: 'keys',
            datasets: [`public.${name}`],
            keyOf: async () => names,
          });
          await query(`TRUNCATE ${name}; DROP TABLE IF EXISTS beside`);
          await putBack(choices);
          const condition = keys.map((one) => `(${matching(one).join(' AND ')})`).join(' OR ');
          expect([text, await unequal(name, condition)]).toEqual([text, 0]);
          await putBack(choices, { beside: 'beside' });
          expect([text, await unequal(name, condition, 'beside')]).toEqual([text, 0]);
        }
    },
    tortureTimeoutMs,
  );

  it('are fetched without most of the others', async () => {
    const dataset = 'public.large';
    const costs: number[] = [];
    for (const choice of [
      { where: ['v != nothing'] },
      { where: ['id = 4242'] },
      { keys: [{ id: '17' }, { id: '18' }] },
    ]) {
      await query('TRUNCATE large');
      costs.push(await putBack([{ dataset, ...choice }]));
    }
    const [all = 0, one = 0, few = 0] = costs;
    expect(all).toBeGreaterThan(3 * MiB);
    for (const bytes of [one, few]) expect(bytes).toBeLessThan(all / 2);
    expect(await unequal('large', 'id IN (17, 18)')).toBe(0);
  });
});
