import { KiB, MiB } from '../../../core/units.ts';
import { FULL_PACKET } from '../connection/wire.ts';
import type { TableAttributes } from '../datasets/attributes.ts';
import { insertSql, introducerOf } from './statements.ts';

const TAB = 0x09;
const NEWLINE = 0x0a;
const QUOTE = 0x27;
const BACKSLASH = 0x5c;
const LETTER_N = 0x4e;
const QUERY = 0x03;
const CLOSE_ROW = Buffer.from(')');
const OPEN_ROW = Buffer.from('(');
const NEXT_ROW = Buffer.from(',(');
const COMMA = Buffer.from(',');
const NULL_VALUE = Buffer.from('NULL');
const FIRST_BYTES = 256 * KiB;
/** A statement of this length is ended at the next row. */
const STATEMENT_BYTES = MiB;

/** What may follow a backslash; all else would mean something in SQL that no record means. */
const ESCAPED = new Set([0x30, 0x74, 0x6e, BACKSLASH]);

type State = 'row' | 'value' | 'backslash' | 'inside' | 'escape' | 'after null';

/** A piece of a statement. The last one is shorter than a full packet, as the protocol asks for. */
export interface StatementPiece {
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

/**
 * Makes INSERT statements of records (row-frames.ts). What is escaped there means the same in a quoted text of SQL, so
 * only quotes are added. A statement with one huge row leaves in several packets and is never in memory as a whole.
 */
export class InsertStatements {
  readonly #prefix: Buffer;
  readonly #openings: readonly Buffer[];
  readonly #isWithoutColumns: boolean;
  #packet = Buffer.allocUnsafe(FIRST_BYTES);
  #used = 0;
  /** Of the statement that is being made, with what was given away already. */
  #statementBytes = 0;
  #state: State = 'row';
  #column = 0;
  #isFirstRow = true;

  constructor(attributes: Pick<TableAttributes, 'table' | 'columns'>) {
    this.#prefix = Buffer.concat([Buffer.from([QUERY]), Buffer.from(insertSql(attributes))]);
    this.#openings = attributes.columns.map((column) => Buffer.from(`${introducerOf(column)}'`));
    this.#isWithoutColumns = attributes.columns.length === 0;
  }

  /** Bytes of the statement that is being made. */
  get statementBytes(): number {
    return this.#statementBytes;
  }

  /** Pieces that are whole by now; each must be sent before the next is asked for. */
  *feed(block: Uint8Array): Generator<StatementPiece> {
    for (let at = 0; at < block.length; ) {
      at = this.#take(block, at);
      if (this.#used >= FULL_PACKET) yield this.#fullPacket();
      if (this.#state === 'row' && this.#statementBytes >= STATEMENT_BYTES) yield* this.#end();
    }
  }

  /** What is left. @throws Error if the records end in the middle of a row */
  *finish(): Generator<StatementPiece> {
    if (this.#state !== 'row') throw new Error('the records end in the middle of a row');
    if (this.#statementBytes > 0) yield* this.#end();
  }

  /** Up to the end of a row, of a value, or of what fits into a packet. */
  #take(block: Uint8Array, start: number): number {
    switch (this.#state) {
      case 'row':
        if (this.#statementBytes === 0) this.#put(this.#prefix);
        this.#put(this.#isFirstRow ? OPEN_ROW : NEXT_ROW);
        this.#isFirstRow = false;
        this.#column = 0;
        this.#state = 'value';
        return start;
      case 'value':
        return this.#beginValue(block, start);
      case 'backslash':
        return this.#afterBackslash(block, start);
      case 'inside':
        return this.#inside(block, start);
      case 'escape':
        return this.#escaped(block[start] ?? 0, start);
      case 'after null':
        return this.#endValue(block[start], start);
    }
  }

  #beginValue(block: Uint8Array, start: number): number {
    if (this.#isWithoutColumns && block[start] === NEWLINE) return this.#endRow(start);
    if (block[start] === BACKSLASH) {
      this.#state = 'backslash';
      return start + 1;
    }
    this.#put(this.#opening());
    this.#state = 'inside';
    return start;
  }

  /** At the front of a value: NULL, or a byte that is escaped. */
  #afterBackslash(block: Uint8Array, start: number): number {
    if (block[start] === LETTER_N) {
      this.#put(NULL_VALUE);
      this.#state = 'after null';
      return start + 1;
    }
    this.#put(this.#opening());
    this.#put(Buffer.from([BACKSLASH]));
    this.#state = 'escape';
    return start;
  }

  #escaped(letter: number, start: number): number {
    if (!ESCAPED.has(letter)) throw new Error('a record has an escape that is not known');
    this.#put(Buffer.from([letter]));
    this.#state = 'inside';
    return start + 1;
  }

  #inside(block: Uint8Array, start: number): number {
    const most = Math.min(block.length, start + MiB);
    this.#reserve(2 * (most - start) + 1);
    const packet = this.#packet;
    let used = this.#used;
    let at = start;
    let end = 0;
    while (at < most) {
      const byte = block[at++] as number;
      if (byte === TAB || byte === NEWLINE) {
        packet[used++] = QUOTE;
        end = byte;
        break;
      }
      if (byte === QUOTE) packet[used++] = QUOTE;
      packet[used++] = byte;
      if (byte !== BACKSLASH) continue;
      this.#state = 'escape';
      break;
    }
    this.#statementBytes += used - this.#used;
    this.#used = used;
    return end === 0 ? at : this.#endValue(end, at - 1);
  }

  #endValue(byte: number | undefined, at: number): number {
    if (byte === NEWLINE) return this.#endRow(at);
    if (byte !== TAB) throw new Error('a record has something after NULL');
    this.#put(COMMA);
    this.#column++;
    this.#state = 'value';
    return at + 1;
  }

  #endRow(newlineAt: number): number {
    if (this.#column + 1 < this.#openings.length)
      throw new Error('a record has fewer values than its table has columns');
    this.#put(CLOSE_ROW);
    this.#state = 'row';
    return newlineAt + 1;
  }

  #opening(): Buffer {
    const opening = this.#openings[this.#column];
    if (opening === undefined) throw new Error('a record has more values than its table has columns');
    return opening;
  }

  #put(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#packet.set(bytes, this.#used);
    this.#used += bytes.length;
    this.#statementBytes += bytes.length;
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#packet.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#packet.length, this.#used + bytes));
    this.#packet.copy(larger, 0, 0, this.#used);
    this.#packet = larger;
  }

  #fullPacket(): StatementPiece {
    const bytes = Buffer.from(this.#packet.subarray(0, FULL_PACKET));
    this.#packet.copyWithin(0, FULL_PACKET, this.#used);
    this.#used -= FULL_PACKET;
    return { bytes, isLast: false };
  }

  *#end(): Generator<StatementPiece> {
    while (this.#used >= FULL_PACKET) yield this.#fullPacket();
    // Its own memory: the next statement is made while this one is under way.
    const bytes = Buffer.from(this.#packet.subarray(0, this.#used));
    this.#used = 0;
    this.#statementBytes = 0;
    this.#isFirstRow = true;
    if (this.#packet.length > 4 * MiB) this.#packet = Buffer.allocUnsafe(FIRST_BYTES);
    yield { bytes, isLast: true };
  }
}
