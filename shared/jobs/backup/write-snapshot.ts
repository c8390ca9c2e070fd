import type { OnProgress } from '../../core/progress.ts';
import { SOFTWARE } from '../../core/version.ts';
import type { Repository } from '../../repository/repository.ts';
import type { BackupWriterOptions, CommitOptions } from '../../repository/writing/backup-to-write.ts';
import type { CommittedBackup } from '../../repository/writing/committed-backup.ts';
import type { SourceCapabilities, SourceView } from '../../sources/source.ts';
import { allPartitions, countStored, readOf, readSnapshot } from './read-snapshot.ts';
import { ReadTotal } from './read-total.ts';

/** How a snapshot is written, and against what. */
export interface WriteViewOptions
  extends Omit<BackupWriterOptions, 'software' | 'onStored' | 'sequence' | 'onListed'>,
    Pick<CommitOptions, 'judge'> {
  readonly capabilities: SourceCapabilities;
  /** @default the snapshot's own */
  readonly position?: string;
  /** The newest change segment before the snapshot was opened. @default it is no base */
  readonly after?: number | undefined;
  readonly onProgress: OnProgress;
}

/**
 * Reads a whole snapshot, stores what the parent lacks, and lists the backup last.
 *
 * @throws E_SOURCE_*, E_RUN_TOO_LONG, E_STORE_*, E_ABORTED, what `judge` throws; then nothing is listed
 */
export async function writeSnapshot(
  repository: Repository,
  view: SourceView,
  options: WriteViewOptions,
): Promise<CommittedBackup> {
  const { capabilities, position, after, judge, onProgress, ...header } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  try {
    await using writer = await repository.beginBackup({
      ...header,
      software: SOFTWARE,
      onStored: countStored(onProgress),
      signal,
    });
    const total = new ReadTotal(allPartitions(view.datasets), view.datasets.length, onProgress);
    onProgress({ kind: 'phase', phase: 'read' });
    await readSnapshot(view, writer.share, { maxReaders: capabilities.maxReaders, signal, total });
    onProgress({ kind: 'phase', phase: 'commit' });
    await view.check(signal);
    const read = readOf(view, capabilities, after);
    return await writer.commit({ ...read, position: position ?? read.position, judge });
  } catch (error) {
    stop.abort();
    throw error;
  }
}
