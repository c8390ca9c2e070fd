import { FULL_PACKET, HEADER_BYTES } from '../connection/wire.ts';
import { EOF, ERR, errorOf, type ServerError } from '../connection/wire-values.ts';
import { takeWholeRows } from './whole-rows.ts';

const TAB = 0x09;
const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;
const NULL_VALUE = 0xfb;
const LETTER_N = 0x4e;
/** By the first byte of a length that takes more. */
const LENGTH_BYTES: Readonly<Record<number, number>> = { 252: 2, 253: 3 };
/** A byte that is escaped takes two. */
const ROOM = 2;
const LETTERS = escapeLetters();

type State = 'header' | 'length' | 'value' | 'last packet';

/**
 * Makes records of the rows that a server sends: values as they come, tabs between them, `\N` for NULL, and `\0`, `\t`,
 * `\n`, `\\` for these four bytes. That is the text that LOAD DATA reads by default. A row is never in memory as a whole.
 */
export class RowFrames {
  /** The server is done and waits for the next command. */
  ready = false;
  /** What the server answered instead of rows, or after some. */
  error: ServerError | undefined;
  #block: Buffer;
  #used = 0;
  readonly #blockBytes: number;
  readonly #columns: number;
  #state: State = 'header';
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerUsed = 0;
  /** Bytes of the current packet still to come. */
  #packetLeft = 0;
  /** The next packet goes on with the same row. */
  #goesOn = false;
  #isFirstByte = true;
  /** Values of the current row that are done. */
  #column = 0;
  #lengthLeft = 0;
  #lengthAt = 0;
  #valueLeft = 0;
  #last: Buffer[] = [];

  constructor(columns: number, blockBytes: number) {
    this.#columns = columns;
    this.#blockBytes = blockBytes;
    this.#block = Buffer.allocUnsafeSlow(blockBytes);
  }

  /** @returns how far it came: not to the end of `bytes` if the block is full, or the rows have ended */
  consume(bytes: Buffer, start: number): number {
    // The reader may have handed the block on to another thread: then it is gone from here.
    if (this.#block.length === 0) this.#block = Buffer.allocUnsafeSlow(this.#blockBytes);
    let at = start;
    while (!this.ready && at < bytes.length && !this.full) {
      if (this.#state === 'header') at = this.#takeHeader(bytes, this.#takeWholeRows(bytes, at));
      else if (this.#state === 'value') at = this.#takeValue(bytes, at);
      else if (this.#state === 'length') at = this.#takeLength(bytes, at);
      else at = this.#takeLast(bytes, at);
    }
    return at;
  }

  get full(): boolean {
    return this.#used > this.#blockBytes - 2 * ROOM;
  }

  /** The records so far; the memory is used again by the next `consume`. */
  take(): Uint8Array {
    const records = this.#block.subarray(0, this.#used);
    this.#used = 0;
    return records;
  }

  /** Rows that are there whole, which most are. Whatever is special about the next one is for the code below. */
  #takeWholeRows(bytes: Buffer, start: number): number {
    if (this.#goesOn || this.#headerUsed > 0) return start;
    const rest = this.#block.subarray(this.#used, this.#block.length - ROOM);
    const { takenBytes, recordBytes } = takeWholeRows(bytes.subarray(start), rest, this.#columns);
    this.#used += recordBytes;
    return start + takenBytes;
  }

  #takeHeader(bytes: Buffer, start: number): number {
    let at = start;
    while (this.#headerUsed < HEADER_BYTES && at < bytes.length) {
      this.#header[this.#headerUsed++] = bytes[at++] ?? 0;
    }
    if (this.#headerUsed < HEADER_BYTES) return at;
    this.#headerUsed = 0;
    this.#packetLeft = this.#header.readUIntLE(0, 3);
    const length = this.#packetLeft;
    if (!this.#goesOn) {
      this.#isFirstByte = true;
      this.#column = 0;
      this.#lengthLeft = 0;
    }
    this.#goesOn = length === FULL_PACKET;
    this.#state = this.#valueLeft > 0 ? 'value' : 'length';
    if (length === 0) this.#endPacket();
    return at;
  }

  /** One byte of a value's length, or the byte that says NULL. */
  #takeLength(bytes: Buffer, at: number): number {
    const byte = bytes[at] ?? 0;
    if (this.#isFirstByte && this.#isLastPacket(byte)) {
      this.#state = 'last packet';
      return at;
    }
    this.#isFirstByte = false;
    this.#packetLeft--;
    if (this.#lengthLeft > 0) this.#addToLength(byte);
    else if (byte === NULL_VALUE) this.#putNull();
    else if (byte < NULL_VALUE) {
      this.#valueLeft = byte;
      this.#beginValue();
    } else {
      this.#lengthLeft = LENGTH_BYTES[byte] ?? 8;
      this.#lengthAt = 0;
      this.#valueLeft = 0;
    }
    if (this.#packetLeft === 0 && this.#state === 'length') this.#endPacket();
    return at + 1;
  }

  #isLastPacket(byte: number): boolean {
    return byte === ERR || (byte === EOF && this.#packetLeft < 9);
  }

  #addToLength(byte: number): void {
    this.#valueLeft += byte * 2 ** (8 * this.#lengthAt++);
    if (--this.#lengthLeft === 0) this.#beginValue();
  }

  #putNull(): void {
    this.#separate();
    this.#put(BACKSLASH);
    this.#put(LETTER_N);
    this.#endValue();
  }

  #beginValue(): void {
    this.#separate();
    if (this.#valueLeft === 0) this.#endValue();
    else if (this.#packetLeft === 0) this.#endPacket();
    else this.#state = 'value';
  }

  #takeValue(bytes: Buffer, start: number): number {
    const block = this.#block;
    const most = Math.min(start + Math.min(this.#valueLeft, this.#packetLeft), bytes.length);
    // The newline that ends a row fits too.
    const room = block.length - ROOM - 1;
    let used = this.#used;
    let at = start;
    while (at < most && used <= room) {
      const byte = bytes[at++] as number;
      if (byte > BACKSLASH || (byte > NEWLINE && byte < BACKSLASH)) {
        block[used++] = byte;
        continue;
      }
      const letter = LETTERS[byte] as number;
      if (letter !== 0) block[used++] = BACKSLASH;
      block[used++] = letter === 0 ? byte : letter;
    }
    this.#used = used;
    this.#valueLeft -= at - start;
    this.#packetLeft -= at - start;
    if (this.#valueLeft === 0) {
      this.#endValue();
      if (this.#packetLeft === 0 && this.#state !== 'header') this.#endPacket();
    } else if (this.#packetLeft === 0) this.#endPacket();
    return at;
  }

  #endValue(): void {
    this.#column++;
    this.#state = 'length';
    if (this.#column > this.#columns) throw new Error('a row has more values than columns');
  }

  /** A tab before every value but the first. */
  #separate(): void {
    if (this.#column > 0) this.#put(TAB);
  }

  #put(byte: number): void {
    this.#block[this.#used++] = byte;
  }

  #endPacket(): void {
    this.#state = 'header';
    if (this.#goesOn) return;
    if (this.#column !== this.#columns || this.#valueLeft > 0 || this.#lengthLeft > 0)
      throw new Error(`a row has ${this.#column} values, not ${this.#columns}`);
    this.#put(NEWLINE);
  }

  #takeLast(bytes: Buffer, start: number): number {
    const part = bytes.subarray(start, start + this.#packetLeft);
    this.#last.push(Buffer.from(part));
    this.#packetLeft -= part.length;
    if (this.#packetLeft > 0) return start + part.length;
    const packet = Buffer.concat(this.#last);
    this.#last = [];
    if (packet[0] === ERR) this.error = errorOf(packet);
    this.ready = true;
    return start + part.length;
  }
}

/** For each byte, what follows the backslash; 0: it stands for itself. */
function escapeLetters(): Uint8Array {
  const letters = new Uint8Array(256);
  letters[0] = 0x30;
  letters[TAB] = 0x74;
  letters[NEWLINE] = 0x6e;
  letters[BACKSLASH] = BACKSLASH;
  return letters;
}
