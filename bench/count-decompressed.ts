import { syncBuiltinESMExports } from 'node:module';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import zlib from 'node:zlib';
import { DECOMPRESSED } from './decompressed-bytes.ts';

/* Loaded before a program (`node --import`), in each of its threads: counts the bytes that zstd gives, whoever asks for them. */

if (isMainThread) setEnvironmentData(DECOMPRESSED, new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT));
const counter = new BigInt64Array(getEnvironmentData(DECOMPRESSED) as unknown as SharedArrayBuffer);

/** What a stream of zlib is made of: shared/format/zstd-stream.ts calls it. */
interface Internals {
  readonly _handle: {
    writeSync(...given: readonly [number, Uint8Array, number, number, Uint8Array, number, number]): void;
  };
  /** Bytes left of the output, and of the input. */
  readonly _writeState: Uint32Array;
}

const decompress = zlib.zstdDecompressSync;
replace('zstdDecompressSync', (...given: Parameters<typeof decompress>) => {
  const plain = decompress(...given);
  count(plain.length);
  return plain;
});

const createStream = zlib.createZstdDecompress;
replace('createZstdDecompress', (...given: Parameters<typeof createStream>) => {
  const stream = createStream(...given);
  const { _handle: native, _writeState: left } = stream as unknown as Internals;
  const write = native.writeSync.bind(native);
  native.writeSync = (...of) => {
    write(...of);
    count(of[6] - (left[0] ?? 0));
  };
  return stream;
});
syncBuiltinESMExports();

function replace(name: string, value: unknown): void {
  Object.defineProperty(zlib, name, { value, configurable: true, enumerable: true, writable: true });
}

function count(bytes: number): void {
  Atomics.add(counter, 0, BigInt(bytes));
}
