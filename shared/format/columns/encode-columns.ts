import { ByteWriter } from '../varint.ts';
import { compressInto, grown, mostCompressedBytes } from '../zstd.ts';
import { HAS_NULLS, KIND, MOST_FIELDS, NEWLINE } from './layout.ts';
import { type ColumnMemory, type ColumnResult, columnMemory } from './memory.ts';

/** Shorter or fewer rows are left to the other codecs: columns save little on them, and take memory. */
const LEAST_ROW_BYTES = 4;
const LEAST_FIELD_BYTES = 2;
const LEAST_ROWS = 16;
/** Per row, for numbers as they are read: 8 bytes, and the number of digits after the point. */
const SCRATCH_BYTES = 9;
const MOST_INTEGER_BYTES = 8;
/** A part is kept compressed if that saves at least this share. */
const LEAST_SAVING = 1 / 32;
/** Smaller parts are not worth a compressor. */
const LEAST_COMPRESSED_BYTES = 64;

/**
 * Rows as columns, each encoded by the kind of its values, and compressed on its own.
 *
 * @param plain whole records: fields with tabs between them, a newline after each record
 * @param level zstd's, at least 1
 * @param codec the first byte of the result
 * @returns undefined if rows differ in their number of fields, or are too few or too short
 */
export function encodeColumns(plain: Uint8Array, level: number, codec: number): Buffer | undefined {
  const bytes = plain.length;
  if (plain[bytes - 1] !== NEWLINE) return undefined;
  const memory = columnMemory();
  const mostEnds = Math.floor(bytes / LEAST_FIELD_BYTES);
  const mostRows = Math.floor(bytes / LEAST_ROW_BYTES);
  const room = Math.max(2 * bytes, mostRows * MOST_INTEGER_BYTES + Math.ceil(mostRows / 8));
  const [at = 0, ends = 0, out = 0, scratch = 0] = memory.layOut(
    bytes,
    mostEnds * 4,
    room,
    mostRows * SCRATCH_BYTES,
  );
  memory.write(at, plain);
  const fields = memory.call.findFields(at, bytes, ends, MOST_FIELDS, mostEnds);
  if (fields === 0) return undefined;
  const rows = memory.result().count / fields;
  if (rows < LEAST_ROWS || rows > mostRows) return undefined;
  const head = new ByteWriter(64 + fields * 24);
  head.u8(codec);
  for (const count of [bytes, rows, fields]) head.varint(count);
  const columns = new ColumnsWriter(head, { memory, at, out, level });
  for (let field = 0; field < fields; field++)
    columns.add(memory.call.encodeColumn(at, ends, rows, fields, field, out, scratch));
  return columns.finish();
}

/** Writes the heads of the columns, then their parts, so that a reader can find one column alone. */
class ColumnsWriter {
  readonly #head: ByteWriter;
  /** Bytes of parts in `written`. */
  #bytes = 0;
  readonly #from: {
    readonly memory: ColumnMemory;
    /** Where the rows are, and where the parts of the last encoded column are. */
    readonly at: number;
    readonly out: number;
    readonly level: number;
  };

  constructor(
    head: ByteWriter,
    from: {
      readonly memory: ColumnMemory;
      readonly at: number;
      readonly out: number;
      readonly level: number;
    },
  ) {
    this.#head = head;
    this.#from = from;
  }

  /** Adds the last encoded column. */
  add(kind: number): void {
    const result = this.#from.memory.result();
    this.#head.u8(kind);
    if (kind === KIND.constant) this.#addConstant(result);
    if (kind === KIND.dictionary) this.#head.varint(result.count);
    if (kind === KIND.number || kind === KIND.time) this.#addIntegers(kind, result);
    if (kind === KIND.hex) this.#addHex(result);
    if (kind !== KIND.constant) this.#addParts(result);
  }

  finish(): Buffer {
    const head = this.#head.finish();
    const whole = Buffer.allocUnsafe(head.length + this.#bytes);
    head.copy(whole);
    written.copy(whole, head.length, 0, this.#bytes);
    return whole;
  }

  #addConstant(result: ColumnResult): void {
    this.#head.varint(result.affixBytes);
    this.#addAffix(result);
  }

  #addHex(result: ColumnResult): void {
    for (const value of [result.flags, result.form]) this.#head.u8(value);
    this.#head.varint(result.width);
    this.#head.u8(result.affixBytes);
    this.#addAffix(result);
  }

  #addIntegers(kind: number, result: ColumnResult): void {
    const base = Buffer.alloc(8);
    base.writeBigInt64LE(result.base);
    for (const value of [result.flags, result.form, result.width]) this.#head.u8(value);
    this.#head.bytes(base);
    if (kind !== KIND.time) return;
    this.#head.u8(result.affixBytes);
    this.#addAffix(result);
  }

  #addAffix({ affixAt, affixBytes }: ColumnResult): void {
    const { memory, at } = this.#from;
    this.#head.bytes(memory.view(at + affixAt, affixBytes));
  }

  /** Nulls, if any, or the entries of a dictionary; then the values. */
  #addParts({ firstBytes, secondBytes, flags }: ColumnResult): void {
    const { memory, out } = this.#from;
    const first = memory.view(out, firstBytes);
    const second = memory.view(out + firstBytes, secondBytes);
    if (firstBytes > 0 || (flags & HAS_NULLS) !== 0) this.#addPart(first);
    if (secondBytes > 0) this.#addPart(second);
  }

  #addPart(bytes: Buffer): void {
    written = grown(written, mostCompressedBytes(bytes.length), this.#bytes);
    const compressed = this.#compress(bytes);
    const isSmaller = compressed !== undefined && compressed <= bytes.length * (1 - LEAST_SAVING);
    if (!isSmaller) bytes.copy(written, this.#bytes);
    this.#head.varint(bytes.length);
    this.#head.varint(isSmaller ? compressed : 0);
    this.#bytes += isSmaller ? compressed : bytes.length;
  }

  #compress(bytes: Buffer): number | undefined {
    if (bytes.length < LEAST_COMPRESSED_BYTES) return undefined;
    return compressInto(bytes, this.#from.level, written, this.#bytes);
  }
}

/** Where the parts of one table at a time are written, in each thread. */
let written: Buffer = Buffer.alloc(0);
