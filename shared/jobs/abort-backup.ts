import { HoldfastError } from '../core/errors.ts';
import type { Repository } from '../repository/repository.ts';

/**
 * Gives a run up: lets its holder go, and no commit lists it any more. Repeatable, also where nothing was planned yet. What was
 * stored is left to prune.
 *
 * @returns false where commit let the holder go before: the backup may be listed
 * @throws E_STORE_*
 */
export async function abortBackup(
  _repository: Repository,
  _options: { readonly run: string; readonly reason: string; readonly signal: AbortSignal },
): Promise<boolean> {
  throw new HoldfastError('E_INTERNAL', 'not built yet');
}
