import { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ChangePosition, ChangeReplay } from '../../sources/changes.ts';
import type { ChangePlugin } from '../../sources/plugin.ts';
import type { Target } from '../../sources/target.ts';
import { type RestoreJobOptions, type RestoreResult, restoreBackup } from '../restore/restore.ts';
import { type ChosenMoment, noMoment } from './choose-moment.ts';
import { asStored } from './find-transaction.ts';

/** How a moment is restored. */
export interface RestoreMomentOptions extends RestoreJobOptions {
  /** Once, before the first segment is applied. */
  readonly onApplying?: () => void;
  /** After each segment that was applied: how many of how many. */
  readonly onApplied?: (done: number, all: number) => void;
}

/** Where a moment is restored to. */
export interface MomentTarget {
  readonly target: Target;
  readonly compare: ChangePlugin['compare'];
  /** Opens the same place for the replay. */
  readonly openReplay: (
    about: Pick<ChosenMoment, 'join' | 'until'> & {
      readonly base: string;
      readonly datasets: readonly string[] | undefined;
    },
  ) => Promise<ChangeReplay>;
}

/** What was restored, and from what. */
export interface RestoreMomentResult {
  readonly base: BackupKey;
  /** Of the base; undefined if an earlier restore that broke off had done it. */
  readonly restored: RestoreResult | undefined;
  /** Segments that were applied. */
  readonly segments: number;
  readonly transactions: number;
  readonly rows: number;
  /** The server's clock when the last applied segment was read; undefined if none was. */
  readonly readAt: string | undefined;
  readonly warnings: readonly string[];
  readonly replayMs: number;
}

/**
 * Restores a base and applies its changes up to the moment. One that broke off while it applied them goes on where it was.
 *
 * @throws as `restoreBackup`; E_NO_MOMENT if the transaction to stop before did not come; E_DAMAGED, E_SOURCE_*, E_ABORTED
 */
export async function restoreMoment(
  repository: Repository,
  chosen: ChosenMoment,
  { target, compare, openReplay }: MomentTarget,
  options: RestoreMomentOptions,
): Promise<RestoreMomentResult> {
  const { base, join, until, segments } = chosen;
  const { signal, datasets } = options;
  refuseHole(chosen, compare);
  await using replay = await openReplay({ join, until, base: nameOf(chosen), datasets });
  const begun = await replay.resumes(signal);
  let restored: RestoreResult | undefined;
  if (!begun) {
    restored = await restoreBackup(repository, base.key as BackupKey, target, options);
    await replay.begin(signal);
  }
  const began = performance.now();
  options.onApplying?.();
  const applied = await applyMoment(repository, chosen, { replay, compare, begun: begun?.to }, options);
  if (until.beforeTransaction !== undefined && !applied.isReached)
    throw noMoment(base.source.name, until, 'it is not among the changes after the backup');
  const { warnings } = await replay.finish(signal);
  return {
    base: base.key as BackupKey,
    restored,
    segments: applied.segments,
    transactions: applied.transactions,
    rows: applied.rows,
    readAt: segments.at(-1)?.head.facts.readAt,
    warnings: [...new Set([...segments.flatMap(({ head }) => head.facts.warnings), ...warnings])],
    replayMs: Math.round(performance.now() - began),
  };
}

/** Applies the segments of a moment, oldest first, up to it. @param about `begun`: up to where a replay that goes on has applied them */
export async function applyMoment(
  { context }: Repository,
  { segments }: ChosenMoment,
  {
    replay,
    compare,
    begun,
  }: Pick<MomentTarget, 'compare'> & {
    readonly replay: ChangeReplay;
    readonly begun: ChangePosition | undefined;
  },
  { onApplied = () => {}, signal }: Pick<RestoreMomentOptions, 'onApplied' | 'signal'>,
) {
  const total = { segments: 0, transactions: 0, rows: 0, isReached: false };
  for (const [at, segment] of segments.entries()) {
    if (begun !== undefined && compare(segment.head.to, begun) <= 0) continue;
    const { transactions, rows, isReached } = await replay.apply(asStored(context, segment, signal), signal);
    total.segments++;
    total.transactions += transactions;
    total.rows += rows;
    onApplied(at + 1, segments.length);
    total.isReached = isReached;
    if (isReached) break;
  }
  return total;
}

/** A restore that goes on must mean the same moment: one before what is applied cannot be reached any more. */
function nameOf({ base, until: { at, beforeTransaction } }: ChosenMoment): string {
  if (beforeTransaction !== undefined) return `${base.key} before transaction ${beforeTransaction}`;
  return at === undefined ? base.key : `${base.key} at ${at}`;
}

/** The changes must begin where the base does, or before. @throws E_DAMAGED */
export function refuseHole({ base, join, segments }: ChosenMoment, compare: ChangePlugin['compare']): void {
  const [first] = segments;
  if (!first || compare(first.head.from, join.from) <= 0) return;
  throw new HoldfastError(
    'E_DAMAGED',
    `${first.key} begins at ${first.head.from}, but ${base.key} needs the changes from ${join.from} on`,
    { hint: 'Restore an earlier or a later moment, from another backup.' },
  );
}
