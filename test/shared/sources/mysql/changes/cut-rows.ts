import { crc32 } from 'node:zlib';

const MAGIC_BYTES = 4;
const HEADER_BYTES = 19;
const CHECKSUM_BYTES = 4;
/** WRITE_ROWS_EVENT of the first version, which MariaDB writes. */
const WRITE_ROWS = 23;

/** Every event of a log file. The protocol's manual: "Binlog Event header". */
export function* eventsIn(log: Buffer): Generator<{ readonly at: number; readonly bytes: Buffer }> {
  for (let at = MAGIC_BYTES; at < log.length; ) {
    const length = log.readUInt32LE(at + 9);
    yield { at, bytes: log.subarray(at, at + length) };
    at += length;
  }
}

/** Writes length and checksum of an event again. */
export function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt32LE(bytes.length, 9);
  const end = bytes.length - CHECKSUM_BYTES;
  bytes.writeUInt32LE(crc32(bytes.subarray(0, end)), end);
  return bytes;
}

/**
 * A log without one row of three that an event adds, all of one length, whose first value is that number of four bytes: the second
 * of them.
 */
export function withoutRow(log: Buffer, id: number): Buffer {
  const wanted = Buffer.alloc(4);
  wanted.writeInt32LE(id);
  const kept: Buffer[] = [log.subarray(0, MAGIC_BYTES)];
  for (const { bytes } of eventsIn(log)) {
    const at = bytes[4] === WRITE_ROWS ? bytes.indexOf(wanted) : -1;
    if (at < 0) {
      kept.push(bytes);
      continue;
    }
    const first = Buffer.alloc(4);
    first.writeInt32LE(id - 1);
    const rowBytes = at - bytes.indexOf(first, HEADER_BYTES);
    // Behind it is one more.
    const start = bytes.length - CHECKSUM_BYTES - 2 * rowBytes;
    kept.push(sealed(Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + rowBytes)])));
  }
  return Buffer.concat(kept);
}
