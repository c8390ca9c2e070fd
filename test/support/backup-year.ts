import { mkdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { BackupKey } from '../../shared/core/ids.ts';
import { DAY_MS, HOUR_MS } from '../../shared/core/units.ts';
import { DEFAULT_CHUNKER } from '../../shared/format/repository-file.ts';
import { runBackup } from '../../shared/jobs/backup.ts';
import type { Repository } from '../../shared/repository/repository.ts';
import type { DatasetPlan, PartitionPlan, Source } from '../../shared/sources/source.ts';
import { MemoryStore } from '../../shared/store/memory-store.ts';
import { initRepository, never, openCheaply } from './engine.ts';
import { ManualClock } from './pruning.ts';

/** What a calendar of a year shows on any weekday. */
const DAYS = 52 * 7;
const SUNDAY = 0;
/** Nobody made a backup then, so many days ago. */
export const MISSED: ReadonlySet<number> = new Set([41, 40, 12]);
const HELD_WEEK = 21;
const FULL_VERIFY = { depth: { kind: 'full' }, damaged: [], damagedPacks: [], findings: 0 };

/**
 * A repository in a folder with a year of backups of a source: one each Sunday, and one a day of the last days, as retention
 * leaves them; the last of the day before `now`. Verified each month, drilled each quarter, one held. The source is read
 * once: earlier backups hold fewer of its records.
 *
 * @returns the keys, oldest first
 */
export async function makeYear(
  folder: string,
  source: Source,
  { now, dailyDays }: { readonly now: Date; readonly dailyDays: number },
): Promise<readonly BackupKey[]> {
  const clock = new ManualClock(now.toISOString());
  const store = new MemoryStore(clock);
  const recorded = await recordSource(source);
  clock.set(new Date(now.getTime() - (DAYS + 1) * DAY_MS));
  await initRepository(store, DEFAULT_CHUNKER);
  const repository = await openCheaply(store, { clock });
  const keys: BackupKey[] = [];
  const lastNight = Math.floor((now.getTime() - 3 * HOUR_MS) / DAY_MS) * DAY_MS + 2 * HOUR_MS;
  for (let ago = DAYS - 1; ago >= 0; ago--) {
    const at = new Date(lastNight - ago * DAY_MS);
    const types = typesOf(at, ago, dailyDays);
    if (types.length === 0) continue;
    const replay = replayOf(source, recorded, 0.5 + (0.5 * (DAYS - ago)) / DAYS);
    for (const type of types) {
      clock.set(at);
      if (type === 'weekly') clock.advance(HOUR_MS / 2);
      const { key } = await runBackup(repository, replay, { type, signal: never });
      keys.push(key);
    }
    await report(repository, clock, { key: keys.at(-1) as BackupKey, ago });
  }
  await repository[Symbol.asyncDispose]();
  await saveTo(folder, store);
  return keys;
}

function typesOf(at: Date, ago: number, dailyDays: number): string[] {
  if (MISSED.has(ago)) return [];
  return [...(ago < dailyDays ? ['daily'] : []), ...(at.getUTCDay() === SUNDAY ? ['weekly'] : [])];
}

/** What is reported of a day's backup. */
async function report(
  repository: Repository,
  clock: ManualClock,
  { key, ago }: { readonly key: BackupKey; readonly ago: number },
): Promise<void> {
  const week = clock.now().getUTCDay() === SUNDAY ? Math.floor(ago / 7) : undefined;
  clock.advance(HOUR_MS / 4);
  const of = { backups: [key] };
  if (ago === 1 || (week ?? 1) % 4 === 0)
    await repository.reports.write('verify', { ...of, body: FULL_VERIFY }, never);
  if (ago === 5 || (week ?? 0) % 13 === 12) {
    const body = { outcome: 'equal', restoreMs: 41_300 - 20 * ago, records: 182_000, compareMs: 12_000 };
    await repository.reports.write('drill', { ...of, body }, never);
  }
  if (week === HELD_WEEK)
    await repository.reports.write(
      'hold',
      { ...of, body: { reason: 'before the move to new prices' } },
      never,
    );
}

interface Recording {
  readonly datasets: readonly DatasetPlan[];
  readonly server: string;
  readonly position: string;
  readonly omitted: readonly string[];
  /** Lines by dataset and partition. */
  readonly lines: ReadonlyMap<string, readonly string[]>;
}

const nameOf = (dataset: DatasetPlan, partition: PartitionPlan) => `${dataset.name} ${partition.name}`;

async function recordSource(source: Source): Promise<Recording> {
  await using view = await source.open(never);
  const lines = new Map<string, readonly string[]>();
  for (const dataset of view.datasets)
    for (const partition of dataset.partitions) {
      const blocks: Buffer[] = [];
      for await (const block of view.read(dataset, partition, never)) blocks.push(Buffer.from(block));
      lines.set(
        nameOf(dataset, partition),
        Buffer.concat(blocks)
          .toString('latin1')
          .split(/(?<=\n)/),
      );
    }
  const { datasets, server, position, omitted } = view;
  return { datasets, server, position, omitted, lines };
}

/** The source as it was when it had only a share of its records. */
function replayOf({ kind, name, capabilities }: Source, recording: Recording, share: number): Source {
  const { datasets, server, position, omitted, lines } = recording;
  return {
    kind,
    name,
    capabilities,
    open: async () => ({
      position,
      server,
      omitted,
      datasets,
      read: async function* (dataset, partition) {
        const all = lines.get(nameOf(dataset, partition)) ?? [];
        const some = dataset.kind === 'schema' ? all : all.slice(0, Math.ceil(all.length * share));
        yield Buffer.from(some.join(''), 'latin1');
      },
      check: async () => {},
      [Symbol.asyncDispose]: async () => {},
    }),
  };
}

/** Puts the objects of a store into a folder, each dated as it is in the store. */
/** Writes all that is in memory into a folder, with its dates. */
export async function saveTo(folder: string, store: MemoryStore): Promise<void> {
  for await (const { key, modifiedAt } of store.list('')) {
    const file = path.join(folder, key);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, await store.get(key));
    await utimes(file, modifiedAt, modifiedAt);
  }
}
