import { abortedError, throwIfAborted } from '../../../../core/abort.ts';
import { HoldfastError, isHoldfastError } from '../../../../core/errors.ts';
import { Session } from '../../connection/connection.ts';
import type { MysqlOptions } from '../../connection/options.ts';
import { ERR, errorOf, isEof, OK } from '../../connection/wire-values.ts';
import { errorNumber, toSourceError } from '../../errors.ts';
import {
  AT,
  isChecksumRight,
  type LogEvent,
  type LogFormat,
  parseEvent,
  parseFormat,
  TYPE,
} from './event.ts';

const BINLOG_DUMP = 0x12;
/** Answer what is there and end, instead of waiting for more. */
const NON_BLOCK = 1;
/** Of a reader that is no replica: the server does not end the connection of another one for it. */
const NO_SERVER_ID = 0;
/** The server's number for a place that it cannot read from: the log was purged, reset or cut. */
const NO_SUCH_PLACE = 1236;
/** MariaDB: events of all versions as they are, GTIDs among them. */
const SETTINGS = [
  'SET SESSION net_write_timeout = 3600',
  'SET @master_binlog_checksum = @@global.binlog_checksum, @source_binlog_checksum = @@global.binlog_checksum',
  'SET @mariadb_slave_capability = 4',
];

/**
 * Yields what a server's binary log has from a place on, until its present end: first where that is (an artificial event), then a
 * description of the file, then the events, and the same again for each file that follows. Checksums are compared. The
 * connection is its own, and closed however it ends.
 *
 * @throws E_CHANGES_GAP if the server cannot read from there; E_SOURCE_*, E_ABORTED
 */
export async function* dumpLog(
  options: MysqlOptions,
  from: { readonly file: string; readonly offset: number },
  signal: AbortSignal,
): AsyncGenerator<LogEvent, void, void> {
  throwIfAborted(signal);
  const session = await Session.connect(options, signal);
  const { socket } = session.wire;
  const onAbort = (): void => void socket.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for (const sql of SETTINGS) await session.query(sql, signal);
    session.wire.sequence = 0;
    session.wire.send(request(from));
    const events = new Checked();
    for (;;) {
      const packet = await session.wire.packet();
      if (packet[0] === ERR) throw errorOf(packet);
      if (isEof(packet)) return;
      if (packet[0] !== OK)
        throw new Error(`the server sent no event but a packet that begins with ${packet[0]}`);
      yield events.read(packet.subarray(1));
    }
  } catch (error) {
    if (signal.aborted) throw abortedError(signal);
    throw explain(toSourceError(error, { server: session.server, phase: 'query', object: 'the binary log' }));
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

function request({ file, offset }: { readonly file: string; readonly offset: number }): Buffer {
  const head = Buffer.alloc(11);
  head[0] = BINLOG_DUMP;
  head.writeUInt32LE(offset, 1);
  head.writeUInt16LE(NON_BLOCK, 5);
  head.writeUInt32LE(NO_SERVER_ID, 7);
  return Buffer.concat([head, Buffer.from(file)]);
}

/** Knows from the description of each file whether its events end with a checksum. */
class Checked {
  #format: LogFormat | undefined;

  /** @throws E_SOURCE_FAILED */
  read(bytes: Buffer): LogEvent {
    try {
      return this.#parse(bytes);
    } catch (error) {
      if (!isHoldfastError(error, 'E_DAMAGED')) throw error;
      throw new HoldfastError('E_SOURCE_FAILED', error.message, {
        cause: error,
        hint: 'Run it again. If that fails too, check the log of the server and the network. A new backup begins a new stream.',
      });
    }
  }

  #parse(bytes: Buffer): LogEvent {
    const type = bytes[AT.type];
    if (type === TYPE.format) {
      this.#format = parseFormat(bytes);
      // Always ends with a checksum, or with room for one.
      return parseEvent(bytes, this.#format.hasChecksums);
    }
    // What is made for us is made before the description is known.
    if (type === TYPE.rotate || type === TYPE.heartbeat) return parseEvent(bytes, isChecksumRight(bytes));
    return parseEvent(bytes, this.#format?.hasChecksums ?? false);
  }
}

function explain(error: HoldfastError): HoldfastError {
  if (errorNumber(error) !== NO_SUCH_PLACE) return error;
  return new HoldfastError(
    'E_CHANGES_GAP',
    `${error.message}: the server no longer has the log after the last stored change`,
    {
      cause: error,
      hint: 'Make a new backup, which begins a new stream; keep the binary log for longer (binlog_expire_logs_seconds, or expire_logs_days; RDS: binlog retention hours).',
      details: error.details,
    },
  );
}
