import { HoldfastError } from '../core/errors.ts';
import type { Repository } from '../repository/repository.ts';

export interface Claim {
  /** The run that backs up what was scheduled. */
  readonly run: string;
  /** Whether that is the run that asked. */
  readonly isOurs: boolean;
}

/**
 * Claims a scheduled backup for a run: a second delivery of the same scheduled time learns of the first one's run. Repeatable by
 * the same run.
 *
 * @throws E_STORE_*, E_USAGE, E_DAMAGED where the claim is not what was written
 */
export async function claimRun(
  _repository: Repository,
  _options: {
    /** As the configuration calls it. */
    readonly source: string;
    readonly type: string;
    readonly scheduledTime: string;
    readonly run: string;
    readonly signal: AbortSignal;
  },
): Promise<Claim> {
  throw new HoldfastError('E_INTERNAL', 'not built yet');
}
