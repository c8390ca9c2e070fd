import { DAY_MS } from '../../core/units.ts';
import type { Manifest } from '../../format/manifest.ts';

/** What the clock of a writer may be ahead of the store's: file systems that keep local time are off by hours. */
const MOST_AHEAD_MS = DAY_MS;
/** A backup is stored when it ends, and one that is copied to another place somewhat later. */
const MOST_LATE_MS = 7 * DAY_MS;

/**
 * What the store's own clock says of the date that a backup claims.
 *
 * - `ahead`: it was stored long before it claims to have begun. It is no good backup, and no parent.
 * - `late`: it was stored long after. So is whatever was copied here, and also what somebody dates back: it never takes
 *   the place of a backup that was stored when it says.
 */
export type ClaimedDate = 'confirmed' | 'ahead' | 'late';

/** @param storedAt by the store's clock; undefined where it was not asked: the claim is believed */
export function judgeDate(startedAt: Date, storedAt: Date | undefined): ClaimedDate {
  if (storedAt === undefined) return 'confirmed';
  const lateMs = storedAt.getTime() - startedAt.getTime();
  if (lateMs < -MOST_AHEAD_MS) return 'ahead';
  return lateMs > MOST_LATE_MS ? 'late' : 'confirmed';
}

/** Whether a backup was stored long before it says that it began. One that was imported is dated as its file is. */
export function isMisdated(
  { startedAt, imported }: { readonly startedAt: Date | string; readonly imported?: Manifest['imported'] },
  storedAt: Date | undefined,
): boolean {
  return !imported && judgeDate(new Date(startedAt), storedAt) === 'ahead';
}
