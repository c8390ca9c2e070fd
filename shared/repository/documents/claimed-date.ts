import { DAY_MS } from '../../core/units.ts';
import type { Manifest } from '../../format/manifest.ts';

/**
 * How far a writer's clock may be ahead of the store's: file systems that keep local time are off by hours.
 */
const MOST_AHEAD_MS = DAY_MS;
/** A backup is stored when it ends, and its copy in another place somewhat later. */
const MOST_LATE_MS = 7 * DAY_MS;

/**
 * What the store's own clock says about the date that a backup claims.
 *
 * - `ahead`: it was stored long before it claims to have begun. It is neither a good backup nor a parent.
 * - `late`: it was stored long after. This holds for copies, and also for backups that somebody dates back:
 *   such a backup never takes the place of one that was stored when it says.
 */
export type ClaimedDate = 'confirmed' | 'ahead' | 'late';

/** @param storedAt by the store's clock; undefined if it was not asked: the claim is accepted */
export function judgeDate(startedAt: Date, storedAt: Date | undefined): ClaimedDate {
  if (storedAt === undefined) return 'confirmed';
  const lateMs = storedAt.getTime() - startedAt.getTime();
  if (lateMs < -MOST_AHEAD_MS) return 'ahead';
  return lateMs > MOST_LATE_MS ? 'late' : 'confirmed';
}

/**
 * Whether a backup was stored long before it claims to have begun. An imported backup has its file's date.
 */
export function isMisdated(
  { startedAt, imported }: { readonly startedAt: Date | string; readonly imported?: Manifest['imported'] },
  storedAt: Date | undefined,
): boolean {
  return !imported && judgeDate(new Date(startedAt), storedAt) === 'ahead';
}
