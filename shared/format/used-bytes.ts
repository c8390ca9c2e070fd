import { ByteReader, ByteWriter } from './varint.ts';
import { compress, decompress } from './zstd.ts';

const LEVEL = 3;
/** Enough for a hundred million packs. */
const MOST_PLAIN_BYTES = 512 * 2 ** 20;

/**
 * What a backup's trees and chunks use of each pack, in the order of its packs. Sealed, as it reveals how
 * long chunks are.
 */
export function encodeUsedBytes(usedBytes: readonly number[]): Buffer {
  const writer = new ByteWriter(usedBytes.length * 4 + 16);
  for (const bytes of usedBytes) writer.varint(bytes);
  return compress(writer.finish(), LEVEL);
}

/** @throws E_DAMAGED */
export function decodeUsedBytes(body: Uint8Array, what: string): number[] {
  const reader = new ByteReader(decompress(body, MOST_PLAIN_BYTES), what);
  const usedBytes: number[] = [];
  while (reader.left > 0) usedBytes.push(reader.varint());
  return usedBytes;
}
