import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect } from 'vitest';
import { mysqlDecoder } from '../../../../../shared/sources/mysql/changes/decoder.ts';
import { openMysqlReplay } from '../../../../../shared/sources/mysql/changes/replay.ts';
import { type MariadbServer, startMariadb } from '../../../../../tools/mariadb-server.ts';
import { describeWithPart } from '../../../../support/parts.ts';
import { never } from '../../../../support/repository/engine.ts';
import { strides, turns } from '../../../../support/repository/torture.ts';
import { checksums, nativeDump, newRepository, restoreUrl } from '../round-trip.ts';
import { type Base, backUpBase, changesOf, poll, replayInto, restoreTo, type Segments } from './scene.ts';

const it = turns(2, 2);
let server: MariadbServer;

/** All that a log can have, each from a session of its own; some of it is not the same if it is done twice. */
const WORK = [
  `
  INSERT INTO keyless VALUES (1, 'é'), (1, 'é'), (2, NULL);
  BEGIN; INSERT INTO items VALUES (10, 'a'); SAVEPOINT s; INSERT INTO items VALUES (11, 'b'); ROLLBACK TO s; UPDATE items SET v = CONCAT(v, '!'); COMMIT;
  ALTER TABLE items ADD COLUMN w INT DEFAULT 7;
  DELETE FROM keyless LIMIT 1;
  `,
  "XA START 'one'; INSERT INTO items VALUES (20, 'x', 1); XA END 'one'; XA PREPARE 'one'",
  `INSERT INTO items VALUES (21, 'y', 2);
  CREATE TABLE made (id INT PRIMARY KEY) SELECT id FROM items WHERE id < 5;
  XA COMMIT 'one';
  CREATE TRIGGER shout BEFORE INSERT ON items FOR EACH ROW SET NEW.v = CONCAT(NEW.v, '?');
  INSERT INTO items VALUES (30, 'z', 3);
  CREATE VIEW shop.seen AS SELECT shop.items.id FROM shop.items;
  RENAME TABLE made TO done;
  DELETE FROM parents WHERE id = 1;
  SELECT NEXTVAL(numbers);
  TRUNCATE keyless;
  INSERT INTO keyless VALUES (5, 'last'), (5, 'last')`,
  "XA START 'two'; INSERT INTO keyless VALUES (6, 'never'); XA END 'two'; XA PREPARE 'two'",
];

interface Scene {
  readonly repository: Awaited<ReturnType<typeof newRepository>>;
  readonly base: Base;
  readonly segments: Segments;
}
let scene: Scene;

/** Stops at the n-th thing that the replay asks the target. */
class Dying {
  calls = 0;
  readonly #at: number;
  readonly #stop = new AbortController();

  constructor(at: number) {
    this.#at = at;
  }

  /** A signal that is asked before each statement, and aborted at the n-th. */
  get signal(): AbortSignal {
    return new Proxy(this.#stop.signal, {
      get: (signal, name) => {
        if (name === 'aborted' && ++this.calls === this.#at) this.#stop.abort();
        const value: unknown = Reflect.get(signal, name, signal);
        return typeof value === 'function' ? value.bind(signal) : value;
      },
    });
  }
}

/** Does it in a session of its own, and waits until the server has let go of that: before, nobody else can end what it prepared (XA). */
async function inSession(sql: string): Promise<void> {
  const client = await server.connect('shop');
  await client.query(sql);
  await client.end();
  const isThere = `SELECT 1 FROM information_schema.processlist WHERE id = ${client.threadId}`;
  while ((await server.query(undefined, isThere)).length > 0) await sleep(5);
}

describeWithPart('mariadb', 'a replay of MariaDB', () => {
  beforeAll(async () => {
    server = await startMariadb();
    await server.query(
      undefined,
      `CREATE DATABASE shop; USE shop;
       CREATE TABLE items (id INT PRIMARY KEY, v VARCHAR(100)); INSERT INTO items VALUES (1, 'old');
       CREATE TABLE keyless (a INT, b TEXT);
       CREATE TABLE parents (id INT PRIMARY KEY); CREATE TABLE children (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE);
       INSERT INTO parents VALUES (1), (2); INSERT INTO children VALUES (1, 1), (2, 2);
       CREATE SEQUENCE numbers CACHE 10`,
    );
    const repository = await newRepository();
    await using changes = changesOf(server);
    const from = await changes.begins(never);
    const base = await backUpBase(repository, server.url('shop'));
    for (const sql of WORK) await inSession(sql);
    const segments: Segments = [];
    await poll(changes, segments, from, { mostBytes: 1500 });
    // What was prepared and never ended is not there.
    await server.query('shop', "XA ROLLBACK 'two'");
    scene = { repository, base, segments };
  });
  afterAll(() => server.stop());

  const expectSame = async (database: string) => {
    expect(await checksums(server, database)).toEqual(await checksums(server, 'shop'));
    const dumpOf = async (name: string) =>
      (await nativeDump(server, name)).replaceAll(/AUTO_INCREMENT=\d+ /g, '');
    expect(await dumpOf(database)).toBe(await dumpOf('shop'));
  };

  it('brings a database of another name to what the server holds, by its own dump', async () => {
    const warnings = await restoreTo(server, 'again', { ...scene, until: {} });
    expect(warnings).toEqual([expect.stringContaining('prepared (XA)')]);
    await expectSame('again');
  });

  it('goes on wherever it broke off, and doubles nothing', async () => {
    await server.query(undefined, 'CREATE OR REPLACE DATABASE broken');
    await restoreUrl(scene.repository, scene.base.key, server.url('broken'));
    let breaks = 0;
    for (const at of strides(40)) {
      const dying = new Dying(at);
      await using replay = openMysqlReplay(server.url('broken'), {}, {}, options());
      try {
        if (!(await replay.resumes(never))) await replay.begin(never);
        for (const segment of scene.segments) await replay.apply(segment, dying.signal);
        break;
      } catch (error) {
        expect(error).toMatchObject({ code: 'E_ABORTED' });
        breaks++;
      }
    }
    expect(breaks).toBeGreaterThan(1);
    await replayInto(server.url('broken'), { ...scene, until: {} });
    await expectSame('broken');
  });

  it('says what is in the way', async () => {
    const before = (id: string) => restoreTo(server, 'wrong', { ...scene, until: { beforeTransaction: id } });
    await expect(before('0-1-999999')).rejects.toMatchObject({ code: 'E_NO_MOMENT' });
    await expect(before('yesterday')).rejects.toMatchObject({ code: 'E_USAGE' });
    await server.query(
      undefined,
      "CREATE OR REPLACE USER weak@'%' IDENTIFIED BY 'pw'; GRANT ALL ON wrong.* TO weak@'%'",
    );
    const weak = `mysql://weak:pw@${server.host}:${server.port}/wrong`;
    await expect(replayInto(weak, { ...scene, until: {} })).rejects.toMatchObject({
      code: 'E_SOURCE_DENIED',
      message: expect.stringContaining('BINLOG REPLAY'),
    });
    await server.query('wrong', 'DROP TABLE IF EXISTS holdfast_replay');
    await using one = openMysqlReplay(server.url('wrong'), {}, {}, options());
    await one.begin(never);
    await using other = openMysqlReplay(server.url('wrong'), {}, {}, { ...options(), base: 'another' });
    await expect(other.resumes(never)).rejects.toMatchObject({ code: 'E_TARGET_NOT_EMPTY' });
  });

  it('writes no statement into the log of the target for each that it applies, whoever may not change that', async () => {
    await server.query(
      undefined,
      "CREATE OR REPLACE USER player@'%' IDENTIFIED BY 'pw'; GRANT ALL ON played.* TO player@'%'; GRANT BINLOG REPLAY, SET USER ON *.* TO player@'%'",
    );
    for (const user of ['player:pw', `${server.user}:${server.password}`]) {
      await server.query(undefined, 'CREATE OR REPLACE DATABASE played; FLUSH BINARY LOGS');
      await restoreUrl(scene.repository, scene.base.key, server.url('played'));
      await server.query(undefined, 'FLUSH BINARY LOGS');
      await replayInto(`mysql://${user}@${server.host}:${server.port}/played`, { ...scene, until: {} });
      await expectSame('played');
      const logs = await server.query(undefined, 'SHOW BINARY LOGS');
      const events = await server.query(undefined, `SHOW BINLOG EVENTS IN '${logs.at(-1)?.['Log_name']}'`);
      const texts = events
        .filter(({ Event_type: type }) => type === 'Annotate_rows')
        .map(({ Info: text }) => String(text))
        .filter((text) => text.startsWith('BINLOG'));
      if (user.startsWith('player'))
        expect(Math.max(...texts.map(({ length }) => length))).toBeLessThan(16_384);
      else expect(texts).toEqual([]);
    }
  });

  it('notices if the target does not hold what the source held', async () => {
    await server.query(undefined, 'CREATE OR REPLACE DATABASE altered');
    await restoreUrl(scene.repository, scene.base.key, server.url('altered'));
    await server.query('altered', 'DELETE FROM parents WHERE id = 1');
    await expect(replayInto(server.url('altered'), { ...scene, until: {} })).rejects.toMatchObject({
      code: 'E_SOURCE_FAILED',
      message: expect.stringMatching(/transaction 0-1-\d+: changes could not be applied/),
    });
  });

  it('has transactions that a decoder tells, each with its rows', async () => {
    const told: string[] = [];
    for (const segment of scene.segments)
      for await (const { id, changes } of mysqlDecoder.transactions(segment, never)) {
        const kinds: string[] = [];
        for await (const { kind, dataset } of changes) kinds.push(`${kind} ${dataset}`);
        told.push(`${id.replace(/\d+$/, 'n')}: ${kinds.join(', ')}`);
      }
    expect(told).toContain('0-1-n: insert keyless, insert keyless, insert keyless');
    expect(told).toContain('0-1-n: insert items, update items, update items');
    expect(told).toContain('0-1-n: truncate keyless');
  });

  function options() {
    return { join: scene.base.join, until: {}, base: scene.base.key };
  }
});
