import { DEFAULT_PRUNE, type RetentionPolicy, resolveRetention } from '../config/retention.ts';
import { type PreparedPrune, type PruneResult, preparePrune, runPrune } from '../jobs/retention/prune.ts';
import type { PrunePlan } from '../jobs/retention/prune-plan.ts';
import { expireHistory } from '../jobs/runs/run-history.ts';
import type { RunOptions } from './recorded.ts';
import { engineOf, NEVER, type OpenRepository } from './repository.ts';

/** Same as the configuration's `retention` and `keep`: docs/reference/retention.md. */
export interface RetentionOptions {
  /** Days by type of backup. @default daily 30, weekly 84, manual 365 */
  readonly retention?: Readonly<Record<string, number>>;
  /** How many of each source to keep, whatever their age. @default none */
  readonly keep?: RetentionPolicy['counts'];
  /** Largest share of the backups, or of the bytes, that one run removes; 1 to 100. @default 40 */
  readonly maxSharePercent?: number;
}

/** What retention keeps, and how the prune is run. */
export interface PruneOptions extends RunOptions, RetentionOptions {}

/**
 * What a prune would remove, and why each backup stays or goes. Removes nothing.
 *
 * @throws HoldfastError E_STORE_*, E_ABORTED
 */
export async function planPrune(opened: OpenRepository, options: PruneOptions = {}): Promise<PrunePlan> {
  return (await prepare(opened, options, true)).plan;
}

/**
 * Unlists backups that retention does not keep, and removes packs that nothing has needed during the grace of
 * seven days. May run beside backups, and be stopped at any point.
 *
 * @throws HoldfastError E_PRUNE_TOO_MUCH (nothing was removed), E_STORE_*, E_ABORTED
 */
export async function prune(opened: OpenRepository, options: PruneOptions = {}): Promise<PruneResult> {
  const { repository } = engineOf(opened);
  const { signal = NEVER, onProgress } = options;
  const prepared = await prepare(opened, options, false);
  const result = await runPrune(repository, prepared, { ...(onProgress && { onProgress }), signal });
  await expireHistory(repository, signal);
  return result;
}

function prepare(opened: OpenRepository, options: PruneOptions, isDryRun: boolean): Promise<PreparedPrune> {
  const { retention, keep, maxSharePercent, signal = NEVER, onProgress } = options;
  const maxShare = maxSharePercent === undefined ? DEFAULT_PRUNE.maxShare : maxSharePercent / 100;
  const rules = { policy: resolveRetention(retention, keep, {}), maxShare };
  return preparePrune(engineOf(opened).repository, rules, {
    ...(onProgress && { onProgress }),
    isDryRun,
    signal,
  });
}
