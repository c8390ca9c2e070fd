import { getEnvironmentData } from 'node:worker_threads';

/** Where bench/count-decompressed.ts counts, for all threads of the process. */
export const DECOMPRESSED = 'holdfast-bench-decompressed';

/** Bytes so far, of all threads. */
export function decompressedBytes(): number {
  const counter = new BigInt64Array(getEnvironmentData(DECOMPRESSED) as unknown as SharedArrayBuffer);
  return Number(Atomics.load(counter, 0));
}
