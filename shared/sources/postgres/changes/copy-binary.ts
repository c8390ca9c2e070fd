import { HoldfastError } from '../../../core/errors.ts';

/*
 * A segment of changes is what `COPY (SELECT lsn, xid, data FROM pg_logical_slot_peek_binary_changes(…)) TO STDOUT (FORMAT
 * binary)` sends: section "Binary Format" of the manual's page on COPY. PostgreSQL itself reads it into a table
 * (lsn pg_lsn, xid xid, data bytea).
 */

/** Signature, flags and the length of an extension that nobody uses. */
export const COPY_HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
/** Where a row would begin: no more rows. */
export const COPY_TRAILER = Buffer.from([0xff, 0xff]);
/** Before the message of a row: count of fields, LSN, xid, and the length of the message. */
export const ROW_HEADER_BYTES = 26;
const LSN_AT = 6;
const LENGTH_AT = 22;
/** A field of PostgreSQL has less than a gibibyte; a message is a little longer than its fields. */
const MOST_MESSAGE_BYTES = 2 ** 31 - 1;

/** Where the message of a row begins and how long it is. @param at of the row; its header is in `bytes` @throws E_DAMAGED */
export function rowHeader(bytes: Buffer, at: number): { readonly lsn: bigint; readonly length: number } {
  const length = bytes.readInt32BE(at + LENGTH_AT);
  const isRow = bytes.readInt16BE(at) === 3 && bytes.readInt32BE(at + 2) === 8;
  if (!isRow || bytes.readInt32BE(at + 14) !== 4 || length < 1 || length > MOST_MESSAGE_BYTES)
    throw new HoldfastError('E_DAMAGED', 'a segment of changes has a row that is not one of a stream');
  return { lsn: bytes.readBigUInt64BE(at + LSN_AT), length };
}

/** @throws E_DAMAGED */
export function checkHeader(bytes: Buffer): void {
  if (!bytes.subarray(0, COPY_HEADER.length).equals(COPY_HEADER))
    throw new HoldfastError('E_DAMAGED', 'a segment of changes does not begin as one of PostgreSQL');
}

/** Whether the rows end there. */
export function isTrailer(bytes: Buffer, at: number): boolean {
  return bytes.readInt16BE(at) === -1;
}

/**
 * The messages of a segment, each whole: as much memory as the largest of them. A message is the caller's until it asks for the
 * next one.
 *
 * @throws E_DAMAGED, also for one that ends early
 */
export async function* copyMessages(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const reader = new MessageReader();
  for await (const block of blocks) yield* reader.push(block);
  reader.end();
}

class MessageReader {
  /** What came of the next message so far. */
  #parts: Buffer[] = [];
  #have = 0;
  /** How much of it must have come before it can be looked at again. */
  #needed = COPY_HEADER.length;
  #hasHeader = false;
  #isEnded = false;

  *push(block: Uint8Array): Generator<Buffer> {
    const piece = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
    if (this.#isEnded && piece.length > 0) throw damaged('goes on after its end');
    if (this.#have + piece.length < this.#needed) {
      this.#keep(piece);
      return;
    }
    const bytes = this.#parts.length > 0 ? Buffer.concat([...this.#parts, piece]) : piece;
    this.#parts = [];
    this.#have = 0;
    let at = this.#skipHeader(bytes);
    for (;;) {
      this.#needed = bytesNeeded(bytes, at);
      if (this.#isEnded || this.#needed > bytes.length - at) break;
      if (isTrailer(bytes, at)) {
        this.#isEnded = true;
        at += COPY_TRAILER.length;
        continue;
      }
      const { length } = rowHeader(bytes, at);
      const start = at + ROW_HEADER_BYTES;
      yield bytes.subarray(start, start + length);
      at = start + length;
    }
    if (this.#isEnded && at < bytes.length) throw damaged('goes on after its end');
    this.#keep(bytes.subarray(at));
  }

  /** @throws E_DAMAGED if something is missing; nothing at all is a segment without changes */
  end(): void {
    if (this.#hasHeader ? !this.#isEnded : this.#have > 0) throw damaged('ends early');
  }

  /** A block is its owner's again when the next one is asked for. */
  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#parts.push(Buffer.from(bytes));
    this.#have += bytes.length;
  }

  #skipHeader(bytes: Buffer): number {
    if (this.#hasHeader) return 0;
    checkHeader(bytes);
    this.#hasHeader = true;
    return COPY_HEADER.length;
  }
}

/** How many bytes from `at` on must be there to take the next row. */
function bytesNeeded(bytes: Buffer, at: number): number {
  const have = bytes.length - at;
  if (have < COPY_TRAILER.length || isTrailer(bytes, at)) return COPY_TRAILER.length;
  if (have < ROW_HEADER_BYTES) return ROW_HEADER_BYTES;
  return ROW_HEADER_BYTES + rowHeader(bytes, at).length;
}

function damaged(what: string): HoldfastError {
  return new HoldfastError('E_DAMAGED', `a segment of changes ${what}`);
}
