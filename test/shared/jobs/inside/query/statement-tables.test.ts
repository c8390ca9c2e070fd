import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Duckdb, loadDuckdb } from '../../../../../shared/jobs/inside/query/load-duckdb.ts';
import { statementTables } from '../../../../../shared/jobs/inside/query/statement-tables.ts';

describe('the conditions right behind a table', () => {
  let connection: Awaited<ReturnType<Awaited<ReturnType<Duckdb['DuckDBInstance']['create']>>['connect']>>;

  beforeAll(async () => {
    const duckdb = await loadDuckdb();
    connection = await (await duckdb.DuckDBInstance.create(':memory:')).connect();
  });
  afterAll(() => connection?.closeSync());

  async function tables(sql: string) {
    const read = await connection.runAndReadAll(`SELECT json_serialize_sql('${sql.replaceAll("'", "''")}')`);
    return statementTables(String(read.getRows()[0]?.[0]));
  }

  /** `id = 42`, `t.id = '42'` */
  async function conditions(where: string, from = 't') {
    const found = await tables(`SELECT * FROM ${from} WHERE ${where}`);
    return found?.flatMap(({ comparisons }) =>
      comparisons.map(({ qualifier, column, operator, values, isText }) => {
        const shown = values.map((value) => (isText ? `'${value}'` : value)).join(', ');
        return `${qualifier === undefined ? '' : `${qualifier}.`}${column} ${operator} ${shown}`;
      }),
    );
  }

  it.each([
    ['id = 42', 'id = 42'],
    ['id == -42', 'id = -42'],
    ['id < 4', 'id < 4'],
    ['id <= 4', 'id <= 4'],
    ['id > 4', 'id > 4'],
    ['id >= 4', 'id >= 4'],
    ['4 < id', 'id > 4'],
    ['4 <= id', 'id >= 4'],
    ['4 > id', 'id < 4'],
    ['4 >= id', 'id <= 4'],
    ['id IN (3, 1, 2)', 'id = 3, 1, 2'],
    ['id BETWEEN 1 AND 3', 'id >= 1', 'id <= 3'],
    ['t.id = 1 AND (x = 2 AND "odd ""name" = 3)', 't.id = 1', 'x = 2', 'odd "name = 3'],
    ['id = 9223372036854775807', 'id = 9223372036854775807'],
    ['id = -9007199254740993', 'id = -9007199254740993'],
    [`name = 'it''s "value":5'`, `name = 'it's "value":5'`],
    ["name IN ('a', '42')", "name = 'a', '42'"],
    [`id = 1 AND note LIKE '%) AND (id = 7%'`, 'id = 1'],
    ['id = 1 AND (id = 2 OR id = 3) AND NOT id = 4', 'id = 1'],
    ['"id = 4) AND (x" = 5', 'id = 4) AND (x = 5'],
  ])('of %s', async (where, ...wanted) => {
    expect(await conditions(where)).toEqual(wanted);
  });

  it.each([
    'id = 1 OR id = 2',
    'NOT (id = 1)',
    'NOT (id IN (1, 2))',
    'id NOT IN (1)',
    'id NOT BETWEEN 1 AND 2',
    'id <> 1',
    'id IS NULL',
    'id IS NOT DISTINCT FROM 1',
    'id = NULL',
    'id IN (1, NULL)',
    "id IN (1, '2')",
    'id = 1.0',
    'id > 1.5',
    'id = 1e3',
    'id BETWEEN 1 AND x',
    'id BETWEEN 1 AND 2.5',
    'id = 99999999999999999999',
    'id = true',
    'id = x',
    '1 = 1',
    'id + 0 = 1',
    '-id = 1',
    "CAST(id AS VARCHAR) = '1'",
    "day = DATE '2026-01-01'",
    "lower(name) = 'a'",
    "name COLLATE nocase = 'a'",
    "name = 'a' COLLATE nocase",
    'CASE WHEN id = 1 THEN true ELSE x = 2 END',
    'COLUMNS(*) = 1',
    '(id, x) = (1, 2)',
    'id = ANY ([1, 2])',
    'id IN (SELECT 1)',
    'list[1] = 1',
    'a.b.id = 1',
  ])('are none of %s', async (where) => {
    expect(await conditions(where)).toEqual([]);
  });

  it.each([
    't AS x(a, b)',
    't TABLESAMPLE 10%',
    't, u',
    't JOIN u USING (id)',
    't LEFT JOIN u ON true',
    't AT (VERSION => 3)',
  ])('are none of a table that is %s', async (from) => {
    expect(await conditions('id = 1', from)).toEqual([]);
  });

  it('are of the place that they stand at', async () => {
    const found =
      await tables(`WITH w AS (SELECT * FROM t WHERE id = 1) SELECT (SELECT max(id) FROM t), id FROM
      (SELECT * FROM a.t AS y WHERE y.id = 2) UNION ALL SELECT 1, 2 FROM w JOIN t ON t.id = 3 WHERE w.id = 4`);
    const shown = found?.map(({ name, alias, comparisons }) => [
      name,
      alias,
      comparisons.map(({ values }) => values),
    ]);
    expect(shown?.toSorted()).toEqual(
      [
        ['t', 't', [['1']]],
        ['t', 't', []],
        ['t', 'y', [['2']]],
        ['w', 'w', []],
        ['t', 't', []],
      ].toSorted(),
    );
  });

  it.each([
    "SELECT * FROM query('FROM t') WHERE id = 1",
    'SELECT * FROM t, range(3) WHERE id = 1',
    'SELECT (SELECT max(id) FROM holdfast_rows(0)) FROM t WHERE id = 1',
    'SUMMARIZE SELECT * FROM t WHERE id = 1',
    'DESCRIBE t',
    'PIVOT t ON id',
    'FROM (PIVOT t ON id USING count(*)) WHERE id = 1',
    'SELECT * FROM t WHERE (id = 1',
  ])('are not told of %s', async (sql) => {
    expect(await tables(sql)).toBeUndefined();
  });
});
