import type { DatabaseError } from 'pg';
import {
  COPY_DATA,
  ERROR_RESPONSE,
  errorFromResponse,
  NOTICE_RESPONSE,
  READY_FOR_QUERY,
} from '../connection/stream.ts';

const HEADER_BYTES = 5;

/**
 * Takes COPY's answer apart: the contents of CopyData messages, one after the other, go into a block of
 * fixed size, with one memory copy a row and no object. Every other message is short and read whole.
 */
export class CopyFrames {
  /** The server is done and waits for the next command. */
  ready = false;
  /** What the server answered instead of rows, or after some. */
  error: DatabaseError | undefined;
  /** SQLSTATE of what else it said, warnings among them. */
  readonly notices = new Set<string>();
  #block: Buffer;
  readonly #blockBytes: number;
  #used = 0;
  #type = 0;
  /** Bytes of the current message still to come. */
  #left = 0;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerUsed = 0;
  #body: Buffer[] = [];

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
    this.#block = Buffer.allocUnsafeSlow(blockBytes);
  }

  /** @returns how far it came: not to the end of `bytes` when the block is full */
  consume(bytes: Buffer, start: number): number {
    // The reader may have handed the block on to another thread: then it is gone from here.
    if (this.#block.length === 0) this.#block = Buffer.allocUnsafeSlow(this.#blockBytes);
    let at = start;
    while (at < bytes.length && this.#used < this.#block.length) {
      if (this.#left > 0) at += this.#takeBody(bytes, at);
      else at = this.#takeHeader(bytes, at);
    }
    return at;
  }

  get full(): boolean {
    return this.#used === this.#blockBytes;
  }

  /** The rows so far; the memory is used again by the next `consume`. */
  take(): Uint8Array {
    const rows = this.#block.subarray(0, this.#used);
    this.#used = 0;
    return rows;
  }

  #takeHeader(bytes: Buffer, start: number): number {
    let at = start;
    if (this.#headerUsed === 0 && bytes.length - at >= HEADER_BYTES) {
      this.#type = bytes[at] ?? 0;
      this.#left = bytes.readInt32BE(at + 1) - 4;
      at += HEADER_BYTES;
    } else {
      const count = Math.min(HEADER_BYTES - this.#headerUsed, bytes.length - at);
      bytes.copy(this.#header, this.#headerUsed, at, at + count);
      this.#headerUsed += count;
      at += count;
      if (this.#headerUsed < HEADER_BYTES) return at;
      this.#headerUsed = 0;
      this.#type = this.#header[0] ?? 0;
      this.#left = this.#header.readInt32BE(1) - 4;
    }
    return at;
  }

  #takeBody(bytes: Buffer, at: number): number {
    const available = Math.min(this.#left, bytes.length - at);
    if (this.#type === COPY_DATA) {
      const count = Math.min(available, this.#block.length - this.#used);
      bytes.copy(this.#block, this.#used, at, at + count);
      this.#used += count;
      this.#left -= count;
      return count;
    }
    this.#body.push(bytes.subarray(at, at + available));
    this.#left -= available;
    if (this.#left === 0) this.#finishMessage();
    return available;
  }

  #finishMessage(): void {
    const body = Buffer.concat(this.#body);
    this.#body = [];
    if (this.#type === ERROR_RESPONSE) this.error ??= errorFromResponse(body);
    if (this.#type === NOTICE_RESPONSE) this.notices.add(errorFromResponse(body).code ?? '');
    if (this.#type === READY_FOR_QUERY) this.ready = true;
  }
}
