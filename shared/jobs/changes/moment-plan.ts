import { bytes } from '../../core/human.ts';
import type { BackupKey } from '../../core/ids.ts';
import { plural } from '../../core/plural.ts';
import { KiB } from '../../core/units.ts';
import type { ChosenMoment } from './choose-moment.ts';

/** About what a replay of small rows applies. Large rows are faster. */
const REPLAY_BYTES_PER_MS = 1.5 * KiB;

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
  /** About how long the changes take, after the base. */
  readonly replayMs: number;
  /** What the changes lack, as far as their segments say: sentences. */
  readonly notCarried: readonly string[];
}

/** Of `latest`, the moment is the one that is reached now: later ones are not part of this restore. */
export function planOfMoment({ base, join, segments, until }: ChosenMoment): MomentPlan {
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
    replayMs: Math.round(plainBytes / REPLAY_BYTES_PER_MS),
    notCarried: [...new Set(heads.flatMap(({ facts }) => facts.warnings))],
  };
}

/** What comes after the base is restored, in words. */
export function stepOfMoment({ at, beforeTransaction, segments, plainBytes }: MomentPlan): string {
  const until = beforeTransaction === undefined ? `up to ${at}` : `up to transaction ${beforeTransaction}`;
  return `apply ${plural(segments, 'segment')} of changes, ${bytes(plainBytes)}, ${until}`;
}
