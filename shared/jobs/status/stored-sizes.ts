import type { SizeOfDay } from '../../core/forecast.ts';
import { DAY_MS } from '../../core/units.ts';
import type { PruneHistory } from '../retention/prune-history.ts';

/** What was stored on one day. */
export interface PackedDay {
  /** ISO, in UTC. */
  readonly date: string;
  /** Bytes of packs that were stored on that day and still exist. */
  readonly bytes: number;
}

/**
 * What the repository held at the end of each day for which that is known, oldest first; the last is now.
 * Right after a prune its report tells; since packs were last removed, or if none ever were, the dates of the
 * existing packs do.
 *
 * @param packed oldest first
 */
export function storedSizes(
  packed: readonly PackedDay[],
  { sizes, lastFreedAt }: Pick<PruneHistory, 'sizes' | 'lastFreedAt'>,
  now: Date,
): readonly SizeOfDay[] {
  const dateOf = (at: Date) => at.toISOString().slice(0, 10);
  const known = new Map<string, number>(sizes.map(({ at, bytes }) => [dateOf(at), bytes]));
  const total = packed.reduce((sum, { bytes }) => sum + bytes, 0);
  const freedOn = lastFreedAt === undefined ? '' : dateOf(lastFreedAt);
  let bytes = 0;
  for (const day of packed) {
    bytes += day.bytes;
    if (day.date > freedOn) known.set(day.date, bytes);
  }
  known.set(dateOf(now), total);
  return [...known]
    .map(([date, size]) => ({ date, bytes: size }))
    .toSorted((a, b) => (a.date < b.date ? -1 : 1))
    .filter(({ date }) => now.getTime() - Date.parse(date) <= MOST_DAYS * DAY_MS);
}

const MOST_DAYS = 371;
