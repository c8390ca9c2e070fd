import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../../../shared/core/ids.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { type Asked, ask, postgresTexts } from '../../../../support/query/ask.ts';
import { backUpUrl, newRepository } from '../../../sources/postgres/target/round-trip.ts';

interface TypeCase {
  /** Of the column, in PostgreSQL. */
  readonly type: string;
  /** In the query. */
  readonly asked: string;
  /** SQL of values. */
  readonly values: readonly string[];
  /** How the server writes a value `v` as the query's result has it. @default its own text */
  readonly judged?: string;
  /** Values that the query's type cannot hold: NULL, with a warning. */
  readonly unheld?: readonly string[];
}

const TRUTH = "CASE v WHEN true THEN 'true' WHEN false THEN 'false' END";
/** As the rows of a result have lists: JSON, with text for what JSON has no form of. */
const LIST = 'array_to_json(v)::text';
const TYPES: readonly TypeCase[] = [
  { type: 'smallint', asked: 'SMALLINT', values: ['-32768', '32767', '0'] },
  { type: 'integer', asked: 'INTEGER', values: ['-2147483648', '2147483647'] },
  {
    type: 'bigint',
    asked: 'BIGINT',
    values: ['-9223372036854775808', '9223372036854775807', '9007199254740993'],
  },
  { type: 'oid', asked: 'UINTEGER', values: ['4294967295'] },
  {
    type: 'numeric(38,10)',
    asked: 'DECIMAL(38,10)',
    values: ['9999999999999999999999999999.9999999999', '-0.0000000001', '0'],
    unheld: ["'NaN'"],
  },
  { type: 'numeric(12,2)', asked: 'DECIMAL(12,2)', values: ['-9999999999.99', '0.1'] },
  { type: 'numeric(3,-2)', asked: 'DECIMAL(5,0)', values: ['99900', '-100'] },
  { type: 'numeric(2,5)', asked: 'DECIMAL(5,5)', values: ['0.00099', '-0.00001'] },
  {
    type: 'numeric(60,30)',
    asked: 'VARCHAR',
    values: ['-999999999999999999999999999999.000000000000000000000000000001'],
  },
  {
    type: 'numeric',
    asked: 'VARCHAR',
    values: ['123456789012345678901234567890.123', "'NaN'", "'Infinity'"],
  },
  { type: 'boolean', asked: 'BOOLEAN', values: ['true', 'false'], judged: TRUTH },
  { type: 'real', asked: 'FLOAT', values: ["'NaN'", "'Infinity'", "'-Infinity'", '1.5', '-0.25'] },
  {
    type: 'double precision',
    asked: 'DOUBLE',
    values: ["'NaN'", "'-Infinity'", '0.1', '1.5e300', '4.9e-324'],
  },
  {
    type: 'text',
    asked: 'VARCHAR',
    values: ["''", "E'\\\\N'", "E'a\\tb\\nc\\\\d'", "'Ünï 😀 \u200f'", "repeat('long', 5000)"],
  },
  { type: 'character(5)', asked: 'VARCHAR', values: ["'ab'"], judged: "'ab   '" },
  { type: 'character varying(9)', asked: 'VARCHAR', values: ["'it''s'"] },
  { type: 'mood', asked: 'VARCHAR', values: ["'so so'"] },
  { type: 'bytea', asked: 'BLOB', values: ["''", "'\\x00ff27'", "decode(repeat('00', 3000), 'hex')"] },
  {
    type: 'uuid',
    asked: 'UUID',
    values: [
      "'00000000-0000-0000-0000-000000000000'",
      "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
      "'7fffffff-0000-0000-8000-000000000001'",
    ],
  },
  {
    type: 'date',
    asked: 'DATE',
    values: [
      "'0001-01-01'",
      "'4713-01-01 BC'",
      "'0001-12-31 BC'",
      "'5874897-12-31'",
      "'infinity'",
      "'-infinity'",
      "'1969-12-31'",
      "'2024-02-29'",
    ],
  },
  { type: 'time', asked: 'TIME', values: ["'00:00'", "'23:59:59.999999'", "'24:00:00'"] },
  {
    type: 'time with time zone',
    asked: 'TIME WITH TIME ZONE',
    values: ["'12:34:56.5+15:59'", "'00:00-15:59'", "'08:00:00+00'"],
  },
  {
    type: 'timestamp',
    asked: 'TIMESTAMP',
    values: [
      "'1969-12-31 23:59:59.999999'",
      "'2026-11-30 09:05:00.25'",
      "'0044-03-15 10:00 BC'",
      "'294246-12-31 23:59:59.999999'",
      "'infinity'",
      "'-infinity'",
    ],
    unheld: ["'294276-12-31'"],
  },
  {
    type: 'timestamp with time zone',
    asked: 'TIMESTAMP WITH TIME ZONE',
    values: ["'2026-11-30 09:05:00.25+05:30'", "'4713-01-01 00:00 BC'", "'infinity'"],
  },
  { type: 'json', asked: 'JSON', values: [`'{"a": [1, 2.50, null], "b": "x"}'`] },
  {
    type: 'jsonb',
    asked: 'JSON',
    values: [`'{"a": [1, 2.50, 12345678901234567890.1], "b": "\u0041\\"\\n"}'`],
  },
  {
    type: 'integer[]',
    asked: 'INTEGER[]',
    values: ["'{}'", "'{1,NULL,-3}'", "'[0:1]={7,8}'"],
    judged: LIST,
    unheld: ["'{{1,2},{3,4}}'"],
  },
  { type: 'text[]', asked: 'VARCHAR[]', values: [`'{"a b","NULL",NULL,"","q\\"\\\\ ,{}"}'`], judged: LIST },
  {
    type: 'numeric(9,2)[]',
    asked: 'DECIMAL(9,2)[]',
    values: ["'{1.50,-2}'"],
    judged: '\'["1.50","-2.00"]\'',
  },
  { type: 'mood[]', asked: 'VARCHAR[]', values: ['\'{sad,"so so"}\''], judged: LIST },
  { type: 'date[]', asked: 'DATE[]', values: ["'{2026-01-01,NULL}'"], judged: LIST },
  { type: 'int4range', asked: 'VARCHAR', values: ["'[1,5)'"] },
  { type: 'inet', asked: 'VARCHAR', values: ["'10.0.0.1/8'"] },
  { type: 'bit varying(9)', asked: 'VARCHAR', values: ["'101'"] },
  { type: 'point', asked: 'VARCHAR', values: ["'(1,2)'"] },
];

describe('values of PostgreSQL in a query, table by table, judged by its own text', () => {
  let server: PostgresServer;
  let repository: Repository;
  let key: BackupKey;
  /** One query of all types, as most of the time that one takes is its start. */
  let all: Asked;

  beforeAll(async () => {
    server = await ownPostgres(18);
    await server.createDatabase('types');
    const tables = TYPES.map(({ type, values, unheld = [] }, i) => {
      const rows = [...values, 'NULL', ...unheld].map((value, n) => `(${n}, ${value})`).join(', ');
      return `CREATE TABLE t${i} (n int, v ${type}); INSERT INTO t${i} VALUES ${rows};`;
    });
    const spans = [
      "'1 year -2 mons 3 days -04:05:06.5'",
      "'-178000000 years'",
      "'00:00'",
      "'876000:00:00.000001'",
      'NULL',
    ];
    await server.query(
      'types',
      `CREATE TYPE mood AS ENUM ('sad', 'so so'); ${tables.join('\n')}
       CREATE TABLE spans (n int, v interval); INSERT INTO spans VALUES ${spans.map((span, n) => `(${n}, ${span})`).join(', ')};
       CREATE TABLE "Odd ""Name" ("Id" int, "id" int, "a.b" int); INSERT INTO "Odd ""Name" VALUES (1, 2, 3);
       CREATE TABLE "odd ""name" (x int); INSERT INTO "odd ""name" VALUES (7);
       CREATE SCHEMA other; CREATE TABLE other.alone (x int); INSERT INTO other.alone VALUES (9);
       CREATE TABLE nothing ();`,
    );
    repository = await newRepository();
    key = (await backUpUrl(repository, server.url('types'))).key;
    const names = TYPES.map((_, i) => `t${i}`);
    const joins = names.map((name) => `LEFT JOIN ${name} ON ${name}.n = r.n`);
    all = await ask(
      repository,
      [key],
      `SELECT r.n, ${names.map((name) => `${name}.v`).join(', ')} FROM range(10) r(n) ${joins.join(' ')} ORDER BY r.n`,
    );
  }, 180_000);
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  it.each(TYPES.map((of, i) => ({ ...of, i })))(
    '$type is $asked',
    async ({ asked, values, judged = 'v', unheld = [], i }) => {
      const { columns, texts, warnings } = all;
      expect(columns[i + 1]?.type).toBe(asked);
      const held = await postgresTexts(
        server.url('types'),
        `SELECT ${judged} FROM t${i} WHERE n < ${values.length} ORDER BY n`,
      );
      const none = texts.slice(values.length).map(() => null);
      expect(texts.map((row) => row[i + 1])).toEqual([...held.flat(), ...none]);
      const of = warnings.filter((text) => text.startsWith(`public.t${i}.v: ${unheld.length} value`));
      expect(of).toHaveLength(unheld.length > 0 ? 1 : 0);
    },
  );

  it('counts with intervals as PostgreSQL does', async () => {
    const parts = ['year', 'month', 'day', 'hour', 'minute', 'microseconds'].map(
      (part) => `extract(${part} FROM v)`,
    );
    const sql = `SELECT ${parts.join(', ')} FROM spans ORDER BY n`;
    expect((await ask(repository, [key], sql)).texts).toEqual(await postgresTexts(server.url('types'), sql));
  });

  it('says which numbers are text, and only of columns that are read', async () => {
    const place = TYPES.findIndex(({ type }) => type === 'numeric');
    const of = async (sql: string) => (await ask(repository, [key], sql)).warnings.join('\n');
    expect(await of(`SELECT v FROM t${place}`)).toContain(
      'numeric is read as text, as it has no fixed scale',
    );
    expect(await of(`SELECT n FROM t${place}`)).toBe('');
    await expect(ask(repository, [key], `SELECT sum(v) FROM t${place}`)).rejects.toMatchObject({
      code: 'E_USAGE',
      hint: expect.stringContaining('v::decimal(38,6)'),
    });
  });

  it('knows names of any form, and gives another to those that SQL does not tell apart', async () => {
    const names = await ask(repository, [key], 'SELECT table_name FROM information_schema.tables');
    const odd = names.texts.flat().filter((name) => name?.toLowerCase().startsWith('odd "name'));
    // Of each a name with its schema, and one without.
    expect(new Set(odd).size).toBe(2);
    const found = await Promise.all(
      [...new Set(odd)].map((name) =>
        ask(repository, [key], `SELECT * FROM "${name?.replaceAll('"', '""')}"`),
      ),
    );
    const columns = found.map((of) => of.columns.map(({ name }) => name));
    expect(columns.toSorted((a, b) => b.length - a.length)).toEqual([['Id', 'id_2', 'a.b'], ['x']]);
    expect(
      found.map(({ texts }) => texts).toSorted((a, b) => (a[0]?.length ?? 0) - (b[0]?.length ?? 0)),
    ).toEqual([[['7']], [['1', '2', '3']]]);
    expect(found.flatMap(({ warnings }) => warnings)).toHaveLength(2);
    const rest = 'SELECT alone.x, o.x FROM alone, other.alone o';
    expect((await ask(repository, [key], rest)).texts).toEqual([['9', '9']]);
    // A table without columns, whose name is also a keyword.
    expect((await ask(repository, [key], 'SELECT count(*) FROM "public.nothing"')).texts).toEqual([['0']]);
  });
});
