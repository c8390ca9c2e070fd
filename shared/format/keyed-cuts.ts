import { hkdfSync } from 'node:crypto';
import { copyInto } from '../core/copy-into.ts';
import { KiB } from '../core/units.ts';
import type { ChunkerParameters, CutTest } from './chunker.ts';
import { CUT_MODULE, LAYOUT, WINDOW_BYTES } from './cut-module.ts';
import { instancesOf } from './wasm.ts';

const NEWLINE = 0x0a;
const SIP_KEY_BYTES = 16;
const SIP_CONSTANTS = [
  0x736f6d6570736575n,
  0x646f72616e646f6dn,
  0x6c7967656e657261n,
  0x7465646279746573n,
] as const;
/** Bytes copied into the module's page at a time: usually a cut is found after 4 of them. */
const PIECE_BYTES = 32 * KiB;

type Run = (at: number, end: number, step: bigint) => number;

const newInstance = instancesOf<Run>(CUT_MODULE);

/**
 * The cuts of format 2: universal hash, then pseudo-random function (Truong et al., "Breaking and Fixing
 * Content-Defined Chunking", CCS 2025). NH maps the 32 bytes before a test point to 64 bits; SipHash-2-4 of
 * them, under another part of the key, decides whether the point proposes. Cuts reveal only which windows are
 * alike.
 */
export class KeyedCuts implements CutTest {
  readonly #minBytes: number;
  readonly #step: bigint;
  readonly #memory: Buffer;
  readonly #run: Run;

  constructor({ minBytes, averageBytes }: ChunkerParameters, repositorySecret: Uint8Array) {
    this.#minBytes = minBytes;
    this.#step = BigInt(Math.floor(2 ** 32 / (averageBytes - minBytes)));
    const { memory, run } = newInstance();
    this.#memory = Buffer.from(memory.buffer);
    this.#run = run;
    const keyBytes = WINDOW_BYTES + SIP_KEY_BYTES;
    const key = hkdfSync('sha256', repositorySecret, new Uint8Array(0), 'holdfast/2 cuts', keyBytes);
    memory.set(new Uint8Array(key, 0, WINDOW_BYTES), LAYOUT.nh);
    memory.set(sipState(Buffer.from(key, WINDOW_BYTES)), LAYOUT.sip);
  }

  propose(bytes: Buffer, start: number, limit: number): number | undefined {
    let at = this.#lastTestPoint(bytes, start);
    while (at < limit) {
      const end = Math.min(limit, at + PIECE_BYTES);
      copyInto(this.#memory, LAYOUT.text - WINDOW_BYTES, bytes.subarray(at - WINDOW_BYTES, end));
      const found = this.#run(LAYOUT.text, LAYOUT.text + end - at, this.#step);
      if (found > 0) return at + found - LAYOUT.text - 1;
      if (end === limit) return undefined;
      at += -found - LAYOUT.text;
    }
    return undefined;
  }

  /** The last test point not past the smallest size: a record's end, or some windows after it. */
  #lastTestPoint(bytes: Buffer, start: number): number {
    const least = start + this.#minBytes;
    const record = Math.max(start, bytes.lastIndexOf(NEWLINE, least - 1) + 1);
    return least - ((least - record) % WINDOW_BYTES);
  }
}

/** SipHash's state after its key, before any input. */
function sipState(key: Buffer): Buffer {
  const state = Buffer.alloc(32);
  for (const [i, constant] of SIP_CONSTANTS.entries())
    state.writeBigUInt64LE(key.readBigUInt64LE(8 * (i % 2)) ^ constant, 8 * i);
  return state;
}
