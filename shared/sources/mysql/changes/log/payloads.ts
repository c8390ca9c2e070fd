import { inflateSync } from 'node:zlib';
import { HoldfastError } from '../../../../core/errors.ts';
import { PacketReader } from '../../connection/wire-values.ts';
import { columnNames } from './column-names.ts';
import { type LogEvent, type LogFormat, TYPE } from './event.ts';

/** The file that goes on, and where in it. */
export function parseRotate({ body }: Pick<LogEvent, 'body'>): {
  readonly file: string;
  readonly offset: number;
} {
  return { offset: Number(body.readBigUInt64LE(0)), file: body.toString('utf8', 8) };
}

/** What begins a transaction, or a statement that is one by itself. */
export interface Gtid {
  /** `0-1-42` of MariaDB, `3e11fa47-71ca-11e1-9e33-c80aa9429562:23` of MySQL. */
  readonly text: string;
  /** Ids of one stream grow. */
  readonly stream: string;
  readonly number: bigint;
  /** The transaction is one statement, which has no end of its own. Undefined if only what follows says so. */
  readonly isStandalone: boolean | undefined;
  /** First of two phases (XA): it ends prepared. */
  readonly isPrepared: boolean;
  /** When it was committed, in microseconds of the epoch; MySQL 8 alone says so. */
  readonly committedAt: bigint | undefined;
}

const STANDALONE = 1;
const PREPARED_XA = 64;

/** Undefined for other events. */
export function parseGtid(event: LogEvent): Gtid | undefined {
  if (event.type === TYPE.mariaGtid) return parseMariaGtid(event);
  if (event.type === TYPE.gtid || event.type === TYPE.anonymousGtid) return parseMysqlGtid(event);
  return undefined;
}

function parseMariaGtid({ body, bytes }: LogEvent): Gtid {
  const number = body.readBigUInt64LE(0);
  const domain = body.readUInt32LE(8);
  return {
    text: `${domain}-${bytes.readUInt32LE(5)}-${number}`,
    stream: String(domain),
    number,
    isStandalone: ((body[12] ?? 0) & STANDALONE) !== 0,
    isPrepared: ((body[12] ?? 0) & PREPARED_XA) !== 0,
    committedAt: undefined,
  };
}

function parseMysqlGtid({ body, type }: LogEvent): Gtid {
  const hex = body.toString('hex', 1, 17);
  const source = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
  const number = body.readBigInt64LE(17);
  const hasTimes = body.length >= 49 && body[25] === 2;
  return {
    text: type === TYPE.gtid ? `${source}:${number}` : '',
    stream: source,
    number,
    isStandalone: undefined,
    isPrepared: false,
    // The highest bit says that the original server's time follows.
    committedAt: hasTimes
      ? BigInt(body.readUIntLE(42, 6)) + (BigInt((body[48] ?? 0) & 0x7f) << 48n)
      : undefined,
  };
}

/** A statement as the log has it. */
export interface Query {
  /** The database that was in use. */
  readonly database: string;
  /** Bytes in the character set that the context says. */
  readonly sql: Buffer;
  /** Settings of the session: see context.ts. */
  readonly status: Buffer;
  readonly isRefused: boolean;
}

/** @throws E_DAMAGED, E_SOURCE_UNSUPPORTED */
export function parseQuery({ body, type }: Pick<LogEvent, 'body' | 'type'>, format: LogFormat): Query {
  const databaseBytes = body.readUInt8(8);
  const statusBytes = body.readUInt16LE(11);
  const fixed = Math.max(13, format.fixedBytes(TYPE.query));
  const names = fixed + statusBytes;
  const rest = body.subarray(names + databaseBytes + 1);
  return {
    database: body.toString('utf8', names, names + databaseBytes),
    status: body.subarray(fixed, names),
    sql: type === TYPE.compressedQuery ? inflate(rest) : rest,
    isRefused: body.readUInt16LE(9) !== 0,
  };
}

/** A value that MariaDB compressed: log_bin_compress. */
export function inflate(bytes: Buffer): Buffer {
  const lengthBytes = (bytes[0] ?? 0) & 0x07;
  const length = lengthBytes === 0 ? 0 : bytes.readUIntBE(1, Math.min(lengthBytes, 6));
  const maxOutputLength = Math.max(1, Math.min(length, MOST_INFLATED_BYTES));
  return inflateSync(bytes.subarray(1 + lengthBytes), { maxOutputLength });
}

/** No server takes a longer packet. */
const MOST_INFLATED_BYTES = 2 ** 30;

/** Which table the number of a table in events of rows is. */
export interface TableMap {
  readonly id: string;
  readonly database: string;
  readonly table: string;
  /** The server's numbers of types, one a column. */
  readonly types: Buffer;
  readonly metadata: Buffer;
  /** One bit a column. */
  readonly nullable: Buffer;
  /** Of the columns; undefined if the server does not log them (binlog_row_metadata). */
  readonly names: readonly string[] | undefined;
}

export function parseTableMap({ body }: Pick<LogEvent, 'body'>, format: LogFormat): TableMap {
  const idBytes = tableIdBytes(TYPE.tableMap, format);
  const reader = new PacketReader(body, idBytes + 2);
  const database = reader.bytes(reader.integer(1)).toString('utf8');
  reader.bytes(1);
  const table = reader.bytes(reader.integer(1)).toString('utf8');
  reader.bytes(1);
  const types = reader.bytes(reader.length());
  const metadata = reader.bytes(reader.length());
  const nullable = reader.bytes((types.length + 7) >> 3);
  const names = columnNames(reader.rest());
  return { id: body.toString('hex', 0, idBytes), database, table, types, metadata, nullable, names };
}

export function tableIdBytes(type: number, format: LogFormat): number {
  return format.fixedBytes(type) === 6 ? 4 : 6;
}

export type RowsKind = 'insert' | 'update' | 'delete';

/** How an event of rows is laid out. */
export interface RowsForm {
  readonly kind: RowsKind;
  /** Has a part for extra data. */
  readonly isSecond: boolean;
  readonly isCompressed: boolean;
}

const KINDS: readonly RowsKind[] = ['insert', 'update', 'delete'];
/** By the number of the first of three: insert, update, delete. */
const FORMS: ReadonlyArray<readonly [first: number, isSecond: boolean, isCompressed: boolean]> = [
  [23, false, false],
  [30, true, false],
  [166, false, true],
  [169, true, true],
];

/** Undefined for events without rows. */
export function rowsForm(type: number): RowsForm | undefined {
  for (const [first, isSecond, isCompressed] of FORMS) {
    const kind = KINDS[type - first];
    if (type >= first && kind !== undefined) return { kind, isSecond, isCompressed };
  }
  return undefined;
}

/** Rows in a form that nothing here reads. */
export function isOtherRows(type: number): boolean {
  return (type >= 20 && type <= 22) || type === 39;
}

const STATEMENT_END = 1;

/** The table of an event of rows, and whether it is the last of its statement. */
export function rowsHead(
  { body, type }: Pick<LogEvent, 'body' | 'type'>,
  format: LogFormat,
): { readonly table: string; readonly isEnd: boolean; readonly flagsAt: number } {
  const idBytes = tableIdBytes(type, format);
  return {
    table: body.toString('hex', 0, idBytes),
    isEnd: (body.readUInt16LE(idBytes) & STATEMENT_END) !== 0,
    flagsAt: idBytes,
  };
}

export function otherRows(type: number): HoldfastError {
  return new HoldfastError(
    'E_SOURCE_UNSUPPORTED',
    `the binary log has rows in a form that Holdfast does not read (event type ${type})`,
    { hint: 'Leave binlog_row_value_options empty. Logs of servers before MySQL 5.6 cannot be read.' },
  );
}
