import { MINUTE_MS } from '../../shared/core/units.ts';

/**
 * How long an invocation that began so long ago waits before it polls again: polls begin at whole multiples of the interval. Undefined
 * if the next invocation does it, which comes a minute after this one.
 */
export function msToNextPoll(elapsedMs: number, everyMs: number): number | undefined {
  if (elapsedMs + everyMs >= MINUTE_MS) return undefined;
  return everyMs - (elapsedMs % everyMs);
}
