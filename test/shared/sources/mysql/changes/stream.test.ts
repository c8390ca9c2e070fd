import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import type { ChangeBatch } from '../../../../../shared/sources/changes.ts';
import { comparePositions } from '../../../../../shared/sources/mysql/changes/position.ts';
import { openMysqlChanges } from '../../../../../shared/sources/mysql/changes/stream.ts';
import { type MariadbServer, startMariadb } from '../../../../../tools/mariadb-server.ts';
import { describeWithPart } from '../../../../support/parts.ts';
import { never } from '../../../../support/repository/engine.ts';
import { turns } from '../../../../support/repository/torture.ts';
import { changesOf, MOST_BYTES, poll, type Segments } from './scene.ts';

const it = turns(3);
let server: MariadbServer;

/** A database with two tables, and another one beside it. */
async function shop(): Promise<void> {
  await server.query(
    undefined,
    `CREATE OR REPLACE DATABASE shop; CREATE OR REPLACE DATABASE payroll;
     CREATE TABLE shop.orders (id INT PRIMARY KEY, v TEXT); CREATE TABLE payroll.wages (id INT PRIMARY KEY, v TEXT)`,
  );
}

async function bytesOf(batch: ChangeBatch): Promise<Buffer> {
  const blocks: Buffer[] = [];
  for await (const block of batch.bytes()) blocks.push(Buffer.from(block));
  return Buffer.concat(blocks);
}

/** What the server's own program says of a log file, without what says where a statement stands in it. */
function nativeText(file: string, options: readonly string[] = []): string {
  const all = ['--no-defaults', '--base64-output=decode-rows', '-vv', ...options, file];
  return execFileSync('mariadb-binlog', all, { encoding: 'utf8', maxBuffer: 1e9 })
    .split('\n')
    .filter((line) => /^###|^(CREATE|TRUNCATE|SAVEPOINT|XA |COMMIT|ROLLBACK)/.test(line))
    .filter((line) => !line.includes('added by mysqlbinlog'))
    .join('\n');
}

/** The same of what was stored, with every checksum compared. */
function textOf(files: readonly Buffer[]): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-binlog-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return files
    .map((bytes, i) => {
      const file = path.join(folder, String(i));
      writeFileSync(file, bytes);
      return nativeText(file, ['--verify-binlog-checksum']);
    })
    .join('\n');
}

async function stored(segments: Segments): Promise<readonly Buffer[]> {
  const files: Buffer[] = [];
  for (const segment of segments) {
    const blocks: Uint8Array[] = [];
    for await (const block of segment.bytes()) blocks.push(block);
    files.push(Buffer.concat(blocks));
  }
  return files;
}

describeWithPart('mariadb', 'changes of MariaDB', () => {
  beforeAll(async () => {
    server = await startMariadb();
  });
  afterAll(() => server.stop());

  it('are a binary log that the server reads as its own, in files that follow each other', async () => {
    await shop();
    await using changes = changesOf(server);
    const from = await changes.begins(never);
    const [status] = await server.query(undefined, 'SHOW MASTER STATUS');
    await server.query(
      'shop',
      `INSERT INTO orders SELECT seq, REPEAT('é', seq % 50) FROM seq_1_to_2000;
       BEGIN; UPDATE orders SET v = 'é' WHERE id < 5; SAVEPOINT s; DELETE FROM orders WHERE id = 7; ROLLBACK TO s; DELETE FROM orders WHERE id = 8; COMMIT;
       XA START 'a'; DELETE FROM orders WHERE id = 9; XA END 'a'; XA PREPARE 'a'; XA COMMIT 'a';
       CREATE TABLE more (a INT) AS SELECT id AS a FROM orders LIMIT 3; TRUNCATE more`,
    );
    const whole: Segments = [];
    await poll(changes, whole, from);
    const small: Segments = [];
    await poll(changes, small, from, { mostBytes: 1 });
    expect(whole.length).toBe(1);
    expect(small.length).toBeGreaterThan(5);
    for (const [i, segment] of small.entries()) {
      expect(segment.from).toBe(small[i - 1]?.to ?? from);
      expect(comparePositions(segment.from, segment.to)).toBeLessThan(0);
    }
    const count = (segments: Segments) => segments.reduce((sum, { facts }) => sum + facts.transactions, 0);
    expect(count(whole)).toBe(5);
    expect(count(small)).toBe(5);
    const [file] = await server.query(undefined, 'SELECT @@log_bin_basename AS name');
    const original = path.join(path.dirname(String(file?.['name'])), String(status?.['File']));
    const originalText = nativeText(original, [`--start-position=${status?.['Position']}`]);
    expect(originalText).toContain('### DELETE FROM `shop`.`orders`');
    expect(textOf(await stored(whole))).toBe(originalText);
    expect(textOf(await stored(small))).toBe(originalText);
  });

  it('leave out what other databases changed, also in the middle of a transaction', async () => {
    await shop();
    await using changes = changesOf(server);
    const from = await changes.begins(never);
    await server.query(
      'shop',
      `INSERT INTO payroll.wages VALUES (1, 'secret-one');
       BEGIN; INSERT INTO orders VALUES (1, 'mine-one'); INSERT INTO payroll.wages VALUES (2, 'secret-two'); INSERT INTO orders VALUES (2, 'mine-two'); COMMIT;
       UPDATE orders, payroll.wages SET orders.v = 'mine-three', wages.v = 'secret-three' WHERE orders.id = 1;
       CREATE TABLE payroll.secret_table (id INT); GRANT SELECT ON shop.* TO ana@'%' IDENTIFIED BY 'secret-word'`,
    );
    const batch = await changes.read(from, { mostBytes: MOST_BYTES, signal: never });
    const bytes = await bytesOf(batch);
    expect(bytes.toString('latin1')).not.toContain('secret');
    for (const mine of ['mine-one', 'mine-two', 'mine-three'])
      expect(bytes.toString('latin1')).toContain(mine);
    expect(batch.facts().transactions).toBe(2);
    expect(textOf([bytes])).not.toContain('payroll');
  });

  it('are not new while only others change, so that no stretch is stored', async () => {
    await shop();
    await using changes = changesOf(server);
    const from = await changes.begins(never);
    await server.query('payroll', "INSERT INTO wages VALUES (1, 'x')");
    const batch = await changes.read(from, { mostBytes: MOST_BYTES, signal: never });
    expect(batch.to).toBe(from);
    expect(await bytesOf(batch)).toHaveLength(0);
    expect(batch.facts()).toMatchObject({ transactions: 0, datasets: ['orders'], carriesDefinitions: true });
    // What began before is still read afterwards.
    await server.query('shop', "INSERT INTO orders VALUES (1, 'x')");
    expect((await changes.read(from, { mostBytes: MOST_BYTES, signal: never })).facts().transactions).toBe(1);
  });

  /** The server notes in the newest file of the log, some time after it began it, that it needs no older one. */
  async function checkpointed(): Promise<void> {
    const [status] = await server.query(undefined, 'SHOW MASTER STATUS');
    const file = String(status?.['File']);
    for (let isNoted = false; !isNoted; ) {
      const events = await server.query(undefined, `SHOW BINLOG EVENTS IN '${file}'`);
      isNoted = events.some((row) => row['Event_type'] === 'Binlog_checkpoint' && row['Info'] === file);
    }
  }

  it('go on over new files of the log, and give two readers the same bytes', async () => {
    await shop();
    await using changes = changesOf(server);
    await using other = changesOf(server);
    const from = await changes.begins(never);
    for (let i = 0; i < 3; i++)
      await server.query(
        'shop',
        `INSERT INTO orders VALUES (${i}, 'x'); FLUSH BINARY LOGS; INSERT INTO orders VALUES (${i + 10}, 'y')`,
      );
    await checkpointed();
    const mine: Segments = [];
    const theirs: Segments = [];
    await Promise.all([poll(changes, mine, from), poll(other, theirs, from)]);
    expect(mine.map(({ to }) => to)).toEqual(theirs.map(({ to }) => to));
    expect(await stored(mine)).toEqual(await stored(theirs));
    expect(mine.length).toBeGreaterThanOrEqual(4);
    expect(mine.reduce((sum, { facts }) => sum + facts.transactions, 0)).toBe(6);
  });

  it.each([
    [
      'was purged',
      async () => {
        const [status] = await server.query(undefined, 'SHOW MASTER STATUS');
        const file = String(status?.['File']);
        await server.query(undefined, 'FLUSH BINARY LOGS; FLUSH BINARY LOGS');
        // The server puts it off while a reader that has gone seems to be there.
        for (let files = [file]; files.includes(file); ) {
          await server.query(undefined, `PURGE BINARY LOGS TO '${nextFile(file)}'`);
          files = (await server.query(undefined, 'SHOW BINARY LOGS')).map((row) => String(row['Log_name']));
        }
      },
    ],
    [
      'was reset, and has a file of that name again',
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 1100));
        await server.query(undefined, 'RESET MASTER');
        await server.query('shop', "INSERT INTO orders SELECT seq, 'x' FROM seq_1_to_5000");
      },
    ],
  ])('have a gap if the log %s', async (_, lose) => {
    await shop();
    await server.query(undefined, 'RESET MASTER');
    await using changes = changesOf(server);
    const from = await changes.begins(never);
    await server.query('shop', "INSERT INTO orders VALUES (-1, 'x')");
    await lose();
    await expect(changes.read(from, { mostBytes: MOST_BYTES, signal: never })).rejects.toMatchObject({
      code: 'E_CHANGES_GAP',
      hint: expect.stringContaining('Make a new backup'),
    });
    // From its present end on it can be read again.
    const again = await changes.begins(never);
    expect((await changes.read(again, { mostBytes: MOST_BYTES, signal: never })).to).toBe(again);
  });

  it('say that a transaction is there as a statement, which no restore can go past', async () => {
    await shop();
    await using changes = changesOf(server);
    const from = await changes.begins(never);
    await server.query('shop', "SET SESSION binlog_format = 'STATEMENT'; INSERT INTO orders VALUES (1, 'x')");
    const first = await changes.read(from, { mostBytes: MOST_BYTES, signal: never });
    expect(first.facts()).toMatchObject({
      carriesDefinitions: false,
      warnings: [expect.stringContaining('binlog_format=ROW')],
    });
    await server.query('shop', "INSERT INTO orders VALUES (2, 'x')");
    const second = await changes.read(first.to, { mostBytes: MOST_BYTES, signal: never });
    expect(second.facts().carriesDefinitions).toBe(true);
    expect(second.facts().schema).not.toBe(first.facts().schema);
  });

  it('need a user who may read the log', async () => {
    await shop();
    await server.query(
      undefined,
      "CREATE OR REPLACE USER weak@'%' IDENTIFIED BY 'pw'; GRANT SELECT ON shop.* TO weak@'%'",
    );
    const url = `mysql://weak:pw@${server.host}:${server.port}/shop`;
    await using changes = openMysqlChanges(url, {}, {});
    await expect(changes.begins(never)).rejects.toMatchObject({ code: 'E_CHANGES_NOT_SET_UP' });
    await using strong = changesOf(server);
    const from = await strong.begins(never);
    await expect(changes.read(from, { mostBytes: MOST_BYTES, signal: never })).rejects.toMatchObject({
      code: 'E_SOURCE_DENIED',
    });
  });

  it('of a large stretch are read twice, and are the same', async () => {
    await shop();
    await using changes = changesOf(server);
    const from = await changes.begins(never);
    await server.query('shop', "INSERT INTO orders SELECT seq, REPEAT('x', 10000) FROM seq_1_to_1700");
    const large = await changes.read(from, { mostBytes: 1, signal: never });
    const bytes = await bytesOf(large);
    expect(bytes.length).toBeGreaterThan(16 * 1024 ** 2);
    const again = await changes.read(from, { mostBytes: 1, signal: never });
    expect((await bytesOf(again)).equals(bytes)).toBe(true);
    expect(textOf([bytes]).match(/^### INSERT/gm)).toHaveLength(1700);
  });
});

function nextFile(name: string): string {
  return name.replace(/\d+$/, (number) => String(Number(number) + 1).padStart(number.length, '0'));
}
