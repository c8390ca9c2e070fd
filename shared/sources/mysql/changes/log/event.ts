import { crc32 } from 'node:zlib';
import { HoldfastError } from '../../../../core/errors.ts';

/** Types of events, as the protocol's manual numbers them; from 160 on they are MariaDB's. */
export const TYPE = {
  query: 2,
  stop: 3,
  rotate: 4,
  intvar: 5,
  rand: 13,
  userVar: 14,
  format: 15,
  xid: 16,
  tableMap: 19,
  heartbeat: 27,
  rowsQuery: 29,
  gtid: 33,
  anonymousGtid: 34,
  previousGtids: 35,
  xaPrepare: 38,
  payload: 40,
  annotateRows: 160,
  checkpoint: 161,
  mariaGtid: 162,
  mariaGtidList: 163,
  encryption: 164,
  compressedQuery: 165,
} as const;

export const HEADER_BYTES = 19;
export const CHECKSUM_BYTES = 4;
/** Where in an event its parts are. */
export const AT = { type: 4, serverId: 5, length: 9, next: 13, flags: 17 } as const;
/** Made by the server for the reader, not in the file. */
export const ARTIFICIAL = 0x20;
/** What a file of the binary log begins with. */
export const MAGIC = Buffer.from([0xfe, 0x62, 0x69, 0x6e]);

/** One event. Section "Binlog Event" of the protocol's manual. */
export interface LogEvent {
  /** In seconds of the epoch; of a change: when its statement began. */
  readonly timestamp: number;
  readonly type: number;
  /** Where the event ends in its file, in the lowest 32 bits; 0 if it is in no file. */
  readonly next: number;
  readonly flags: number;
  /** All of it, with header and checksum. */
  readonly bytes: Buffer;
  /** Between header and checksum. */
  readonly body: Buffer;
}

/** What the first event of a file says of the others. */
export interface LogFormat {
  readonly hasChecksums: boolean;
  /** Seconds of the epoch when the file was made. */
  readonly made: number;
  /** Such as `10.11.6-MariaDB-log`. */
  readonly server: string;
  /** Bytes of the fixed part of each type of event, the first at 1. */
  readonly fixedBytes: (type: number) => number;
}

/** @param hasChecksum whether the event ends with one, which is then compared. @throws E_DAMAGED */
export function parseEvent(bytes: Buffer, hasChecksum: boolean): LogEvent {
  const type = bytes[AT.type] ?? 0;
  const length = bytes.length < HEADER_BYTES ? -1 : bytes.readUInt32LE(AT.length);
  const end = bytes.length - (hasChecksum ? CHECKSUM_BYTES : 0);
  if (length !== bytes.length || end < HEADER_BYTES)
    throw damaged(`an event of type ${type} says it has ${length} bytes, and has ${bytes.length}`);
  if (hasChecksum && !isChecksumRight(bytes))
    throw damaged(`the checksum of an event of type ${type} is wrong`);
  return {
    timestamp: bytes.readUInt32LE(0),
    type,
    next: bytes.readUInt32LE(AT.next),
    flags: bytes.readUInt16LE(AT.flags),
    bytes,
    body: bytes.subarray(HEADER_BYTES, end),
  };
}

export function isChecksumRight(bytes: Buffer): boolean {
  const end = bytes.length - CHECKSUM_BYTES;
  return end >= HEADER_BYTES && crc32(bytes.subarray(0, end)) === bytes.readUInt32LE(end);
}

/** Writes length and checksum again after a change. Changes `bytes`. */
export function sealEvent(bytes: Buffer, hasChecksum: boolean): Buffer {
  bytes.writeUInt32LE(bytes.length, AT.length);
  const end = bytes.length - CHECKSUM_BYTES;
  if (hasChecksum) bytes.writeUInt32LE(crc32(bytes.subarray(0, end)), end);
  return bytes;
}

/** Such an event always has room for a checksum. @throws E_DAMAGED, E_SOURCE_UNSUPPORTED */
export function parseFormat(bytes: Buffer): LogFormat {
  const fixed = HEADER_BYTES + 57;
  const end = bytes.length - CHECKSUM_BYTES - 1;
  if (end < fixed) throw damaged('the description of the log is too short');
  const version = bytes.readUInt16LE(HEADER_BYTES);
  if (version !== 4)
    throw new HoldfastError('E_SOURCE_UNSUPPORTED', `the binary log is of version ${version}, not 4`);
  const server = bytes.toString('latin1', HEADER_BYTES + 2, HEADER_BYTES + 52).replaceAll('\0', '');
  const lengths = bytes.subarray(fixed, end);
  const algorithm = bytes[end] ?? 0;
  if (algorithm > 1)
    throw new HoldfastError(
      'E_SOURCE_UNSUPPORTED',
      `the binary log has checksums of kind ${algorithm}, not CRC32`,
    );
  return {
    hasChecksums: algorithm === 1,
    made: bytes.readUInt32LE(0),
    server,
    fixedBytes: (type) => lengths[type - 1] ?? 0,
  };
}

function damaged(what: string): HoldfastError {
  return new HoldfastError('E_DAMAGED', `the binary log is damaged: ${what}`, {
    hint: 'Check the log of the server and the network. A new backup begins a new stream.',
  });
}
