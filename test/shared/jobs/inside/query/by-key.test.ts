import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { BackupKey } from '../../../../../shared/core/ids.ts';
import { KiB } from '../../../../../shared/core/units.ts';
import { runBackup } from '../../../../../shared/jobs/backup/backup.ts';
import { runQuery } from '../../../../../shared/jobs/inside/query/query.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../../../shared/store/memory-store.ts';
import { MeteredStore } from '../../../../../shared/store/metered-store.ts';
import { ask } from '../../../../support/query/ask.ts';
import {
  initRepository,
  never,
  openRepository,
  SMALL_CHUNKS,
} from '../../../../support/repository/engine.ts';
import { keyedSource } from '../../../../support/repository/keyed-source.ts';
import { seededRandom } from '../../../../support/repository/rows.ts';
import { sample, testSeed } from '../../../../support/repository/torture.ts';

const random = seededRandom(testSeed);
const letters = () => random().toString(36).slice(2);
/** In the order of their keys. */
const rows = Array.from({ length: 10_000 }, (_, i) => [
  String(i * 2),
  Array.from({ length: 40 }, letters).join(' '),
]);
const CHUNKS = { minBytes: 8 * KiB, averageBytes: 32 * KiB, maxBytes: 128 * KiB };
const COLD = 'SELECT count(*), max(c1) FROM t';

/** Statements that a reader must not go by, and what they find. */
const NOT_BY_KEY: readonly (readonly [string, bigint])[] = [
  ['SELECT count(*) FROM (SELECT c0 AS "c0 = 4) AND (c1", c0 FROM t) WHERE "c0 = 4) AND (c1" = 4242', 1n],
  ['SELECT count(c0) FROM t WHERE c0 = 4242 OR c0 = 4243 OR length(c1) >= 0', 10_000n],
  ['SELECT count(c0) FROM t WHERE NOT (c0 = 4242)', 9999n],
  ['SELECT count(c0) FROM t WHERE c0 <> 4242', 9999n],
  ['SELECT count(c0) FROM t WHERE c0 NOT IN (4242)', 9999n],
  ['SELECT count(c0) FROM t WHERE (c0 = 4242) IS NOT NULL', 10_000n],
  ['SELECT count(c0) FROM t WHERE c0 + 0 = 4242', 1n],
  ['SELECT count(c0) FROM t WHERE c0 >= 4242.5 AND c0 < 4244.5', 1n],
  ["SELECT count(c0) FROM t AS x(c1, c0) WHERE c0 >= '' AND c1 = 4242", 1n],
  ['SELECT count(*) FROM (SELECT c1 AS c0, c0 AS c1 FROM t) WHERE c1 = 4242', 1n],
  ['SELECT count(*) FROM t AS a JOIN t AS b ON a.c0 = b.c0 + 2 WHERE a.c0 = 4242', 1n],
  ['SELECT count(*) FROM t AS a LEFT JOIN t AS b ON a.c0 = b.c0 AND b.c0 = 4242', 10_000n],
  ['SELECT (SELECT count(c0) FROM t), count(*) FROM t WHERE c0 = 4242', 10_000n],
  ['SELECT count(c0) FILTER (c0 <> 4242) FROM t', 9999n],
  ['SELECT count(*) FROM t WHERE c0 IN (SELECT c0 FROM t WHERE c0 <= 4)', 3n],
  ['WITH t AS (SELECT c0 - 2 AS c0 FROM a.t) SELECT count(*) FROM t WHERE c0 = 4242', 1n],
  ["SELECT count(*) FROM query('SELECT * FROM t') WHERE c0 <> 4242", 9999n],
  ["WITH t AS (FROM query('SELECT c0 - 9000 AS c0 FROM t')) SELECT count(*) FROM t WHERE c0 = 4242", 1n],
  ['SELECT count(*) FROM holdfast_rows(0) WHERE c0 <> 4242', 9999n],
  ["SELECT count(*) FROM query('FROM t') AS x, (FROM t WHERE c0 = 4) AS y", 10_000n],
  ['SELECT count(*) FROM t POSITIONAL JOIN (FROM t WHERE c0 > 4242) AS b', 10_000n],
  ['SELECT count(*) FROM (FROM t TABLESAMPLE 100% (system)) WHERE c0 <> 4242', 9999n],
  ['SELECT c0 FROM (SELECT c0, rank() OVER (ORDER BY c0) AS r FROM t QUALIFY c0 = 4242) WHERE r > 1', 4242n],
  ['SELECT max(c0) - 19998 FROM t', 0n],
];

describe('a query by key', () => {
  const inner = new MemoryStore();
  const store = new MeteredStore(inner);
  let key: BackupKey;

  beforeAll(async () => {
    await initRepository(store, CHUNKS, { version: 2 });
    await using repository = await openRepository(store);
    const source = keyedSource({ shape: 'n', rows });
    ({ key } = await runBackup(repository, source, { type: 'daily', signal: never }));
  });

  async function chunksFor(repository: Repository, sql: string) {
    const reader = await repository.openBackup(key, never);
    const [decode, pick] = [vi.spyOn(reader, 'decode'), vi.spyOn(reader, 'pick')];
    const warnings: string[] = [];
    const onWarning = (warning: string) => warnings.push(warning);
    await using result = await runQuery([reader], sql, { onWarning, signal: never });
    const found = (await Array.fromAsync(result.rows())).flat();
    const chunks = [...decode.mock.calls, ...pick.mock.calls].reduce((sum, [refs]) => sum + refs.length, 0);
    return { found, chunks, warnings };
  }

  async function costOf(sql: string) {
    await using fresh = await openRepository(store);
    const before = store.counts();
    const { found, chunks } = await chunksFor(fresh, sql);
    const after = store.counts();
    return {
      found,
      chunks,
      gets: after.gets - before.gets,
      bytes: after.bytesDown - before.bytesDown,
    };
  }

  it('opens one or two of more than 100 chunks, with fewer GETs and bytes', async () => {
    const all = await costOf(COLD);
    expect(all.chunks).toBeGreaterThan(100);
    for (const sql of [
      'SELECT c0 FROM t WHERE c0 = 4242',
      'SELECT c0 FROM a.t AS x WHERE 4242 = x.c0 LIMIT 5',
    ]) {
      const one = await costOf(sql);
      expect(one.found).toEqual([[4242n]]);
      expect(one.chunks).toBeLessThanOrEqual(2);
      expect(one.gets).toBeLessThan(all.gets);
      expect(one.bytes).toBeLessThan(all.bytes / 2);
    }
  });

  // Where chunks end is a matter of the repository's secret: none is smaller than 8 KiB.
  it.each([
    ['SELECT count(*) FROM t WHERE c0 IN (10, 4242, 19000)', 3n, 6],
    ['SELECT count(*) FROM t WHERE c0 BETWEEN 4000 AND 4300 AND length(c1) > 0', 151n, 12],
    ['SELECT count(*) FROM t WHERE c0 < -1', 0n, 0],
    ['SELECT count(*) FROM t WHERE c0 >= -3 AND c0 < 100', 50n, 5],
    ['WITH s AS (SELECT c0 AS id FROM t WHERE c0 = 4242) SELECT count(*) FROM s', 1n, 2],
    ['SELECT count(*) FROM (FROM t WHERE c0 = 4) AS x, (FROM t WHERE c0 = 15000) AS y', 1n, 4],
  ])('opens few chunks: %s', async (sql, count, most) => {
    await using repository = await openRepository(store);
    const { found, chunks } = await chunksFor(repository, sql);
    expect(found[0]).toEqual([count]);
    expect(chunks).toBeLessThanOrEqual(most);
  });

  it.each(sample(NOT_BY_KEY, 6))('reads what it needs: %s', async (sql, wanted) => {
    await using repository = await openRepository(store);
    const { texts } = await ask(repository, [key], sql);
    expect(texts[0]?.map(String)).toContain(String(wanted));
  });

  it('reads all of a table whose least and greatest keys are damaged, and says so once', async () => {
    await using whole = await openRepository(store);
    const bounds = await (await whole.openBackup(key, never)).bounds('t', '0000', never);
    const places = (bounds?.places ?? []).flatMap((place) => place ?? []);
    expect(places.length).toBeGreaterThan(0);
    const copy = new MemoryStore();
    for await (const { key: name } of inner.list('')) {
      const body = Buffer.from(await inner.get(name));
      for (const { pack, offset } of places)
        if (name.endsWith(String(pack.id))) body[offset + 1] = (body[offset + 1] ?? 0) ^ 1;
      await copy.put(name, body);
    }
    await using ill = await openRepository(copy);
    const all = await chunksFor(ill, COLD);
    expect(all.warnings).toEqual([]);
    const sql = 'SELECT c0 FROM t WHERE c0 = 4242 UNION ALL SELECT c0 FROM t WHERE c0 = 4244';
    const { found, chunks, warnings } = await chunksFor(ill, sql);
    expect(found.toSorted()).toEqual([[4242n], [4244n]]);
    expect(chunks).toBe(2 * all.chunks);
    expect(warnings).toEqual([expect.stringContaining('everything is read')]);
  });

  it('compares texts with numbers as DuckDB does, and those with texts by their keys', async () => {
    await using repository = await openRepository(store);
    const padded = Array.from({ length: 3000 }, (_, i) => [String(i).padStart(6, '0'), letters()]);
    const source = { ...keyedSource({ shape: 't', rows: padded }), name: 'padded' };
    const { key: other } = await runBackup(repository, source, { type: 'daily', signal: never });
    for (const where of ['c0 = 42', 'c0 IN (42)', "c0 = '000042'", "c0 COLLATE nocase = '000042'"]) {
      const { texts } = await ask(repository, [other], `SELECT c0 FROM t WHERE ${where}`);
      expect([where, texts]).toEqual([where, [['000042']]]);
    }
    const both = 'SELECT count(*) FROM (FROM a.t WHERE c0 = 42) AS x, (FROM b.t WHERE b.t.c0 <> 42) AS y';
    expect((await ask(repository, [key, other], both)).texts).toEqual([['2999']]);
  });

  it('reads all of a backup without least and greatest keys', async () => {
    const old = new MemoryStore();
    await initRepository(old, SMALL_CHUNKS, { version: 1 });
    await using repository = await openRepository(old);
    const source = keyedSource({ shape: 'n', rows: rows.slice(0, 3000) });
    const { key: oldKey } = await runBackup(repository, source, { type: 'daily', signal: never });
    const { texts } = await ask(repository, [oldKey], 'SELECT c0 FROM t WHERE c0 IN (42, 43, 44)');
    expect(texts).toEqual([['42'], ['44']]);
  });
});
