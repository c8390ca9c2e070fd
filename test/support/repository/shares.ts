import { randomBytes } from 'node:crypto';
import { HoldfastError } from '../../../shared/core/errors.ts';
import type { BackupResult } from '../../../shared/jobs/backup/backup.ts';
import { backupShare } from '../../../shared/jobs/backup/backup-share.ts';
import { type CommitBackupOptions, commitBackup } from '../../../shared/jobs/backup/commit-backup.ts';
import { keepSnapshotOpen } from '../../../shared/jobs/backup/keep-snapshot-open.ts';
import { type BackupPlan, type PlanOptions, planBackup } from '../../../shared/jobs/backup/plan-backup.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import type { SharedView, Source, SourceView } from '../../../shared/sources/source.ts';
import { never } from './engine.ts';

/** Datasets by name, each of partitions of lines. */
export type PartData = Readonly<Record<string, readonly string[]>>;

export const newRun = () => randomBytes(16).toString('hex');

/** A source whose views other processes can join as long as they are open. */
export function sharedSource(data: PartData, name = 'memory'): Source {
  const open = new Set<string>();
  const viewOf = (id: string, isHolder: boolean): SourceView => ({
    position: 'p1',
    server: 'memory 1',
    omitted: ['nothing'],
    handle: { id },
    datasets: Object.entries(data).map(([dataset, parts]) => ({
      name: dataset,
      kind: dataset === 'pre-data' ? 'schema' : 'data',
      attributes: { of: dataset },
      partitions: parts.map((lines, i) => ({
        name: String(i).padStart(4, '0'),
        estimatedBytes: lines.length,
      })),
    })),
    read: async function* (dataset, partition) {
      if (!open.has(id)) throw lost();
      yield Buffer.from(data[dataset.name]?.[Number(partition.name)] ?? '');
    },
    check: async () => {
      if (isHolder && !open.has(id)) throw lost();
    },
    [Symbol.asyncDispose]: async () => {
      if (isHolder) open.delete(id);
    },
  });
  return {
    kind: 'files',
    name,
    capabilities: { consistency: 'atomic', maxReaders: 2 },
    open: async () => {
      const id = newRun();
      open.add(id);
      return viewOf(id, true);
    },
    sharing: {
      join: async ({ handle }: SharedView) => {
        const id = String(handle['id']);
        if (!open.has(id)) throw lost();
        return viewOf(id, false);
      },
    },
  };
}

function lost(): HoldfastError {
  return new HoldfastError('E_SOURCE_LOST', 'the view is closed');
}

/** As one process reads it: the same data as one stream a dataset. */
export function joined(data: PartData): Record<string, string> {
  return Object.fromEntries(Object.entries(data).map(([name, parts]) => [name, parts.join('')]));
}

export async function plan(
  repository: Repository,
  source: Source,
  options: Partial<PlanOptions> = {},
): Promise<BackupPlan> {
  return planBackup(repository, source, {
    run: newRun(),
    type: 'daily',
    shareBytes: 20_000,
    signal: never,
    ...options,
  });
}

export async function readShares(
  repository: Repository,
  source: Source,
  { run, shares }: Pick<BackupPlan, 'run' | 'shares'>,
): Promise<void> {
  for (const { share } of shares) await backupShare(repository, source, { run, share, signal: never });
}

/** Lists a planned backup, with its holder beside it where it needs one. */
export async function commit(
  repository: Repository,
  planned: BackupPlan,
  options: Partial<CommitBackupOptions> = {},
): Promise<BackupResult> {
  const until = new Date(repository.clock.now().getTime() + 60_000);
  const holding = planned.mustBeHeld
    ? keepSnapshotOpen(repository, planned, { until, pollMs: 5, signal: never }).catch(() => {})
    : undefined;
  const result = await commitBackup(repository, { run: planned.run, signal: never, ...options });
  await holding;
  return result;
}

/** A whole backup in shares, one after the other. */
export async function backUpInShares(
  repository: Repository,
  source: Source,
  options: Partial<PlanOptions> = {},
): Promise<BackupResult> {
  await using planned = await plan(repository, source, options);
  await readShares(repository, source, planned);
  return await commit(repository, planned);
}
