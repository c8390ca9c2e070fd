import {
  COPY_HEADER,
  COPY_TRAILER,
  checkHeader,
  isTrailer,
  ROW_HEADER_BYTES,
  rowHeader,
} from './copy-binary.ts';
import { claimsToBeNote, DefinitionWitness, MOST_NOTE_BYTES, SEEN_OF_MESSAGE } from './ddl/witness.ts';
import { BEGIN, BEGIN_BYTES, COMMIT, MESSAGE, RELATION, readBegin, TYPE } from './message-types.ts';
import { momentOf } from './moments.ts';

/** What has to be seen of a row to know whether it is wanted, or has to be seen whole. */
const SEEN_BYTES = ROW_HEADER_BYTES + Math.max(BEGIN_BYTES, SEEN_OF_MESSAGE);

/**
 * Leaves out of a stream of rows the transactions whose commit is not in a stretch of the log: those before are repeats, those
 * behind come again. Definitions of tables stay, as the server gives each only once in a stream. Rows are passed on in pieces,
 * never held whole. Without any transaction, nothing comes out.
 */
export class StretchFilter {
  readonly #from: bigint;
  readonly #to: bigint;
  readonly #witness: DefinitionWitness;
  transactions = 0;
  #first: bigint | undefined;
  #last: bigint | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #hasHeader = false;
  #isEnded = false;
  /** Bytes of the present row still to come. */
  #left = 0;
  /** The present row is passed on. */
  #passes = false;
  /** A transaction of the stretch is open. */
  #isInside = false;
  /** Definitions that came before the first transaction. */
  #held: Buffer[] = [];
  #out: Buffer[] = [];

  /** @param witness of the stretch's statements that change definitions */
  constructor(from: bigint, to: bigint, witness = new DefinitionWitness(undefined)) {
    this.#from = from;
    this.#to = to;
    this.#witness = witness;
  }

  get firstCommit(): string | undefined {
    return this.#first === undefined ? undefined : momentOf(this.#first);
  }

  get lastCommit(): string | undefined {
    return this.#last === undefined ? undefined : momentOf(this.#last);
  }

  /** @returns what to pass on; parts of `block` are in it. @throws E_DAMAGED */
  push(block: Uint8Array): readonly Uint8Array[] {
    const piece = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, piece]) : piece;
    this.#out = [];
    let at = 0;
    for (let taken = this.#take(bytes, at); taken > 0; taken = this.#take(bytes, at)) at += taken;
    this.#rest = Buffer.from(bytes.subarray(at));
    return this.#out;
  }

  /** What is left at the end. @throws E_DAMAGED if the server ended early */
  end(): readonly Uint8Array[] {
    if (!this.#isEnded) checkHeader(Buffer.alloc(0));
    return this.transactions > 0 ? [COPY_TRAILER] : [];
  }

  /** @returns how many bytes were dealt with; 0 if more must come first */
  #take(bytes: Buffer, at: number): number {
    const have = bytes.length - at;
    if (have === 0) return 0;
    if (this.#left > 0) return this.#takeRest(bytes, at, Math.min(have, this.#left));
    if (!this.#hasHeader) {
      if (have < COPY_HEADER.length) return 0;
      checkHeader(bytes);
      this.#hasHeader = true;
      return COPY_HEADER.length;
    }
    if (have < COPY_TRAILER.length) return 0;
    if (isTrailer(bytes, at)) {
      this.#isEnded = true;
      return COPY_TRAILER.length;
    }
    if (have < ROW_HEADER_BYTES) return 0;
    const { length } = rowHeader(bytes, at);
    const whole = ROW_HEADER_BYTES + length;
    if (have < Math.min(whole, SEEN_BYTES)) return 0;
    const start = at + ROW_HEADER_BYTES;
    const isNote = bytes[start] === MESSAGE && length > SEEN_OF_MESSAGE && claimsToBeNote(bytes, start);
    if (isNote && have < Math.min(whole, MOST_NOTE_BYTES)) return 0;
    this.#passes =
      this.#wants(bytes, start) && (!isNote || this.#takesNote(bytes.subarray(start, at + whole), length));
    this.#left = whole;
    return this.#takeRest(bytes, at, Math.min(have, whole));
  }

  #takeRest(bytes: Buffer, at: number, count: number): number {
    this.#left -= count;
    if (!this.#passes) return count;
    const piece = bytes.subarray(at, at + count);
    if (this.transactions > 0 || this.#isInside) this.#out.push(piece);
    else this.#held.push(Buffer.from(piece));
    return count;
  }

  #wants(bytes: Buffer, at: number): boolean {
    const type = bytes[at];
    if (type === BEGIN) this.#begin(bytes, at);
    if (type === RELATION || type === TYPE) return true;
    const wanted = this.#isInside;
    if (type === COMMIT && wanted) {
      this.#isInside = false;
      this.transactions++;
    }
    return wanted;
  }

  #takesNote(message: Buffer, length: number): boolean {
    return message.length === length && this.#witness.take(message);
  }

  #begin(bytes: Buffer, at: number): void {
    const { commitLsn, committedAt, xid } = readBegin(bytes, at);
    this.#witness.begin(xid);
    this.#isInside = commitLsn >= this.#from && commitLsn < this.#to;
    if (!this.#isInside) return;
    if (this.transactions === 0) {
      this.#out.push(COPY_HEADER, ...this.#held);
      this.#held = [];
    }
    this.#first ??= committedAt;
    this.#last = committedAt;
  }
}
