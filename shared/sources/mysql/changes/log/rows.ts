import { PacketReader } from '../../connection/wire-values.ts';
import { type LogColumn, valueSize } from './column-types.ts';
import { AT, CHECKSUM_BYTES, HEADER_BYTES, type LogEvent, type LogFormat, sealEvent } from './event.ts';
import { inflate, type RowsForm, tableIdBytes } from './payloads.ts';

/** A value as the log has it; null for NULL, undefined for a column that the event leaves out. */
export type RawValue = Buffer | null | undefined;

/** A row as it was, as it is, or both. */
export interface LogRow {
  readonly before: readonly RawValue[] | undefined;
  readonly after: readonly RawValue[] | undefined;
}

/** The rows of an event, in their order. @throws RangeError, Error if it does not end with one */
export function* rowsOf(
  event: Pick<LogEvent, 'type' | 'body'>,
  form: RowsForm,
  { columns, format }: { readonly columns: readonly LogColumn[]; readonly format: LogFormat },
): Generator<LogRow, void, void> {
  const fixed = tableIdBytes(event.type, format) + 2;
  const extra = form.isSecond ? event.body.readUInt16LE(fixed) : 0;
  const reader = new PacketReader(event.body, fixed + extra);
  const count = reader.length();
  if (count !== columns.length)
    throw new Error(`an event of rows has ${count} columns, its table ${columns.length}`);
  const bitmap = (count + 7) >> 3;
  const first = reader.bytes(bitmap);
  const second = form.kind === 'update' ? reader.bytes(bitmap) : undefined;
  const rest = reader.rest();
  const image = new Images(form.isCompressed ? inflate(rest) : rest, columns);
  while (!image.isAtEnd) {
    const one = image.next(first);
    if (second) yield { before: one, after: image.next(second) };
    else if (form.kind === 'insert') yield { before: undefined, after: one };
    else yield { before: one, after: undefined };
  }
}

/**
 * The same event as servers log it that do not compress: they take no other one from us.
 *
 * @returns the event itself if it is not compressed
 */
export function uncompressed(event: LogEvent, form: RowsForm, format: LogFormat): Buffer {
  if (!form.isCompressed) return event.bytes;
  const plainType = event.type - (form.isSecond ? SECOND_COMPRESSED : FIRST_COMPRESSED);
  const fixed = tableIdBytes(event.type, format) + 2;
  const extra = form.isSecond ? event.body.readUInt16LE(fixed) : 0;
  const reader = new PacketReader(event.body, fixed + extra);
  const bitmap = (reader.length() + 7) >> 3;
  reader.bytes(form.kind === 'update' ? 2 * bitmap : bitmap);
  const rest = reader.rest();
  const plain = Buffer.concat([
    event.bytes.subarray(0, HEADER_BYTES + event.body.length - rest.length),
    inflate(rest),
    Buffer.alloc(format.hasChecksums ? CHECKSUM_BYTES : 0),
  ]);
  plain[AT.type] = plainType;
  return sealEvent(plain, format.hasChecksums);
}

/** What the numbers of compressed types are above those of the others. */
const FIRST_COMPRESSED = 143;
const SECOND_COMPRESSED = 139;

class Images {
  readonly #bytes: Buffer;
  readonly #columns: readonly LogColumn[];
  #at = 0;

  constructor(bytes: Buffer, columns: readonly LogColumn[]) {
    this.#bytes = bytes;
    this.#columns = columns;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  next(present: Buffer): readonly RawValue[] {
    const there = this.#columns.map((_, i) => hasBit(present, i));
    const nullBytes = (there.filter(Boolean).length + 7) >> 3;
    const nulls = this.#bytes.subarray(this.#at, this.#at + nullBytes);
    this.#at += nullBytes;
    let index = 0;
    const values = this.#columns.map((column, i) => {
      if (!there[i]) return undefined;
      return hasBit(nulls, index++) ? null : this.#value(column);
    });
    if (this.#at > this.#bytes.length) throw new Error('a row is longer than its event');
    return values;
  }

  #value(column: LogColumn): Buffer {
    const { prefix, length } = valueSize(column, this.#bytes, this.#at);
    const start = this.#at + prefix;
    this.#at = start + length;
    return this.#bytes.subarray(start, this.#at);
  }
}

function hasBit(bits: Buffer, i: number): boolean {
  return ((bits[i >> 3] ?? 0) & (1 << (i & 7))) !== 0;
}
