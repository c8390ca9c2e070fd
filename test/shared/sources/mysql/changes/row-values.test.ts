import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished } from 'vitest';
import type { ChangeTransaction, RowChangeOfStream } from '../../../../../shared/sources/changes.ts';
import { mysqlDecoder } from '../../../../../shared/sources/mysql/changes/decoder.ts';
import type { MariadbServer } from '../../../../../tools/mariadb-server.ts';
import { describeWithPart } from '../../../../support/parts.ts';
import { never } from '../../../../support/repository/engine.ts';
import { seededRandom } from '../../../../support/repository/rows.ts';
import { cases, testSeed, turns } from '../../../../support/repository/torture.ts';
import { newShop, startNamed, statesOf } from '../../../jobs/changes/mariadb-shop.ts';
import { makeEverything } from '../everything.ts';
import { changesOf, poll, type Segments } from './scene.ts';

const it = turns(4);
const run = promisify(execFile);

/** Rows of tables without snapshots are in backups alone. */
const LOOSE = "ENGINE NOT IN ('InnoDB') AND ENGINE IS NOT NULL";

/** Rows of a database as its own program writes them, without definitions. */
async function rowsAsSql(server: MariadbServer, database: string, login: readonly string[]): Promise<string> {
  const options = [
    '--no-defaults',
    ...login,
    '--no-create-info',
    '--skip-triggers',
    '--skip-disable-keys',
    '--skip-add-locks',
    '--hex-blob',
    '--complete-insert',
    '--tz-utc',
    ...(
      await server.query(
        database,
        `SELECT TABLE_NAME AS t FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND (TABLE_TYPE = 'SEQUENCE' OR ${LOOSE})`,
      )
    ).map(({ t }) => `--ignore-table=${database}.${t}`),
    database,
  ];
  const { stdout } = await run('mariadb-dump', options, { maxBuffer: 1024 ** 3 });
  return stdout;
}

function loginOf(server: MariadbServer): readonly string[] {
  return [
    `--host=${server.host}`,
    `--port=${server.port}`,
    `--user=${server.user}`,
    `--password=${server.password}`,
  ];
}

describeWithPart('mariadb', 'values of rows in the binary log', () => {
  it.each([
    ['as they are usually logged', {}],
    [
      'compressed, in events of a kilobyte',
      { 'log-bin-compress': '1', 'log-bin-compress-min-len': '10', 'binlog-row-event-max-size': '1024' },
    ],
  ])('are those of every type of column that a backup has, %s', async (_, settings) => {
    const server = await startNamed(settings);
    onTestFinished(() => server.stop());
    const login = loginOf(server);
    const shop = await newShop(server, 'everything', 'CREATE TABLE first_of_all (id INT PRIMARY KEY)');
    await makeEverything(() => server.connect('everything'));
    await shop.query(
      `CREATE TABLE uuids (id INT PRIMARY KEY, u UUID, i INET6, v INET4, y YEAR(2), z INT(7) ZEROFILL, dz DECIMAL(8,2) ZEROFILL, w SET('a','b''c','\\\\d'), e ENUM('x\\\\y','z''','\\n'));
       INSERT INTO uuids VALUES (1, '123e4567-e89b-12d3-a456-426655440000', '1:0:2:0:0:3:0:0', '0.0.0.0', 70, 42, 1.5, 'a,\\\\d', 'x\\\\y'),
         (2, '00000000-0000-0000-0000-000000000000', '::', '255.0.0.0', 0, 0, 0, '', 'z'''), (3, 'ffffffff-ffff-ffff-ffff-ffffffffffff', '::1', NULL, NULL, NULL, NULL, NULL, '\\n'),
         (4, '018c3b2a-1b2c-7abc-8def-0123456789ab', '::1.2.3.4', '1.2.3.4', 69, 9999999, 999999.99, 'a,b''c,\\\\d', NULL),
         (5, '1ec9414c-232a-6b00-b3c8-9e6bdeced846', 'fe80::', NULL, 99, 1, 0.01, 'b''c', NULL), (6, '886313e1-3b8a-5372-9b90-0c9aee199e5d', '1:2:3:4:5:6:7:8', NULL, 1, 1, 1, NULL, NULL),
         (7, '123e4567-e89b-42d3-0456-426655440000', '1:2:3:4:5:6:0:8', NULL, 1, 1, 1, NULL, NULL)`,
    );
    const sql = await rowsAsSql(server, 'everything', login);
    const tables = await shop.query(
      `SELECT TABLE_NAME AS t FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'everything' AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND NOT (${LOOSE})`,
    );
    const quoted = tables.map(({ t }) => `\`${String(t).replaceAll('`', '``')}\``);
    const empty = quoted.map((name) => `DELETE FROM ${name}`).join(';\n');
    await shop.query(`SET foreign_key_checks = 0; ${empty}`);
    await shop.store();
    await shop.backUp();
    execFileSync('mariadb', ['--no-defaults', ...login, 'everything'], { input: sql });
    const names =
      "SET sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO'; UPDATE `all types` SET id = id + 1000, dt = '2023-02-31', t6 = '-00:00:00.000001', ts6 = '2038-01-19 03:14:07.999999'";
    await shop.query(names);
    await shop.store();
    const full = await shop.backUp();
    await shop.store();
    const proof = await shop.prove(full);
    const unlike = statesOf(proof).filter((line) => !line.endsWith(': equal'));
    const loose = await shop.query(
      `SELECT TABLE_NAME AS t FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'everything' AND TABLE_TYPE = 'BASE TABLE' AND ${LOOSE}`,
    );
    expect(unlike, JSON.stringify(proof.datasets.filter(({ state }) => state === 'different'))).toEqual(
      loose.map(({ t }) => `${t}: not compared: the stream does not cover it`).toSorted(),
    );
    expect(proof.transactions).toBeGreaterThan(20);
    // What was there before is in the log too, where rows go.
    await shop.query(`SET foreign_key_checks = 0; ${empty}`);
    await shop.store();
    const emptied = await shop.backUp();
    await shop.store();
    expect((await shop.prove(emptied)).state).toBe('equal');
  });

  it('are those of random numbers and times, as the server writes them', async () => {
    const server = await startNamed();
    onTestFinished(() => server.stop());
    const shop = await newShop(
      server,
      'random_values',
      `CREATE TABLE n (id INT PRIMARY KEY, d DOUBLE, f FLOAT, a DECIMAL(65,30), b DECIMAL(18,9), c DECIMAL(9,0), e DECIMAL(10,10), t0 TIME, t1 TIME(1), t3 TIME(3), t6 TIME(6),
         d2 DATETIME(2), d5 DATETIME(5), s4 TIMESTAMP(4) NULL, u MEDIUMINT UNSIGNED, i MEDIUMINT)`,
    );
    await shop.backUp();
    const random = seededRandom(testSeed);
    const bits = Buffer.alloc(8);
    const double = (): number => {
      for (let i = 0; i < 8; i++) bits[i] = Math.floor(random() * 256);
      const value =
        random() < 0.5
          ? bits.readDoubleLE(0)
          : Number(
              (random() * 10 ** Math.floor(random() * 40 - 20)).toPrecision(1 + Math.floor(random() * 17)),
            );
      return Number.isFinite(value) ? value : 0;
    };
    const single = () =>
      bits.readFloatLE(0) < 3e38 && bits.readFloatLE(0) > -3e38 ? bits.readFloatLE(0) : 1;
    const sign = () => (random() < 0.5 ? '-' : '');
    const whole = (below: number) => Math.floor(random() * below);
    const digits = (most: number) => Array.from({ length: 1 + whole(most) }, () => whole(10)).join('');
    const clock = () => `${whole(839)}:${whole(59)}:${whole(59)}.${digits(6)}`;
    const day = () =>
      `${1000 + whole(9000)}-${1 + whole(12)}-${1 + whole(28)} ${whole(24)}:${whole(60)}:${whole(60)}.${digits(5)}`;
    const moment = () =>
      `${1971 + whole(66)}-${1 + whole(12)}-${1 + whole(28)} ${whole(24)}:${whole(60)}:${whole(60)}.${digits(4)}`;
    const row = (id: number) =>
      `(${[id, double(), single(), `${sign()}${digits(35)}.${digits(30)}`, `${sign()}${digits(9)}.${digits(9)}`, `${sign()}${digits(9)}`, `${sign()}0.${digits(10)}`].join(', ')}, ${[`${sign()}${clock()}`, `${sign()}${clock()}`, `${sign()}${clock()}`, `${sign()}${clock()}`, day(), day(), moment()].map((text) => `'${text}'`).join(', ')}, ${whole(2 ** 24)}, ${sign()}${whole(2 ** 23)})`;
    const count = cases(500, 2000, 20_000);
    for (let first = 0; first < count; first += 500)
      await shop.query(
        `SET time_zone = '+00:00', sql_mode = ''; INSERT INTO n VALUES ${Array.from({ length: 500 }, (_, i) => row(first + i)).join(', ')}`,
      );
    await shop.store();
    const base = await shop.backUp();
    await shop.store();
    const proof = await shop.prove(base);
    expect(statesOf(proof), JSON.stringify(proof.datasets)).toEqual(['n: equal']);
    expect(proof.transactions).toBe(count / 500);
  });

  it('are told of columns whose times have the form of before MySQL 5.6, without fractions alone', async () => {
    const server = await startNamed({ 'mysql56-temporal-format': 'OFF' });
    onTestFinished(() => server.stop());
    const shop = await newShop(
      server,
      'old_times',
      'CREATE TABLE whole (id INT PRIMARY KEY, d DATE, dt DATETIME, ts TIMESTAMP NULL, t TIME); CREATE TABLE parts (id INT PRIMARY KEY, dt DATETIME(6), n INT)',
    );
    await shop.backUp();
    await shop.query(
      `SET sql_mode = ''; INSERT INTO whole VALUES (1, '2024-02-29', '9999-12-31 23:59:58', '2026-01-02 03:04:05', '-838:59:59'), (2, '0000-00-00', '0000-00-00', 0, '00:00:01'), (3, NULL, NULL, NULL, NULL);
       UPDATE whole SET t = '12:34:56' WHERE id = 2; INSERT INTO parts VALUES (1, NOW(6), 7)`,
    );
    await shop.store();
    const base = await shop.backUp();
    await shop.store();
    expect(statesOf(await shop.prove(base))).toEqual([
      'parts: not compared: the log has dt in another form than datetime(6)',
      'whole: equal',
    ]);
  });

  it("are what the server's own program says of each row, before and after", async () => {
    const server = await startNamed();
    onTestFinished(() => server.stop());
    const shop = await newShop(
      server,
      'shop',
      'CREATE TABLE t (id INT PRIMARY KEY, a BIGINT UNSIGNED, b VARCHAR(100), c DECIMAL(20,4), d DATETIME(3)); INSERT INTO t SELECT seq, seq, seq, seq, NULL FROM seq_1_to_50',
    );
    const base = await shop.backUp();
    const reader = await shop.repository.openBackup(base, never);
    const { join } = reader.catalog;
    if (!join) throw new Error('no join');
    await using changes = changesOf(server);
    const random = seededRandom(testSeed);
    const id = () => 1 + Math.floor(random() * 80);
    for (let n = 0; n < cases(60, 200, 2000); n++) {
      const some = [
        `INSERT IGNORE INTO t VALUES (${id()}, ${n} * 1e15, 'x${n}', -${n} / 7, NOW(3))`,
        `UPDATE t SET a = a + 1, c = -c, b = CONCAT(b, 'y') WHERE id % ${id()} = 0`,
        `DELETE FROM t WHERE id = ${id()}`,
        `REPLACE INTO t (id, b) VALUES (${id()}, NULL)`,
      ];
      await shop.query(some[Math.floor(random() * some.length)] ?? '');
    }
    const segments: Segments = [];
    await poll(changes, segments, join.from, { mostBytes: 1500 });
    expect(segments.length).toBeGreaterThan(2);
    const { contentsOf } = await import('../../../../../shared/jobs/restore/contents.ts');
    const teller = await mysqlDecoder.following?.({ contents: contentsOf(reader), join }, never);
    if (!teller) throw new Error('nothing follows');
    const told: string[] = [];
    for (const segment of segments)
      for await (const transaction of teller.transactions(segment, never))
        told.push(...(await textOf(transaction)));
    expect(told).toEqual(await verbose(segments));
    expect(told.length).toBeGreaterThan(50);
  });
});

async function textOf({ changes }: ChangeTransaction): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { kind, before, after } of changes)
    lines.push([kind, before && valuesOf(before), after && valuesOf(after)].filter(Boolean).join(' '));
  return lines;
}

function valuesOf(fields: NonNullable<RowChangeOfStream['before']>): string {
  return `(${fields.map((field) => field ?? 'NULL').join(',')})`;
}

/** From `### INSERT INTO`, `### SET`, `###   @1=1`. */
async function verbose(segments: Segments): Promise<readonly string[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-binlog-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const lines: string[] = [];
  for (const segment of segments) {
    const file = path.join(folder, 'log');
    writeFileSync(file, Buffer.concat(await Array.fromAsync(segment.bytes())));
    const text = execFileSync(
      'mariadb-binlog',
      ['--no-defaults', '--base64-output=decode-rows', '-v', file],
      {
        encoding: 'utf8',
        maxBuffer: 1e9,
      },
    );
    const rows = text.matchAll(
      /^### (INSERT|UPDATE|DELETE) .*\n((?:### (?:WHERE|SET)\n(?:### {3}@.*\n)+)+)/gm,
    );
    for (const [, kind = '', body = ''] of rows) {
      const images = [...body.matchAll(/### (?:WHERE|SET)\n((?:### {3}@.*\n)+)/g)].map(
        ([, image = '']) =>
          `(${[...image.matchAll(/@\d+=(.*)$/gm)].map(([, value = '']) => plain(value)).join(',')})`,
      );
      lines.push([kind.toLowerCase(), ...images].join(' '));
    }
  }
  return lines;
}

/** Without quotes; of a number that the log has no sign of, the one that is unsigned. */
function plain(value: string): string {
  return value.replace(/^'(.*)'$/, '$1').replace(/^-\d+ \((\d+)\)$/, '$1');
}
