import { onTestFinished } from 'vitest';
import type { BackupKey } from '../../../../../shared/core/ids.ts';
import { runBackup } from '../../../../../shared/jobs/backup/backup.ts';
import { poller } from '../../../../../shared/jobs/changes/poll.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import type {
  ChangeFacts,
  ChangeJoin,
  ChangePosition,
  ChangeSetup,
  ChangeSource,
  ReplayUntil,
  StoredChanges,
} from '../../../../../shared/sources/changes.ts';
import { comparePositions } from '../../../../../shared/sources/postgres/changes/position.ts';
import { openPostgresReplay } from '../../../../../shared/sources/postgres/changes/replay.ts';
import { openPostgresSetup } from '../../../../../shared/sources/postgres/changes/setup.ts';
import { openPostgresChanges } from '../../../../../shared/sources/postgres/changes/stream.ts';
import { openPostgresSource } from '../../../../../shared/sources/postgres/source.ts';
import type { Source } from '../../../../../shared/sources/source.ts';
import type { PostgresServer, PostgresServerOptions } from '../../../../../tools/embedded-postgres.ts';
import { never } from '../source/reading.ts';
import { newRepository, restoreUrl } from '../target/round-trip.ts';

/** What servers need that hand out changes; commits are asked for their times, by which the tests judge. */
export const STREAMING: NonNullable<PostgresServerOptions['settings']> = {
  wal_level: 'logical',
  track_commit_timestamp: 'on',
  max_prepared_transactions: '10',
  max_replication_slots: '40',
  max_slot_wal_keep_size: "'4GB'",
  wal_writer_delay: '10ms',
  deadlock_timeout: '20ms',
  // What a crash takes was never committed, so that no id is used twice.
  synchronous_commit: 'on',
};

/** A segment as it was stored. */
export interface Segment {
  readonly from: ChangePosition;
  readonly to: ChangePosition;
  readonly facts: ChangeFacts;
  readonly bytes: Buffer;
}

export function openChanges(url: string): ChangeSource {
  const source = openPostgresChanges(url, {}, {});
  onTestFinished(() => source[Symbol.asyncDispose]());
  return source;
}

export function openSetup(url: string): ChangeSetup {
  const setup = openPostgresSetup(url, {}, {});
  onTestFinished(() => setup[Symbol.asyncDispose]());
  return setup;
}

export async function setUp(url: string): Promise<void> {
  await openSetup(url).setUp({}, never);
}

/** A database with these tables, set up for continuous backup, and a repository for its backups and changes. */
export async function continuousDatabase(server: PostgresServer, name: string, tables: string) {
  const url = await server.createDatabase(name);
  await server.query(name, tables);
  await setUp(url);
  const source = openPostgresSource(url, {}, {});
  const repository = await newRepository();
  const poll = poller(repository, { source, idleMs: 0 });
  const store = async () => {
    await using changes = openChanges(url);
    return await poll(changes, { signal: never });
  };
  const backUp = async (): Promise<BackupKey> => (await runBackup(repository, source, { signal: never })).key;
  await store();
  return { url, source, repository, poll, store, backUp };
}

/** Reads one stretch whole. */
export async function readStretch(
  source: ChangeSource,
  from: ChangePosition,
  mostBytes = 2 ** 28,
): Promise<Segment> {
  const batch = await source.read(from, { mostBytes, signal: never });
  const blocks: Buffer[] = [];
  for await (const block of batch.bytes()) blocks.push(Buffer.from(block));
  return { from: batch.from, to: batch.to, facts: batch.facts(), bytes: Buffer.concat(blocks) };
}

/** Segments in memory, as the repository would keep them. */
export class Chain {
  readonly segments: Segment[] = [];
  readonly url: string;
  #at: ChangePosition | undefined;

  constructor(url: string) {
    this.url = url;
  }

  get at(): ChangePosition {
    if (this.#at === undefined) throw new Error('the chain has not begun');
    return this.#at;
  }

  async begin(source: ChangeSource): Promise<void> {
    this.#at = await source.begins(never);
  }

  /** One poll: as many stretches as there are, or so many at most while others write. @param die called at each point where a poller can die; throws to do so */
  async poll(
    source: ChangeSource,
    {
      mostBytes,
      most = 3,
      die = () => {},
    }: { mostBytes?: number; most?: number; die?: (point: string) => void } = {},
  ): Promise<void> {
    for (let i = 0; i < most; i++) {
      die('before reading');
      const from = this.at;
      const segment = await readStretch(source, from, mostBytes).catch((error) => {
        // Another poller stored meanwhile what this one asked for.
        if (this.at !== from) return undefined;
        throw error;
      });
      if (!segment) return;
      if (segment.to === segment.from) return;
      die('before storing');
      // Who was not first has nothing stored, and so releases nothing.
      if (!this.store(segment)) return;
      die('before releasing');
      await source.release(segment.to, never);
      die('after releasing');
    }
  }

  /** Write-once: who comes second with the same begin stores nothing. */
  store(segment: Segment): boolean {
    if (segment.from !== this.at) return false;
    this.segments.push(segment);
    this.#at = segment.to;
    return true;
  }
}

/** A backup that changes can be applied to. */
export interface Base {
  readonly key: Parameters<typeof restoreUrl>[1];
  readonly join: ChangeJoin;
}

export async function takeBase(repository: Repository, url: string): Promise<Base> {
  const source = openPostgresSource(url, {}, {});
  let join: ChangeJoin | undefined;
  const warnings: string[] = [];
  const joined: Source = {
    kind: source.kind,
    name: source.name,
    capabilities: source.capabilities,
    open: async (signal) => {
      const view = await source.open(signal, {
        isBase: true,
        onWarning: (message) => warnings.push(message),
      });
      join = view.join;
      return view;
    },
  };
  const { key } = await runBackup(repository, joined, { signal: never });
  if (!join) throw new Error(`the base has no join: ${warnings.join(' ')}`);
  return { key, join };
}

export { newRepository };

export function storedChanges({ bytes, ...segment }: Segment, blockBytes = 65_536): StoredChanges {
  return {
    ...segment,
    async *bytes() {
      for (let at = 0; at < bytes.length; at += blockBytes) yield bytes.subarray(at, at + blockBytes);
    },
  };
}

export interface ReplayResult {
  readonly transactions: number;
  readonly rows: number;
  readonly isReached: boolean;
  readonly warnings: readonly string[];
}

/** Applies all segments behind the base. */
export async function replay(
  chain: Pick<Chain, 'segments'>,
  { join }: Pick<Base, 'join'>,
  target: string,
  until: ReplayUntil = {},
): Promise<ReplayResult> {
  await using run = openPostgresReplay(target, {}, {}, { join, until, base: 'base' });
  await run.begin(never);
  const counts = { transactions: 0, rows: 0, isReached: false };
  for (const segment of chain.segments) {
    if (comparePositions(segment.to, join.from) <= 0) continue;
    const done = await run.apply(storedChanges(segment), never);
    counts.transactions += done.transactions;
    counts.rows += done.rows;
    counts.isReached = done.isReached;
    if (done.isReached) break;
  }
  const { warnings } = await run.finish(never);
  return { ...counts, warnings };
}

/** Restores the base and applies the segments behind it. */
export async function restoreTo(
  repository: Repository,
  base: Base,
  { chain, target, until }: { chain: Pick<Chain, 'segments'>; target: string; until?: ReplayUntil },
): Promise<ReplayResult> {
  await restoreUrl(repository, base.key, target);
  return replay(chain, base, target, until);
}
