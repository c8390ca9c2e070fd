import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { diffBackups } from '../../../../shared/jobs/inside/diff.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { Fields } from '../../../../shared/sources/rows.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { describeWithMysql, openTestServer } from '../../../support/mysql-server.ts';
import { never } from '../../../support/repository/engine.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../../support/repository/torture.ts';
import { backUpUrl, newRepository } from '../../sources/mysql/round-trip.ts';
import { versionPairs } from './version-pairs.ts';

/** Tables of kinds of keys; the judge writes each value as text by `judged`. */
const TABLES = {
  by_id: {
    key: ['id'],
    judged: ['id', 'v', 'n'],
    sql: 'id int PRIMARY KEY, v text, n int',
    fill: "seq, concat('v', seq), seq",
  },
  by_two: {
    key: ['part', 'Odd `key'],
    judged: ['`part`', '`Odd ``key`', 'v', 'n', 'price', "concat('0x', lower(hex(raw)))"],
    sql: '`part` int, `Odd ``key` varchar(40), v text, n int, price decimal(30,8), raw varbinary(16), PRIMARY KEY (part, `Odd ``key`)',
    fill: "seq % 40, concat('k\\t\\n', seq), concat('v', seq), seq, seq / 7, unhex(md5(seq))",
  },
  no_key: {
    key: [],
    judged: ['note', 'v', 'n'],
    sql: 'note text, v text, n int',
    fill: "if(seq % 5, concat('same', seq % 3), null), 'v', seq % 20",
  },
} as const;
type Table = keyof typeof TABLES;
const NAMES = Object.keys(TABLES) as Table[];
const versions = cases(2, 4, 46);

describeWithMysql('a difference of two backups of MariaDB, judged by its EXCEPT ALL', () => {
  let server: MariadbServer;
  let repository: Repository;
  const keys: BackupKey[] = [];
  const random = seededRandom(testSeed);
  const query = (sql: string) => server.query('inside', sql);

  async function change(table: Table, version: number): Promise<void> {
    await query(`UPDATE ${table} SET v = concat(v, '-${version}') WHERE n % 100 = ${version % 100}`);
    await query(`DELETE FROM ${table} WHERE n % 97 = ${version % 97}`);
    await query(
      `INSERT INTO ${table} SELECT ${TABLES[table].fill} FROM seq_${2000 * version}_to_${2000 * version + 30}`,
    );
  }

  beforeAll(async () => {
    server = await openTestServer();
    repository = await newRepository();
    await server.query(
      undefined,
      'DROP DATABASE IF EXISTS inside; CREATE DATABASE inside; DROP DATABASE IF EXISTS judge; CREATE DATABASE judge',
    );
    for (const name of NAMES) {
      await query(`CREATE TABLE ${name} (${TABLES[name].sql})`);
      await query(`INSERT INTO ${name} SELECT ${TABLES[name].fill} FROM seq_1_to_1200`);
    }
    for (let version = 0; version < versions; version++) {
      for (const name of version > 0 ? NAMES : []) await change(name, version);
      keys.push(await backUpUrl(repository, server.url('inside')));
      for (const name of NAMES) await query(`CREATE TABLE judge.${name}_${version} AS SELECT * FROM ${name}`);
    }
  }, tortureTimeoutMs);
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  async function exceptAll(table: Table, one: number, other: number): Promise<string[]> {
    const columns = TABLES[table].judged.map((text, i) => `cast(${text} AS char) AS c${i}`).join(', ');
    const select = (version: number) => `SELECT * FROM judge.${table}_${version}`;
    const rows = await query(`SELECT ${columns} FROM (${select(one)} EXCEPT ALL ${select(other)}) AS rest`);
    return rows.map((row) => JSON.stringify(Object.values(row))).toSorted();
  }

  async function compare(table: Table, a: number, b: number): Promise<void> {
    const open = (version: number) => repository.openBackup(keys[version]!, never);
    const [diff] = await Array.fromAsync(
      diffBackups(await open(a), await open(b), { datasets: [table], signal: never }),
    );
    expect(diff!.key).toEqual(TABLES[table].key);
    const changes = await Array.fromAsync(diff!.changes());
    const texts = (rows: readonly (Fields | null)[]) =>
      rows.flatMap((row) => (row ? [JSON.stringify(row)] : [])).toSorted();
    expect(texts(changes.map(({ before }) => before))).toEqual(await exceptAll(table, a, b));
    expect(texts(changes.map(({ after }) => after))).toEqual(await exceptAll(table, b, a));
    const isOther = a !== b;
    expect(changes.some((row) => row.change === 'changed')).toBe(isOther && diff!.key.length > 0);
  }

  it.each(NAMES)(
    'finds the rows of %s',
    async (table) => {
      for (const [a, b] of versionPairs(versions, random)) await compare(table, a, b);
    },
    tortureTimeoutMs,
  );
});
