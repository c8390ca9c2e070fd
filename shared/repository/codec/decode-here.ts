import { columnMemory } from '../../format/columns/memory.ts';
import { decodeChunks, pickedChunks } from './chunk-decoder.ts';
import type { ChunkToDecode, ItemBatch } from './codec-task.ts';

/* What worker threads do, in the thread that asks: for a few chunks it is done before another thread has started. */

interface Chunks {
  readonly batch: ItemBatch;
  readonly chunks: readonly ChunkToDecode[];
  readonly maxChunkBytes: number;
}

/** Compiles the WebAssembly, so that the first chunk does not wait for it. */
export function prepare(): void {
  columnMemory();
}

/** As the task `decode`. @throws E_DAMAGED */
export function decodeHere({ batch, chunks, maxChunkBytes }: Chunks): Uint8Array {
  return decodeChunks(batch, chunks, maxChunkBytes);
}

/** As the task `pick`. @throws E_DAMAGED */
export function pickHere({ batch, chunks, ...options }: Chunks, places: readonly number[]): Uint8Array {
  return Buffer.concat([...pickedChunks(batch, chunks, places, options)]);
}
