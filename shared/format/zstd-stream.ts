import * as zlib from 'node:zlib';

/**
 * What node:zlib's streams and its synchronous functions are made of. It is not documented; npm's `minizlib` uses it too.
 * The documented functions make a new stream, with new tables, for each call (docs/decisions/0024-zstd-streams.md).
 */
interface NativeStream {
  /** Returns when all input is taken or the output is full; what is left of both is in the stream's state then. */
  writeSync(
    flush: number,
    from: Uint8Array,
    fromAt: number,
    fromBytes: number,
    to: Uint8Array,
    toAt: number,
    toBytes: number,
  ): void;
  onerror: () => void;
}

interface Internals {
  readonly _handle?: Partial<NativeStream> | null;
  /** Bytes left of the output, and of the input. */
  readonly _writeState?: Uint32Array;
}

/** One native stream for frame after frame. */
export class ZstdStream {
  readonly #native: NativeStream;
  readonly #left: Uint32Array;
  readonly #flush: number;
  #failed = false;

  private constructor(native: NativeStream, left: Uint32Array, flush: number) {
    this.#native = native;
    this.#left = left;
    this.#flush = flush;
    native.onerror = () => {
      this.#failed = true;
    };
  }

  /** Undefined if this Node has no such internals. */
  static of(stream: object, flush: number): ZstdStream | undefined {
    const { _handle: native, _writeState: left } = stream as Internals;
    if (typeof native?.writeSync !== 'function' || !(left instanceof Uint32Array)) return undefined;
    return new ZstdStream(native as NativeStream, left, flush);
  }

  /**
   * Writes a frame, or what is in one, to `to` from `at` on.
   *
   * @returns the bytes written; undefined if that failed, or input is left: then this must not be used again
   */
  run(from: Uint8Array, to: Uint8Array, at = 0): number | undefined {
    if (this.#failed) return undefined;
    const room = to.length - at;
    this.#native.writeSync(this.#flush, from, 0, from.length, to, at, room);
    const [toLeft = 0, fromLeft = 0] = this.#left;
    return this.#failed || fromLeft > 0 ? undefined : room - toLeft;
  }
}

/** Writes whole frames, each with the size of its content. */
export function compressingStream(params: Record<number, number>): ZstdStream | undefined {
  return ZstdStream.of(
    zlib.createZstdCompress({ chunkSize: LEAST_BUFFER_BYTES, params }),
    zlib.constants.ZSTD_e_end,
  );
}

export function decompressingStream(): ZstdStream | undefined {
  return ZstdStream.of(
    zlib.createZstdDecompress({ chunkSize: LEAST_BUFFER_BYTES }),
    zlib.constants.ZSTD_e_continue,
  );
}

/** Of the buffer that every stream has, and that is not used here. */
const LEAST_BUFFER_BYTES = 64;
