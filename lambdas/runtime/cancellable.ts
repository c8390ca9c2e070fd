import { watchForCancel } from '../../shared/jobs/runs/cancel-run.ts';
import type { OpenedRepository } from './settings.ts';
import { logger } from './telemetry.ts';

/** The answer of a function whose work was cancelled: not a failure, and no alarm. */
export interface Cancelled {
  readonly outcome: 'cancelled';
  readonly by: string;
}

/** Does work that can be cancelled through the admin API. @throws what the work throws for other reasons */
export async function cancellable<T>(
  repository: OpenedRepository,
  { run, signal }: { readonly run: string; readonly signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | Cancelled> {
  using watch = watchForCancel(repository, run, { signal });
  try {
    return await work(watch.signal);
  } catch (error) {
    if (watch.by === undefined || signal.aborted) throw error;
    logger.warn(`cancelled by ${watch.by}`, { run });
    return { outcome: 'cancelled', by: watch.by };
  }
}
