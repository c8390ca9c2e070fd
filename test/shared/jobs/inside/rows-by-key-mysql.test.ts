import { afterAll, beforeAll, expect, it } from 'vitest';
import { keyFieldsOf } from '../../../../shared/core/key-fields.ts';
import type { BackupReader } from '../../../../shared/repository/reading/backup-reader.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { describeWithMysql, openTestServer } from '../../../support/mysql-server.ts';
import { never } from '../../../support/repository/engine.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed } from '../../../support/repository/torture.ts';
import { backUpUrl, newRepository } from '../../sources/mysql/round-trip.ts';
import { chunksNear, numberForm, numbersOfChunks, rowsWhere } from './rows-by-key.ts';

/** Tables by kinds of keys, and the fields of the key that bounds are of. */
const TABLES = {
  by_id: {
    sql: 'v text, id int PRIMARY KEY',
    fill: "repeat('v', seq % 90), seq",
    key: ['id'],
    form: 'id integer',
  },
  large: {
    sql: 'id bigint unsigned PRIMARY KEY, v text',
    fill: "seq * 3689348814741910, repeat('v', seq % 90)",
    key: ['id'],
    form: 'id integer',
  },
  by_two: {
    sql: '`part` int, `Odd ``key` varchar(40) CHARACTER SET latin1, v text, PRIMARY KEY (`Odd ``key`, part)',
    fill: "seq % 40, concat('k\\t\\n', seq), concat('v', seq)",
    key: ['Odd `key', 'part'],
    form: 'Odd `key text, part integer',
  },
  by_unique: {
    sql: 'name varchar(40) NOT NULL UNIQUE, v text',
    fill: "concat('Name ', seq), repeat('v', seq % 50)",
    key: ['name'],
    form: 'name text',
  },
  by_time: {
    sql: 'at datetime(3) PRIMARY KEY, v text',
    fill: "date_add('2020-01-01', INTERVAL seq * 77 SECOND), 'v'",
    key: ['at'],
    form: 'at text',
  },
  by_bytes: {
    sql: 'id varbinary(16) PRIMARY KEY, v text',
    fill: "unhex(md5(seq)), repeat('v', seq % 30)",
    key: ['id'],
    form: '',
  },
} as const;
type Table = keyof typeof TABLES;
const NAMES = Object.keys(TABLES) as Table[];
const ROWS = 4000;

describeWithMysql('rows of MariaDB by their keys', () => {
  let server: MariadbServer;
  let repository: Repository;
  let reader: BackupReader;
  const random = seededRandom(testSeed);
  const query = (sql: string) => server.query('bykey', sql);
  const quote = (name: string) => `\`${name.replaceAll('`', '``')}\``;

  beforeAll(async () => {
    server = await openTestServer();
    repository = await newRepository();
    await server.query(undefined, 'DROP DATABASE IF EXISTS bykey; CREATE DATABASE bykey');
    for (const name of NAMES) {
      await query(`CREATE TABLE ${name} (${TABLES[name].sql})`);
      await query(`INSERT INTO ${name} SELECT ${TABLES[name].fill} FROM seq_1_to_${ROWS}`);
    }
    reader = await repository.openBackup(await backUpUrl(repository, server.url('bykey')), never);
  }, 600_000);
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  it.each(NAMES)('of %s are those that the server finds', async (table) => {
    const { key, form } = TABLES[table];
    const found = reader.catalog.datasets.find(({ name }) => name === table);
    const fields = keyFieldsOf(found?.attributes ?? {});
    expect(fields.map((field) => `${field.name} ${field.form}`).join(', ')).toBe(form);
    const columns = (await query(`SHOW COLUMNS FROM ${table}`)).map((row) => String(row['Field']));
    const shown = (name: string) =>
      table === 'by_bytes' && name === 'id' ? "concat('0x', lower(hex(id)))" : quote(name);
    const texts = columns.map((name, i) => `cast(${shown(name)} AS char) AS c${i}`).join(', ');
    for (let n = 0; n < cases(6, 30, 300); n++) {
      const [row] = await query(
        `SELECT ${texts} FROM ${table} LIMIT 1 OFFSET ${Math.floor(random() * ROWS)}`,
      );
      const values = key.map((name) => String(row?.[`c${columns.indexOf(name)}`]));
      const where = key.map((name, i) => `"${name}" = '${(values[i] ?? '').replaceAll("'", "''")}'`);
      expect(await rowsWhere(reader, table, where)).toEqual([JSON.stringify(Object.values(row ?? {}))]);
    }
    expect(await rowsWhere(reader, table, [`"${key[0]}" = '77777777'`])).toEqual([]);
  });

  it('are looked for in one chunk if they lie in the order of the key', async () => {
    const { all, near } = await chunksNear(reader, 'by_id', ['2500']);
    expect(all).toBeGreaterThan(10);
    expect(near).toBe(1);
  });

  it('have the least and greatest that the server says, and none of numbers of more than 63 bits', async () => {
    let known = 0;
    let unknown = 0;
    for (const table of ['by_id', 'large'])
      for await (const { numbers, bounds } of numbersOfChunks(reader, table)) {
        const ids = numbers.join(', ');
        const [row] = await query(
          `SELECT cast(min(id) AS char) AS least, cast(max(id) AS char) AS greatest FROM ${table} WHERE id IN (${ids})`,
        );
        const isLarge = BigInt(String(row?.['greatest'])) >= 2n ** 63n;
        expect(bounds === undefined).toBe(isLarge);
        if (isLarge) unknown++;
        else {
          known++;
          expect(bounds?.least).toEqual(numberForm(String(row?.['least'])));
          expect(bounds?.greatest).toEqual(numberForm(String(row?.['greatest'])));
        }
      }
    expect(known).toBeGreaterThan(10);
    expect(unknown).toBeGreaterThan(5);
  });
});
