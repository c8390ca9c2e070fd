import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { sleep } from '../../core/sleep.ts';
import { SECOND_MS } from '../../core/units.ts';
import type { RunBody } from '../../format/run-bodies.ts';
import { RunDocuments } from '../../repository/documents/run-documents.ts';
import type { Repository } from '../../repository/repository.ts';
import type { BackupPlan } from './plan-backup.ts';
import { HELD, RELEASED } from './run-plan.ts';

const DEFAULT_POLL_MS = 2 * SECOND_MS;
const DEFAULT_GATHER_MS = 180 * SECOND_MS;
/** For the last word of a holder that is being stopped. */
const LAST_WORD_MS = 5 * SECOND_MS;

/** How long a snapshot is kept open. */
export interface HoldOptions {
  /** When this process must end: somewhat before its own limit. */
  readonly until: Date;
  /** Time between two checks of the store. @default 2,000 */
  readonly pollMs?: number;
  /** How long to wait for all shares, if they must begin together. @default 180,000 */
  readonly gatherMs?: number;
  readonly signal: AbortSignal;
}

/** Why a holder was released; `gathered`: all shares have begun, and need it no more. */
export type Release = 'commit' | 'abort' | 'gathered';

/**
 * Keeps a planned backup's snapshot open until commit or abort releases it, then records whether it lasted:
 * `runs/<run>/held`. If it ends early, the reason is recorded there too, so that commit learns of it at once.
 * Does not dispose of the plan.
 *
 * @throws E_SNAPSHOT_EXPIRED at `until`, E_SOURCE_LOST if the snapshot did not last, E_STORE_*, E_ABORTED
 */
export async function keepSnapshotOpen(
  repository: Repository,
  plan: BackupPlan,
  options: HoldOptions,
): Promise<Release> {
  const documents = new RunDocuments(repository.context, plan.run);
  try {
    const { gather } = plan;
    if (gather) return await gatherShares(repository, { plan, documents, gather }, options);
    const by = await untilReleased(repository, { plan, documents }, options);
    if (by === 'commit') await documents.put(HELD, 'held', { stood: true }, options.signal);
    return by;
  } catch (error) {
    await sayWhy(documents, error);
    throw error;
  }
}

/**
 * Has all shares begin at one moment, and records where, or why one must read all. From then on each of them has the
 * snapshot itself, and looks after it.
 */
async function gatherShares(
  repository: Repository,
  run: {
    readonly plan: BackupPlan;
    readonly documents: RunDocuments;
    readonly gather: NonNullable<BackupPlan['gather']>;
  },
  options: HoldOptions,
): Promise<Release> {
  const { documents, gather } = run;
  const { gatherMs = DEFAULT_GATHER_MS, until, signal } = options;
  const stop = new AbortController();
  const stopping = AbortSignal.any([signal, stop.signal]);
  const leftMs = Math.max(0, until.getTime() - repository.clock.now().getTime());
  const watching = untilReleased(repository, run, { ...options, signal: stopping });
  const gathering = gather({ waitMs: Math.min(gatherMs, leftMs), signal: stopping });
  try {
    const result = await Promise.race([gathering, watching]);
    if (typeof result === 'string') return result;
    await documents.put(HELD, 'held', { stood: true, ...result }, signal);
    return 'gathered';
  } finally {
    stop.abort();
    await Promise.allSettled([watching, gathering]);
  }
}

/** Checks the snapshot each time, so that a lost one ends the run soon; and once more after the release. */
async function untilReleased(
  { clock }: Repository,
  { plan, documents }: { readonly plan: BackupPlan; readonly documents: RunDocuments },
  { until, pollMs = DEFAULT_POLL_MS, signal }: HoldOptions,
): Promise<Release> {
  for (;;) {
    const released = await documents.get(RELEASED, 'released', signal);
    if (released?.by === 'abort') return 'abort';
    await plan.check(signal);
    if (released) return released.by;
    const leftMs = until.getTime() - clock.now().getTime();
    if (leftMs <= 0) throw expired(plan, until);
    await sleep(Math.min(pollMs, leftMs), signal);
  }
}

function expired({ run, shares }: BackupPlan, until: Date): HoldfastError {
  return new HoldfastError(
    'E_SNAPSHOT_EXPIRED',
    `the snapshot of run ${run} was kept open until ${until.toISOString()}, but not all of its ${shares.length} shares were committed by then`,
    {
      hint: 'Give the holder a higher limit, or run it as a Fargate task; more shares at once, or smaller ones, take less time.',
    },
  );
}

/** Failing to do so changes nothing: without the holder's word nothing is listed either. */
async function sayWhy(documents: RunDocuments, error: unknown): Promise<void> {
  const { code, message, hint } = isHoldfastError(error)
    ? error
    : { code: 'E_INTERNAL', message: String(error), hint: undefined };
  const why: RunBody<'held'> = {
    stood: false,
    error: { code, message, ...(hint === undefined ? {} : { hint }) },
  };
  await documents.put(HELD, 'held', why, AbortSignal.timeout(LAST_WORD_MS)).catch(() => {});
}
