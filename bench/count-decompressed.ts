import { syncBuiltinESMExports } from 'node:module';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import zlib from 'node:zlib';

/* Loaded before a program (`node --import`), in each of its threads: counts the bytes that zstd gives, whoever asks for them. */

const NAME = 'holdfast-bench-decompressed';
if (isMainThread) setEnvironmentData(NAME, new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT));
const counter = new BigInt64Array(getEnvironmentData(NAME) as unknown as SharedArrayBuffer);
const decompress = zlib.zstdDecompressSync;

Object.assign(zlib, {
  zstdDecompressSync: (...given: Parameters<typeof decompress>) => {
    const plain = decompress(...given);
    Atomics.add(counter, 0, BigInt(plain.length));
    return plain;
  },
});
syncBuiltinESMExports();

/** Bytes so far, of all threads. */
export function decompressedBytes(): number {
  return Number(Atomics.load(counter, 0));
}
