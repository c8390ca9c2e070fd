import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { KiB, MiB } from './units.ts';

/** Released buffers are collected after this many bytes. */
const COLLECT_BYTES = 6 * MiB;

let collect: ((options: { readonly type: 'minor' }) => void) | undefined;
let letGoBytes = 0;

/**
 * Counts buffers that this thread has released, and triggers a collection every 6 MiB.
 *
 * Left alone, V8 lets 64 MiB of dead buffers pile up in every thread before it collects: with the main thread
 * and two workers that is most of what a backup takes. A minor collection of a young generation that holds
 * little but such buffers takes a fraction of a millisecond.
 */
export function buffersLetGo(bytes: number): void {
  letGoBytes += bytes;
  if (letGoBytes < COLLECT_BYTES) return;
  letGoBytes = 0;
  collect ??= exposeCollector();
  collect({ type: 'minor' });
}

function exposeCollector(): (options: { readonly type: 'minor' }) => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as (options: { readonly type: 'minor' }) => void;
}

/** Smaller buffers may lie in a pool that they share with others. */
const LEAST_RELEASED_BYTES = 128 * KiB;

/** Frees the memory behind `view` at once. Nobody may use it, or anything that shares it, afterwards. */
export function releaseMemory(view: Uint8Array): void {
  const { buffer } = view;
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= LEAST_RELEASED_BYTES) buffer.transfer(0);
}
