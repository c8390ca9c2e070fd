import { setTimeout as delay } from 'node:timers/promises';
import { abortedError } from './abort.ts';

/** @throws E_ABORTED as soon as the signal is aborted */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    throw abortedError(signal);
  }
}
