/*
 * Messages of pgoutput, protocol version 1, by their first byte: section "Logical Replication Message Formats" of the manual.
 */
export const BEGIN = 0x42;
export const COMMIT = 0x43;
export const ORIGIN = 0x4f;
export const RELATION = 0x52;
export const TYPE = 0x59;
export const INSERT = 0x49;
export const UPDATE = 0x55;
export const DELETE = 0x44;
export const TRUNCATE = 0x54;
/** Of `pg_logical_emit_message`. */
export const MESSAGE = 0x4d;

/** Of a BEGIN message: its type, LSN of the commit, time of the commit, id of the transaction. */
export const BEGIN_BYTES = 21;

/** What a BEGIN message says. */
export interface Begin {
  /** Where the record of its commit begins. */
  readonly commitLsn: bigint;
  /** Microseconds since 2000. */
  readonly committedAt: bigint;
  readonly xid: number;
}

/** @param at of the message, all of which is in `bytes` */
export function readBegin(bytes: Buffer, at = 0): Begin {
  return {
    commitLsn: bytes.readBigUInt64BE(at + 1),
    committedAt: bytes.readBigInt64BE(at + 9),
    xid: bytes.readUInt32BE(at + 17),
  };
}
