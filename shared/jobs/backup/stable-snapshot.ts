import { isHoldfastError } from '../../core/errors.ts';
import type { OnProgress } from '../../core/progress.ts';
import type { BackupContents } from '../../sources/contents.ts';
import type { Source, SourceView } from '../../sources/source.ts';
import { refuseEmpty } from './judge-backup.ts';

/** How often a backup starts over if the source changes while it is read. */
const ATTEMPTS = 3;

interface ViewOptions {
  /** What the source need not read again. */
  readonly parent: BackupContents | undefined;
  readonly allowEmpty: boolean;
  /** Stored changes are to be applied to it. */
  readonly isBase: boolean;
  readonly onProgress: OnProgress;
  readonly onWarning: (message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Opens a snapshot of the source and writes it; starts over with a new snapshot if the source changed
 * meanwhile.
 *
 * @throws E_SOURCE_CHANGED after three attempts, E_EMPTY_READ, what `write` throws
 */
export async function writeStableSnapshot<T>(
  source: Source,
  write: (view: SourceView) => Promise<T>,
  options: ViewOptions,
): Promise<T> {
  const { parent, allowEmpty, isBase, onProgress, onWarning, signal } = options;
  for (let attempt = 1; ; attempt++) {
    await using view = await source.open(signal, { parent, allowEmpty, isBase, onWarning });
    if (!allowEmpty) refuseEmpty(view, source.name);
    try {
      return await write(view);
    } catch (error) {
      if (attempt === ATTEMPTS || !isHoldfastError(error, 'E_SOURCE_CHANGED')) throw error;
      const message = `the source changed while it was read; the backup starts again: ${error.message}`;
      onProgress({ kind: 'warning', code: 'changed', message });
    }
  }
}
