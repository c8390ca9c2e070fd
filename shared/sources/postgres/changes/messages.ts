import { HoldfastError } from '../../../core/errors.ts';
import { decodeText } from '../../byte-text.ts';
import * as types from './message-types.ts';

/** A column of a relation. */
export interface RelationColumn {
  readonly name: string;
  /** Part of the replica identity. */
  readonly isKey: boolean;
  readonly typeId: number;
  /** As `atttypmod`; -1 for none. */
  readonly modifier: number;
}

/** A table as the stream describes it before its first change. */
export interface Relation {
  readonly id: number;
  readonly schema: string;
  readonly table: string;
  /** As `relreplident`: `d`, `n`, `f` or `i`. */
  readonly identity: string;
  readonly columns: readonly RelationColumn[];
}

/** A value of a row: null for NULL, `undefined` for one that was not changed and is not sent. */
export type Value = string | null | undefined;
/** Values in the order of the relation's columns. */
export type Row = readonly Value[];

/** A message of the stream, of those that a replay needs. */
export type Message =
  | ({ readonly kind: 'begin' } & types.Begin)
  | { readonly kind: 'commit'; readonly commitLsn: bigint }
  | { readonly kind: 'relation'; readonly relation: Relation }
  /** Of a domain, the type below it. */
  | { readonly kind: 'type'; readonly id: number; readonly schema: string; readonly name: string }
  | { readonly kind: 'insert'; readonly relationId: number; readonly after: Row }
  | {
      readonly kind: 'update';
      readonly relationId: number;
      /** The key, if it changed; with REPLICA IDENTITY FULL the whole row, always. */
      readonly before: Row | undefined;
      readonly after: Row;
    }
  | { readonly kind: 'delete'; readonly relationId: number; readonly before: Row }
  | { readonly kind: 'truncate'; readonly relationIds: readonly number[] }
  | { readonly kind: 'message'; readonly prefix: string; readonly content: string }
  | { readonly kind: 'other' };

const OLD_ROW = 0x4f;
const KEY = 0x4b;

/** Takes one message apart. @throws E_DAMAGED */
export function decodeMessage(bytes: Buffer): Message {
  try {
    return decode(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw damaged(`ends early (type ${String.fromCharCode(bytes[0] ?? 0)}, ${bytes.length} bytes)`);
  }
}

function decode(bytes: Buffer): Message {
  const reader = new Reader(bytes);
  const type = reader.byte();
  switch (type) {
    case types.BEGIN:
      reader.skip(types.BEGIN_BYTES - 1);
      return { kind: 'begin', ...types.readBegin(bytes) };
    case types.COMMIT:
      reader.skip(1);
      return { kind: 'commit', commitLsn: reader.long() };
    case types.RELATION:
      return { kind: 'relation', relation: readRelation(reader) };
    case types.TYPE:
      return { kind: 'type', id: reader.int(), schema: readSchema(reader), name: reader.text() };
    case types.INSERT: {
      const relationId = reader.int();
      reader.skip(1);
      return { kind: 'insert', relationId, after: readRow(reader) };
    }
    case types.UPDATE:
      return readUpdate(reader);
    case types.DELETE: {
      const relationId = reader.int();
      reader.skip(1);
      return { kind: 'delete', relationId, before: readRow(reader) };
    }
    case types.TRUNCATE: {
      const count = reader.int();
      reader.skip(1);
      return { kind: 'truncate', relationIds: Array.from({ length: count }, () => reader.int()) };
    }
    case types.MESSAGE:
      return readEmitted(reader);
    case types.ORIGIN:
      return { kind: 'other' };
    default:
      throw damaged(`is of the unknown type ${type}`);
  }
}

function readRelation(reader: Reader): Relation {
  const [id, schema, table] = [reader.int(), readSchema(reader), reader.text()];
  const identity = String.fromCharCode(reader.byte());
  const columns = Array.from({ length: reader.short() }, () => ({
    isKey: (reader.byte() & 1) === 1,
    name: reader.text(),
    typeId: reader.int(),
    modifier: reader.int() | 0,
  }));
  return { id, schema, table, identity, columns };
}

/** Empty for `pg_catalog`. */
function readSchema(reader: Reader): string {
  const schema = reader.text();
  return schema === '' ? 'pg_catalog' : schema;
}

function readUpdate(reader: Reader): Message {
  const relationId = reader.int();
  const next = reader.byte();
  if (next !== OLD_ROW && next !== KEY)
    return { kind: 'update', relationId, before: undefined, after: readRow(reader) };
  const before = readRow(reader);
  reader.skip(1);
  return { kind: 'update', relationId, before, after: readRow(reader) };
}

function readEmitted(reader: Reader): Message {
  reader.skip(1);
  reader.long();
  const prefix = reader.text();
  return { kind: 'message', prefix, content: decodeText(reader.bytes(reader.int())) };
}

const NULL = 0x6e;
const UNCHANGED = 0x75;
const TEXT = 0x74;

function readRow(reader: Reader): Row {
  const count = reader.short();
  const values: Value[] = new Array(count);
  for (let i = 0; i < count; i++) {
    const kind = reader.byte();
    if (kind === TEXT) values[i] = reader.string(reader.int());
    else if (kind === NULL) values[i] = null;
    else if (kind === UNCHANGED) values[i] = undefined;
    else throw damaged(`has a value of the unknown kind ${kind}`);
  }
  return values;
}

/** Below it, looking at each byte is faster than a call that does it. */
const SHORT_BYTES = 64;

function isShortAscii(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > SHORT_BYTES) return false;
  for (let at = start; at < end; at++) if ((bytes[at] ?? 0) >= 0x80) return false;
  return true;
}

/** Reads numbers and texts one after the other. All of it throws RangeError past the end. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  skip(count: number): void {
    this.#move(count);
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#move(1));
  }

  short(): number {
    return this.#bytes.readUInt16BE(this.#move(2));
  }

  int(): number {
    return this.#bytes.readUInt32BE(this.#move(4));
  }

  long(): bigint {
    return this.#bytes.readBigUInt64BE(this.#move(8));
  }

  bytes(count: number): Buffer {
    const start = this.#move(count);
    return this.#bytes.subarray(start, start + count);
  }

  /** Text of this many bytes. */
  string(length: number): string {
    const start = this.#move(length);
    const end = start + length;
    // Most values are such: half the time of a replay's decoding.
    if (isShortAscii(this.#bytes, start, end)) return this.#bytes.toString('latin1', start, end);
    return decodeText(this.#bytes.subarray(start, end));
  }

  /** Up to a zero byte. */
  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw new RangeError('no end');
    const start = this.#move(end + 1 - this.#at);
    return decodeText(this.#bytes.subarray(start, end));
  }

  /** @returns where it was */
  #move(count: number): number {
    const start = this.#at;
    if (start + count > this.#bytes.length) throw new RangeError('past the end');
    this.#at = start + count;
    return start;
  }
}

function damaged(what: string): HoldfastError {
  return new HoldfastError('E_DAMAGED', `a message of a stream of changes ${what}`);
}
