import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openChangeSetup, openChanges } from '../shared/jobs/changes/openers.ts';
import { poller } from '../shared/jobs/changes/poll.ts';
import { HexKeyProvider } from '../shared/keys/hex-key-provider.ts';
import { Repository } from '../shared/repository/repository.ts';
import { FolderStore } from '../shared/store/folder-store.ts';
import { MeteredStore } from '../shared/store/metered-store.ts';
import { installHoldfast } from '../tools/installed.ts';
import { type ChangingServer, mariadb, postgres18 } from './changes-servers.ts';
import { measure, stopping } from './measure.ts';
import type { Options } from './options.ts';
import { type Bar, codeTable, megabytes, showBars, spread } from './report.ts';
import { HOLDFAST_KEY } from './tools.ts';

/** A schedule of a minute: what is committed just after a poll waits so long for the next one. */
const EVERY_S = 60;
const POLLS = 5;
const FULL_ROWS = 1_000_000;
const MOST_LAG_S = 65;
const MOST_MB = 300;
const LEAST_ROWS_A_SECOND = 20_000;

interface PollFigures {
  readonly wallS: number;
  readonly cpuS: number;
  readonly requests: number;
  readonly storedBytes: number;
  readonly transactions: number;
}

/**
 * Continuous backup: what a poll takes if nothing changes and at 500 transactions a second, how far behind it is, how much memory a large
 * transaction takes, and how fast changes are applied.
 */
export async function changes(folder: string, { size }: Options): Promise<string> {
  const program = installHoldfast(folder);
  const seconds = Math.max(3, Math.round(EVERY_S * size));
  const rows = Math.max(10_000, Math.round(FULL_ROWS * size));
  const polls: string[][] = [];
  const large: string[][] = [];
  const bars: Bar[] = [];
  for (const start of [postgres18, mariadb]) {
    const server = await start();
    try {
      const place = path.join(folder, server.kind);
      const measured = await measureServer(server, { program, place, seconds, rows });
      const { idle, busy, poll, restore, replayed } = measured;
      polls.push(pollRow(server.name, 'nothing', idle), pollRow(server.name, `500/s for ${seconds} s`, busy));
      large.push([
        server.name,
        String(rows),
        poll.wallS.toFixed(1),
        megabytes(poll.peakBytes),
        String(Math.round(replayed.rows / (replayed.replayMs / 1000))),
        megabytes(restore.peakBytes),
      ]);
      const of = (value: number) => spread([value]);
      bars.push(
        {
          measure: `${server.name}: lag at a poll a minute and 500/s, seconds`,
          limit: MOST_LAG_S,
          measured: spread(busy.map(({ wallS }) => EVERY_S + wallS)),
        },
        {
          measure: `${server.name}: seconds to apply ${LEAST_ROWS_A_SECOND} rows`,
          limit: 1,
          measured: of((LEAST_ROWS_A_SECOND * replayed.replayMs) / 1000 / replayed.rows),
        },
        {
          measure: `${server.name}: MB of memory, poll of ${rows} rows in a transaction`,
          limit: MOST_MB,
          measured: of(poll.peakBytes / 1e6),
        },
        {
          measure: `${server.name}: MB of memory, restore with them`,
          limit: MOST_MB,
          measured: of(restore.peakBytes / 1e6),
        },
      );
    } finally {
      await server.stop();
    }
  }
  return `Polls by a process that goes on, into a folder: requests to the store, CPU of the poller alone. The load runs inside of the server. ${POLLS} polls each. A transaction of ${rows} rows is polled and restored by commands, starts and the backup's restore included in their memory, not in the rows a second.

${showBars(bars)}

${codeTable(['SERVER', 'CHANGES', 'TRANSACTIONS', 'REQUESTS', 'STORED BYTES', 'CPU S', 'WALL S'], polls)}

${codeTable(['SERVER', 'ROWS', 'POLL S', 'POLL MB', 'APPLIED ROWS/S', 'RESTORE MB'], large)}`;
}

async function measureServer(
  server: ChangingServer,
  given: {
    readonly program: string;
    readonly place: string;
    readonly seconds: number;
    readonly rows: number;
  },
) {
  const { program, place, seconds, rows } = given;
  await server.make('shop');
  for (const sql of server.tables) await server.query('shop', sql);
  const config = {
    repository: place,
    sources: { shop: { kind: server.kind, url: server.url('shop'), continuous: {} } },
  };
  const file = `${place}.config.json`;
  writeFileSync(file, JSON.stringify(config));
  const env = { BACKUP_ENCRYPTION_KEY: HOLDFAST_KEY, THEN: server.url('restored') };
  const holdfast = (...args: string[]) => measure({ argv: [program, ...args, '--config', file], env });
  await holdfast('init');
  await setUp(server);
  await holdfast('pitr', 'run', '--once', '--quiet');
  const idle = await pollsOf(server, place, async () => 0);
  const busy = await pollsOf(server, place, () => server.load('shop', seconds));
  await server.query('shop', server.bulk(rows));
  const poll = await holdfast('pitr', 'run', '--once', '--no-backup', '--quiet');
  await server.make('restored');
  const result = path.join(path.dirname(place), `${server.kind}-restore.json`);
  const restore = await measure({
    argv: [
      'bash',
      '-c',
      `"$@" > ${result}`,
      'bash',
      program,
      'restore',
      '--at',
      'latest',
      '--to',
      'env:THEN',
      '--json',
      '--config',
      file,
    ],
    env,
  });
  const replayed = JSON.parse(readFileSync(result, 'utf8')) as { rows: number; replayMs: number };
  return { idle, busy, poll, restore, replayed };
}

async function setUp(server: ChangingServer): Promise<void> {
  const { signal } = stopping;
  await using setup = await openChangeSetup({ kind: server.kind, url: server.url('shop'), options: {} }, {});
  await setup.setUp({ mostHeldBytes: 10 * 2 ** 30 }, signal);
}

/** @param before what happens before each poll; gives how many transactions */
async function pollsOf(
  server: ChangingServer,
  place: string,
  before: () => Promise<number>,
): Promise<readonly PollFigures[]> {
  const { signal } = stopping;
  const store = new MeteredStore(new FolderStore(place));
  const keys = new HexKeyProvider(HOLDFAST_KEY);
  await using repository = await Repository.open({ store, keys, workers: 0, signal });
  const poll = poller(repository, { source: { kind: server.kind, name: 'shop' } });
  const figures: PollFigures[] = [];
  for (let i = 0; i <= POLLS; i++) {
    await before();
    const [counts, cpu, began] = [store.counts(), process.cpuUsage(), performance.now()];
    await using changes = await openChanges({ kind: server.kind, url: server.url('shop'), options: {} }, {});
    const { storedBytes, transactions } = await poll(changes, { signal });
    const { user, system } = process.cpuUsage(cpu);
    const now = store.counts();
    // The first one makes the keys of the day.
    if (i === 0) continue;
    figures.push({
      wallS: (performance.now() - began) / 1000,
      cpuS: (user + system) / 1e6,
      requests: requestsOf(now) - requestsOf(counts),
      storedBytes,
      transactions,
    });
  }
  return figures;
}

function requestsOf({ puts, gets, heads, lists, deletes }: ReturnType<MeteredStore['counts']>): number {
  return puts + gets + heads + lists + deletes;
}

function pollRow(name: string, what: string, figures: readonly PollFigures[]): string[] {
  const median = (of: (one: PollFigures) => number) => spread(figures.map(of)).median;
  return [
    name,
    what,
    String(median(({ transactions }) => transactions)),
    String(median(({ requests }) => requests)),
    String(median(({ storedBytes }) => storedBytes)),
    median(({ cpuS }) => cpuS).toFixed(3),
    median(({ wallS }) => wallS).toFixed(3),
  ];
}
