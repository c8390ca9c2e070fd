import { HoldfastError } from './errors.ts';

/** @throws E_ABORTED when the signal is aborted */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedError(signal);
}

/** The error of work that was told to stop; the reason of the signal is its cause. */
export function abortedError(signal: AbortSignal | undefined): HoldfastError {
  return new HoldfastError('E_ABORTED', 'stopped on request', { cause: signal?.reason });
}
