import { HoldfastError } from '../core/errors.ts';
import type { OnProgress } from '../core/progress.ts';
import type { Repository } from '../repository/repository.ts';
import type { Source } from '../sources/source.ts';

export interface ShareOptions {
  readonly run: string;
  readonly share: number;
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

export interface ShareFigures {
  readonly share: number;
  readonly records: number;
  readonly plainBytes: number;
  /** Bytes of packs that this share put into the store. */
  readonly storedBytes: number;
}

/**
 * Reads one share of a planned backup, stores what the parent has not, and puts the sealed result at
 * `runs/<run>/share-<n>`. Repeatable: a result that is there is returned.
 *
 * @throws E_NO_RUN, E_RUN_ABORTED, E_USAGE (no such share, another source), E_SOURCE_*, E_STORE_*, E_ABORTED
 */
export async function backupShare(
  _repository: Repository,
  _source: Source,
  _options: ShareOptions,
): Promise<ShareFigures> {
  throw new HoldfastError('E_INTERNAL', 'not built yet');
}
