import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { expect } from 'vitest';
import { type MariadbServer, startMariadb } from '../../../../../tools/mariadb-server.ts';
import { describeWithPart } from '../../../../support/parts.ts';
import { seededRandom } from '../../../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs, turns } from '../../../../support/repository/torture.ts';
import { newRepository } from '../round-trip.ts';
import { lastGtid, TABLES, Writer } from './recorder.ts';
import {
  type Base,
  backUpBase,
  changesOf,
  expectSteps,
  held,
  poll,
  restoreTo,
  type Segments,
  stepsBefore,
} from './scene.ts';

const it = turns(2);
const WRITERS = 8;
const WRITE_MS = cases(1200, 2500, 60_000);
const MOMENTS = cases(1, 3, 50);

interface Recorded {
  readonly server: MariadbServer;
  readonly writers: readonly Writer[];
  readonly segments: Segments;
  readonly base: Base;
  readonly repository: Awaited<ReturnType<typeof newRepository>>;
  readonly defined: readonly Defined[];
}

/** What the client that makes and empties tables knows. */
interface Defined {
  readonly gtid: number;
  readonly columns: number;
  readonly rows: number;
}

/** Writers of all kinds, a poller beside them, and a base in their middle. */
async function record(
  server: MariadbServer,
  { disturb }: { readonly disturb: (at: number) => Promise<void> },
): Promise<Recorded> {
  await server.query(undefined, `CREATE DATABASE shop; USE shop; ${TABLES}`);
  const repository = await newRepository();
  const writers = Array.from({ length: WRITERS }, (_, i) => new Writer(server, i + 1, testSeed));
  const segments: Segments = [];
  await using changes = changesOf(server);
  const from = await changes.begins(new AbortController().signal);
  let isDone = false;
  const writing = [...writers.map((writer) => writer.run(() => isDone))];
  const defined: Defined[] = [];
  const definer = { isPaused: false };
  writing.push(define(server, defined, { isDone: () => isDone, isPaused: () => definer.isPaused }));
  // They are waited for below; after a failure nobody does.
  for (const one of writing) one.catch(() => undefined);
  try {
    await delay(WRITE_MS / 4);
    await poll(changes, segments, from, { mostReads: 2 });
    // A backup begins again if a table is altered meanwhile, a few times.
    definer.isPaused = true;
    await delay(300);
    const base = await backUpBase(repository, server.url('shop'));
    definer.isPaused = false;
    for (let at = 0; at < 3; at++) {
      await delay(WRITE_MS / 4);
      await disturb(at);
      await poll(changes, segments, from, { mostBytes: 50_000, mostReads: 3 });
    }
    isDone = true;
    await Promise.all(writing);
    await poll(changes, segments, from);
    return { server, writers, segments, base, repository, defined };
  } finally {
    isDone = true;
  }
}

/** Makes columns and empties a table, and notes what the table was like after each. */
async function define(
  server: MariadbServer,
  defined: Defined[],
  { isDone, isPaused }: { readonly isDone: () => boolean; readonly isPaused: () => boolean },
): Promise<void> {
  let columns = 2;
  let rows = 0;
  let client: Connection | undefined;
  while (!isDone()) {
    try {
      client ??= await server.connect('shop');
      await client.query("INSERT INTO emptied (note) VALUES ('a'), ('b')");
      rows += 2;
      defined.push({ gtid: await lastGtid(client), columns, rows });
      await client.query(`ALTER TABLE emptied ADD COLUMN c${columns} INT DEFAULT ${columns}`);
      columns++;
      defined.push({ gtid: await lastGtid(client), columns, rows });
      await client.query('TRUNCATE emptied');
      rows = 0;
      defined.push({ gtid: await lastGtid(client), columns, rows });
      do await delay(50);
      while (isPaused() && !isDone());
    } catch (error) {
      if (!/PROTOCOL|ECONN|EPIPE|closed/.test(String(error) + (error as { code?: string }).code)) throw error;
      return;
    }
  }
  await client?.end();
}

function gtidsOf({ writers }: Recorded): readonly number[] {
  return writers
    .flatMap(({ commits }) => commits.flatMap(({ gtid }) => gtid ?? []))
    .toSorted((a, b) => a - b);
}

describeWithPart('mariadb', 'any moment of a stream of changes of MariaDB', () => {
  it(
    'comes back before any transaction, equal to what its clients know',
    async () => {
      await using server = disposable(await startMariadb());
      const recorded = await record(server.server, {
        disturb: async (at) => void (at === 1 && (await server.server.query(undefined, 'FLUSH BINARY LOGS'))),
      });
      const { repository, base, segments, writers, defined } = recorded;
      const random = seededRandom(testSeed);
      const gtids = gtidsOf(recorded);
      expect(gtids.length).toBeGreaterThan(50);
      const first = await firstAfter(recorded);
      const later = gtids.filter((gtid) => gtid > first);
      for (let i = 0; i < MOMENTS; i++) {
        const gtid = later[Math.floor(random() * later.length)] ?? 0;
        await restoreTo(server.server, 'again', {
          repository,
          base,
          segments,
          until: { beforeTransaction: `0-1-${gtid}` },
        });
        const found = await held(server.server, 'again');
        expectSteps(found, writers, (writer) => stepsBefore(writers[writer - 1]?.commits ?? [], gtid));
        const table = defined.findLast((one) => one.gtid < gtid);
        if (table) {
          const [count] = await server.server.query('again', 'SELECT COUNT(*) AS n FROM emptied');
          const columns = await server.server.query('again', 'SHOW COLUMNS FROM emptied');
          expect([count?.['n'], columns.length]).toEqual([table.rows, table.columns]);
        }
      }
    },
    tortureTimeoutMs,
  );

  it(
    'comes back as at its end, and at moments of the clock, also if the server crashed and began new files',
    async () => {
      const settings = { 'innodb-flush-log-at-trx-commit': '1', 'sync-binlog': '1' };
      await using server = disposable(await startMariadb({ settings }));
      const recorded = await record(server.server, {
        disturb: async (at) => {
          if (at === 0) await server.server.crash();
          if (at === 1) await server.server.query(undefined, 'FLUSH BINARY LOGS');
        },
      });
      const { repository, base, segments, writers } = recorded;
      await restoreTo(server.server, 'again', { repository, base, segments, until: {} });
      expectSteps(
        await held(server.server, 'again'),
        writers,
        (writer) => writers[writer - 1]?.commits.length ?? 0,
      );
      for (const table of ['items', 'counters', 'steps', 'emptied']) {
        const sums = await server.server.query(
          undefined,
          `CHECKSUM TABLE shop.${table}, again.${table} EXTENDED`,
        );
        expect(sums[0]?.['Checksum'], table).toBe(sums[1]?.['Checksum']);
        const [lost] = await server.server.query(
          undefined,
          `SELECT COUNT(*) AS n FROM (SELECT * FROM shop.${table} EXCEPT ALL SELECT * FROM again.${table}) x`,
        );
        expect(Number(lost?.['n']), table).toBe(0);
      }
      await expectMoments(recorded);
    },
    tortureTimeoutMs,
  );
});

/** By the clock the log has whole seconds: all that was done before the second began is there, and nothing that began later. */
async function expectMoments(recorded: Recorded): Promise<void> {
  const { server, repository, base, segments, writers } = recorded;
  const random = seededRandom(testSeed + 1);
  const begin = Date.parse(base.join.at) + 1;
  const end = Math.max(...writers.flatMap(({ commits }) => commits.map(({ endedAt }) => endedAt)));
  for (let i = 0; i < MOMENTS; i++) {
    const at = Math.floor(begin + random() * (end - begin));
    const until = { at: new Date(at).toISOString().replace('Z', '000Z') };
    await restoreTo(server, 'again', { repository, base, segments, until });
    const found = await held(server, 'again');
    expectSteps(found, writers, (writer) => found.steps.get(writer) ?? 0);
    const taken = writers.flatMap(({ commits }, w) => commits.slice(0, found.steps.get(w + 1) ?? 0));
    const left = writers.flatMap(({ commits }, w) => commits.slice(found.steps.get(w + 1) ?? 0));
    // Nothing that had not begun by then.
    expect(taken.every(({ begunAt }) => begunAt <= at)).toBe(true);
    // All that had ended before the second began.
    expect(left.every(({ endedAt }) => endedAt >= Math.floor(at / 1000) * 1000)).toBe(true);
    // What is there is what was first in the server's own order.
    const known = (list: typeof taken) => list.flatMap(({ gtid }) => gtid ?? []);
    expect(Math.max(0, ...known(taken))).toBeLessThan(Math.min(Number.POSITIVE_INFINITY, ...known(left)));
  }
}

/** The first transaction that the base lacks, as the restored base itself shows. */
async function firstAfter({ server, repository, base, writers }: Recorded): Promise<number> {
  await restoreTo(server, 'again', { repository, base, segments: [], until: {} });
  const found = await held(server, 'again');
  const lacked = writers.flatMap(({ commits }, w) => commits.slice(found.steps.get(w + 1) ?? 0));
  return Math.min(...lacked.flatMap(({ gtid }) => gtid ?? []));
}

function disposable(server: MariadbServer): AsyncDisposable & { readonly server: MariadbServer } {
  return { server, [Symbol.asyncDispose]: () => server.stop() };
}
