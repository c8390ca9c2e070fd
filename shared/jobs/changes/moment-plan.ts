import { bytes, duration } from '../../core/human.ts';
import type { BackupKey } from '../../core/ids.ts';
import { plural } from '../../core/plural.ts';
import { SECOND_MS } from '../../core/units.ts';
import type { ChosenMoment } from './choose-moment.ts';
import type { ReplayRate } from './replay-rate.ts';

/** What the restore of a moment applies to its base. */
export interface MomentPlan {
  /** The moment: ISO in UTC with microseconds. Undefined: before a transaction. */
  readonly at: string | undefined;
  readonly beforeTransaction: string | undefined;
  readonly base: BackupKey;
  /** All that the base has was committed by then. */
  readonly baseAt: string;
  readonly segments: number;
  readonly transactions: number;
  readonly plainBytes: number;
  /** About how long the changes take, after the base: an estimate. */
  readonly replayMs: number;
  /** When the drill was made that the estimate is taken from; undefined: a benchmark. */
  readonly drilledAt: Date | undefined;
  /** What the changes lack, as far as their segments say: sentences. */
  readonly notCarried: readonly string[];
}

/** Of `latest`, the moment is the one that is reached now: later ones are not part of this restore. */
export function planOfMoment(
  { base, join, segments, until }: ChosenMoment,
  { bytesPerMs, drilledAt }: ReplayRate,
): MomentPlan {
  const { at, beforeTransaction } = until;
  const heads = segments.map(({ head }) => head);
  const reached = heads.at(-1)?.facts.readAt ?? join.at;
  const plainBytes = heads.reduce((sum, head) => sum + head.plainBytes, 0);
  return {
    at: at ?? (beforeTransaction === undefined ? reached : undefined),
    beforeTransaction,
    base: base.key as BackupKey,
    baseAt: join.at,
    segments: heads.length,
    transactions: heads.reduce((sum, { facts }) => sum + facts.transactions, 0),
    plainBytes,
    replayMs: Math.round(plainBytes / bytesPerMs),
    drilledAt,
    notCarried: [...new Set(heads.flatMap(({ facts }) => facts.warnings))],
  };
}

/** What comes after the base is restored, in words. */
export function stepOfMoment(moment: MomentPlan): string {
  const { at, beforeTransaction, segments, plainBytes } = moment;
  const until = beforeTransaction === undefined ? `up to ${at}` : `up to transaction ${beforeTransaction}`;
  return `apply ${plural(segments, 'segment')} of changes, ${bytes(plainBytes)}, ${until}; ${estimateText(moment)}`;
}

/** How long the changes take, and what that is judged by. */
function estimateText({ replayMs, drilledAt }: MomentPlan): string {
  const by =
    drilledAt === undefined
      ? 'an estimate by a benchmark, as no drill has applied enough changes'
      : `an estimate by the drill of ${drilledAt.toISOString().slice(0, 10)}`;
  return `${replayMs < SECOND_MS ? 'less than a second' : `about ${duration(replayMs)}`}, ${by}`;
}
