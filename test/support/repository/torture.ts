/**
 * How a randomised test runs: short in `npm test`, long in `npm run torture`, which sets these variables
 * (tools/torture.ts). A failing case names its seed, so that it can be run again alone.
 */
const share = Number(process.env['TORTURE_SHARE'] ?? '0');

/** Whether this is the long form. */
export const isTorture = share > 0;

/** The seed of this run: the same one gives the same cases. */
export const tortureSeed = Number(process.env['TORTURE_SEED'] ?? '1');

/** `fast` cases in `npm test`; in the long form `long`, or the share of it that was asked for. */
export function cases(fast: number, long: number): number {
  return isTorture ? Math.max(1, Math.round(long * share)) : fast;
}

/** For `it(name, test, timeout)` of a test with a long form: it ends one that hangs, not one on a busy machine. */
export const tortureTimeoutMs = isTorture ? 4 * 3600 * 1000 : 300_000;
