import { duration } from '../../core/human.ts';
import { MINUTE_MS } from '../../core/units.ts';
import { type CheckResult, differs, holds, unknown } from '../../sources/source-checks.ts';

/** S3 refuses requests signed by a clock that is further off. */
const MOST_MS = 15 * MINUTE_MS;
const WORTH_MS = MINUTE_MS;
const FIX = "Set this machine's clock, best with NTP.";

/** @param aheadMs how far this machine is ahead of the store; undefined if the store gave no time */
export function judgeClock(aheadMs: number | undefined): CheckResult {
  if (aheadMs === undefined) return unknown('the store gave no time');
  const off = Math.abs(aheadMs);
  if (off < WORTH_MS) return holds(`within ${duration(WORTH_MS)} of the store's`);
  const seen = `this machine is ${duration(off)} ${aheadMs > 0 ? 'ahead of' : 'behind'} the store`;
  return differs(seen, { fix: FIX, code: 'E_CLOCK_SKEW', isMinor: off < MOST_MS });
}
