import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupKey } from '../../../../../shared/core/ids.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import type { MariadbServer } from '../../../../../tools/mariadb-server.ts';
import { describeWithMysql, openTestServer } from '../../../../support/mysql-server.ts';
import { type Asked, ask } from '../../../../support/query/ask.ts';
import { backUpUrl, newRepository } from '../../../sources/mysql/round-trip.ts';

interface TypeCase {
  readonly type: string;
  readonly asked: string;
  readonly values: readonly string[];
  /** How the server writes a value `v` as the query's result has it. @default its own text */
  readonly judged?: string;
  readonly unheld?: readonly string[];
}

const TYPES: readonly TypeCase[] = [
  { type: 'tinyint', asked: 'TINYINT', values: ['-128', '127'] },
  { type: 'tinyint(1)', asked: 'TINYINT', values: ['0', '1'] },
  { type: 'tinyint unsigned', asked: 'UTINYINT', values: ['255'] },
  { type: 'smallint unsigned', asked: 'USMALLINT', values: ['65535'] },
  { type: 'mediumint', asked: 'INTEGER', values: ['-8388608'] },
  { type: 'mediumint unsigned', asked: 'UINTEGER', values: ['16777215'] },
  { type: 'int unsigned', asked: 'UINTEGER', values: ['4294967295'] },
  { type: 'int(8) zerofill', asked: 'UINTEGER', values: ['42'], judged: '0 + v' },
  { type: 'bigint', asked: 'BIGINT', values: ['-9223372036854775808'] },
  { type: 'bigint unsigned', asked: 'UBIGINT', values: ['18446744073709551615', '0'] },
  {
    type: 'decimal(38,10)',
    asked: 'DECIMAL(38,10)',
    values: ['9999999999999999999999999999.9999999999', '-0.0000000001'],
  },
  { type: 'decimal(10)', asked: 'DECIMAL(10,0)', values: ['-9999999999'] },
  {
    type: 'decimal(65,30)',
    asked: 'VARCHAR',
    values: ['-99999999999999999999999999999999999.000000000000000000000000000001'],
  },
  { type: 'float', asked: 'FLOAT', values: ['1.5', '-0.25'] },
  { type: 'double', asked: 'DOUBLE', values: ['0.1', '-1.5e-300'] },
  { type: 'bit(1)', asked: 'UBIGINT', values: ["b'0'", "b'1'"], judged: '0 + v' },
  { type: 'bit(64)', asked: 'UBIGINT', values: [`b'${'1'.repeat(64)}'`, "b'1010'"], judged: '0 + v' },
  { type: 'year', asked: 'SMALLINT', values: ['1901', '2155'] },
  {
    type: 'date',
    asked: 'DATE',
    values: ["'1000-01-01'", "'9999-12-31'"],
    unheld: ["'0000-00-00'", "'2024-00-10'", "'2024-02-00'"],
  },
  {
    type: 'datetime(6)',
    asked: 'TIMESTAMP',
    values: ["'9999-12-31 23:59:59.999999'", "'1969-12-31 23:59:59.5'"],
    judged: "trim(trailing '0' from v)",
    unheld: ["'0000-00-00 00:00:00'"],
  },
  {
    type: 'timestamp null',
    asked: 'TIMESTAMP WITH TIME ZONE',
    values: ["'2038-01-19 03:14:07'"],
    judged: "concat(convert_tz(v, @@time_zone, '+00:00'), '+00')",
  },
  { type: 'varchar(40)', asked: 'VARCHAR', values: ["''", `'it''s \\t\\n\\\\'`, "'Ünï 😀'", "'a\\0b'"] },
  {
    type: 'varchar(9) character set latin1',
    asked: 'VARCHAR',
    values: ["'é€'"],
    judged: 'convert(v using utf8mb4)',
  },
  { type: 'longtext', asked: 'VARCHAR', values: ["repeat('x', 20000)"] },
  { type: "enum('a','b''c')", asked: 'VARCHAR', values: ["'b''c'"] },
  { type: "set('x','y')", asked: 'VARCHAR', values: ["'x,y'", "''"] },
  {
    type: 'varbinary(20)',
    asked: 'BLOB',
    values: ["''", "x'00ff275c0a'"],
    judged: "concat('\\\\x', lower(hex(v)))",
  },
  { type: 'blob', asked: 'BLOB', values: ["repeat(x'00', 3000)"], judged: "concat('\\\\x', lower(hex(v)))" },
  { type: 'point', asked: 'BLOB', values: ['point(1, 2)'], judged: "concat('\\\\x', lower(hex(v)))" },
];

describeWithMysql('values of MySQL in a query, table by table, judged by the server', () => {
  let server: MariadbServer;
  let repository: Repository;
  let key: BackupKey;
  /** One query of all types, as most of the time that one takes is its start. */
  let all: Asked;
  const texts = async (sql: string) =>
    (
      await server
        .query('types', `SET time_zone = '+00:00'; ${sql}`)
        .then((sets) => sets.at(-1) as unknown as { v: unknown }[])
    ).map(({ v }) => [v === null ? null : String(v)]);

  beforeAll(async () => {
    server = await openTestServer();
    await server.query(
      undefined,
      'DROP DATABASE IF EXISTS types; CREATE DATABASE types CHARACTER SET utf8mb4',
    );
    for (const [i, { type, values, unheld = [] }] of TYPES.entries()) {
      const rows = [...values, 'NULL', ...unheld].map((value, n) => `(${n}, ${value})`).join(', ');
      await server.query(
        'types',
        `SET sql_mode = '', time_zone = '+00:00'; CREATE TABLE t${i} (n int, v ${type}); INSERT INTO t${i} VALUES ${rows}`,
      );
    }
    await server.query(
      'types',
      `CREATE TABLE spans (n int, v time(6)); INSERT INTO spans VALUES (0, '-838:59:58.999999'), (1, '838:59:59'), (2, '00:00:00.5')`,
    );
    repository = await newRepository();
    key = await backUpUrl(repository, server.url('types'));
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
      const { columns, texts: mine, warnings } = all;
      expect(columns[i + 1]?.type).toBe(asked);
      const held = await texts(
        `SELECT convert(${judged} using utf8mb4) AS v FROM t${i} WHERE n < ${values.length} ORDER BY n`,
      );
      const none = mine.slice(values.length).map(() => null);
      expect(mine.map((row) => row[i + 1])).toEqual([...held.flat(), ...none]);
      const of = warnings.filter((text) => text.startsWith(`t${i}.v: ${unheld.length} value`));
      expect(of).toHaveLength(unheld.length > 0 ? 1 : 0);
    },
  );

  it('counts with spans of time, which are no time of day', async () => {
    const sql = 'SELECT epoch_us(v) FROM spans ORDER BY n';
    expect((await ask(repository, [key], sql)).texts).toEqual(
      await texts('SELECT cast(time_to_sec(v) * 1000000 AS decimal(30,0)) AS v FROM spans ORDER BY n'),
    );
  });
});
