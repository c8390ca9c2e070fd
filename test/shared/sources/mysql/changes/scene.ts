import type { RowDataPacket } from 'mysql2/promise';
import { expect } from 'vitest';
import type { BackupKey } from '../../../../../shared/core/ids.ts';
import { runBackup } from '../../../../../shared/jobs/backup/backup.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import type {
  ChangeJoin,
  ChangePosition,
  ChangeSource,
  ReplayUntil,
  StoredChanges,
} from '../../../../../shared/sources/changes.ts';
import { comparePositions } from '../../../../../shared/sources/mysql/changes/position.ts';
import { openMysqlReplay } from '../../../../../shared/sources/mysql/changes/replay.ts';
import { openMysqlChanges } from '../../../../../shared/sources/mysql/changes/stream.ts';
import { openMysqlSource } from '../../../../../shared/sources/mysql/source.ts';
import type { Source } from '../../../../../shared/sources/source.ts';
import type { MariadbServer } from '../../../../../tools/mariadb-server.ts';
import { never } from '../../../../support/repository/engine.ts';
import { restoreUrl } from '../round-trip.ts';
import type { Commit, Writer } from './recorder.ts';

export const MOST_BYTES = 1_000_000_000;

/** What a poller stored, in the order of the log. */
export type Segments = StoredChanges[];

/** Reads what is new and stores it. @param from of a stream that follows nothing. @param mostReads beside writers it would never end */
export async function poll(
  changes: ChangeSource,
  segments: Segments,
  from: ChangePosition,
  {
    mostBytes = MOST_BYTES,
    mostReads = Number.POSITIVE_INFINITY,
  }: { readonly mostBytes?: number; readonly mostReads?: number } = {},
): Promise<void> {
  for (let i = 0; i < mostReads; i++) {
    const batch = await changes.read(segments.at(-1)?.to ?? from, { mostBytes, signal: never });
    const blocks: Buffer[] = [];
    for await (const block of batch.bytes()) blocks.push(Buffer.from(block));
    if (batch.to === batch.from) {
      expect(blocks).toEqual([]);
      return;
    }
    segments.push(stored(batch.from, batch.to, batch.facts(), blocks));
  }
}

export function stored(
  from: ChangePosition,
  to: ChangePosition,
  facts: StoredChanges['facts'],
  blocks: readonly Uint8Array[],
): StoredChanges {
  return {
    from,
    to,
    facts,
    // Cut where nobody expects it.
    bytes: async function* () {
      const all = Buffer.concat(blocks);
      for (let at = 0; at < all.length; at += 9973) yield all.subarray(at, at + 9973);
    },
  };
}

export interface Base {
  readonly key: BackupKey;
  readonly join: ChangeJoin;
}

/** A backup by the engine, as changes are to be applied to it. */
export async function backUpBase(repository: Repository, url: string): Promise<Base> {
  const source = openMysqlSource(url, { readers: 2 }, {});
  const { kind, name, capabilities } = source;
  let join: ChangeJoin | undefined;
  const asBase: Source = {
    kind,
    name,
    capabilities,
    open: async (signal, options) => {
      const view = await source.open(signal, { ...options, isBase: true });
      join = view.join;
      return view;
    },
  };
  const { key } = await runBackup(repository, asBase, { type: 'daily', signal: never });
  if (!join) throw new Error('the backup has no join');
  return { key, join };
}

/** Restores a base and applies changes to it. */
export async function restoreTo(
  server: MariadbServer,
  database: string,
  {
    repository,
    base,
    segments,
    until,
  }: {
    readonly repository: Repository;
    readonly base: Base;
    readonly segments: Segments;
    readonly until: ReplayUntil;
  },
): Promise<readonly string[]> {
  await server.query(undefined, `DROP DATABASE IF EXISTS ${database}; CREATE DATABASE ${database}`);
  await restoreUrl(repository, base.key, server.url(database));
  return replayInto(server.url(database), { base, segments, until });
}

export async function replayInto(
  url: string,
  {
    base,
    segments,
    until,
  }: { readonly base: Base; readonly segments: Segments; readonly until: ReplayUntil },
): Promise<readonly string[]> {
  await using replay = openMysqlReplay(url, {}, {}, { join: base.join, until, base: base.key });
  const resumed = await replay.resumes(never);
  if (!resumed) await replay.begin(never);
  const from = resumed?.to ?? base.join.from;
  for (const segment of segments) {
    if (comparePositions(segment.to, from) <= 0) continue;
    const { isReached } = await replay.apply(segment, never);
    if (isReached) break;
  }
  return (await replay.finish(never)).warnings;
}

/** What a database holds of the writers' rows. */
export interface Held {
  /** By writer. */
  readonly rows: ReadonlyMap<number, ReadonlyMap<number, string>>;
  readonly steps: ReadonlyMap<number, number>;
  readonly counted: number;
}

export async function held(server: MariadbServer, database: string): Promise<Held> {
  const client = await server.connect(database);
  try {
    const [items] = await client.query<RowDataPacket[]>('SELECT id, owner, v FROM items');
    const [steps] = await client.query<RowDataPacket[]>('SELECT owner, step FROM steps');
    const [counters] = await client.query<RowDataPacket[]>('SELECT SUM(n) AS n FROM counters');
    const rows = new Map<number, Map<number, string>>();
    for (const { id, owner, v } of items) {
      const mine = rows.get(owner) ?? new Map<number, string>();
      rows.set(owner, mine.set(id, v));
    }
    return {
      rows,
      steps: new Map(steps.map(({ owner, step }) => [owner, step])),
      counted: Number(counters[0]?.['n']),
    };
  } finally {
    await client.end();
  }
}

/** Compares with what the writers know: after so many steps each, these rows, and nothing else. */
export function expectSteps(
  found: Held,
  writers: readonly Writer[],
  stepOf: (writer: number) => number,
): void {
  let counted = 0;
  for (const [i, { commits }] of writers.entries()) {
    const writer = i + 1;
    const step = stepOf(writer);
    expect(found.steps.get(writer) ?? 0, `steps of writer ${writer}`).toBe(step);
    const expected = commits[step - 1]?.rows ?? new Map();
    expect(sorted(found.rows.get(writer) ?? new Map())).toEqual(sorted(expected));
    counted += step;
  }
  expect(found.counted).toBe(counted);
}

function sorted(rows: ReadonlyMap<number, string>): readonly (readonly [number, string])[] {
  return [...rows].toSorted(([a], [b]) => a - b);
}

/** How many steps of a writer were committed before a transaction. */
export function stepsBefore(commits: readonly Commit[], gtid: number): number {
  return commits.filter((commit) => commit.gtid !== undefined && commit.gtid < gtid).length;
}

export function changesOf(server: MariadbServer): ChangeSource {
  return openMysqlChanges(server.url('shop'), {}, {});
}
