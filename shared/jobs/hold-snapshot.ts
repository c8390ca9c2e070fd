import { HoldfastError } from '../core/errors.ts';
import type { Repository } from '../repository/repository.ts';
import type { BackupPlan } from './plan-backup.ts';

export interface HoldOptions {
  /** When this process must end: somewhat before its own limit. */
  readonly until: Date;
  /** Between two looks at the store. @default 2,000 */
  readonly pollMs?: number;
  readonly signal: AbortSignal;
}

/** Why a holder was let go. */
export type Release = 'commit' | 'abort';

/**
 * Holds a planned backup's view until commit or abort lets it go, then says under oath whether it stood: `runs/<run>/held`.
 * What ends it early is written there too, so that commit learns it at once. Does not dispose of the plan.
 *
 * @throws E_SNAPSHOT_EXPIRED at `until`, E_SOURCE_LOST where the view did not stand, E_STORE_*, E_ABORTED
 */
export async function holdSnapshot(
  _repository: Repository,
  _plan: BackupPlan,
  _options: HoldOptions,
): Promise<Release> {
  throw new HoldfastError('E_INTERNAL', 'not built yet');
}
