import type { Socket } from 'node:net';
import pg from 'pg';
import { KiB } from '../../../core/units.ts';

const MAX_QUEUED_BYTES = 256 * KiB;

/**
 * Speaks the wire protocol on an idle session of the driver. The driver hears nothing until `release`, so
 * it does not make an object of every row. Between taking and releasing, use nothing else of the session.
 */
export class RawSession {
  readonly #stream: Socket;
  readonly #driverListeners: readonly ((bytes: Buffer) => void)[];
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(client: pg.Client) {
    this.#stream = client.connection.stream as Socket;
    this.#driverListeners = this.#stream.listeners('data') as ((bytes: Buffer) => void)[];
    for (const listener of this.#driverListeners) this.#stream.off('data', listener);
    this.#stream.on('data', this.#onData).on('error', this.#onError).on('close', this.#onClose);
    if (this.#stream.destroyed) this.#onClose();
  }

  send(message: Uint8Array): void {
    if (!this.#stream.destroyed) this.#stream.write(message);
  }

  /**
   * What came next, in whatever pieces the network makes. The socket is paused while the queue is full.
   *
   * @throws Error when the connection is gone, after everything that came before has been given
   */
  async read(): Promise<Buffer> {
    for (;;) {
      const bytes = this.#queue.shift();
      if (bytes !== undefined) {
        this.#queuedBytes -= bytes.length;
        if (this.#queuedBytes < MAX_QUEUED_BYTES) this.#stream.resume();
        return bytes;
      }
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Hands the session back to the driver; only when the server has said ReadyForQuery. */
  release(): void {
    this.#stream.off('data', this.#onData).off('error', this.#onError).off('close', this.#onClose);
    for (const listener of this.#driverListeners) this.#stream.on('data', listener);
    this.#stream.resume();
  }

  readonly #onData = (bytes: Buffer): void => {
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes >= MAX_QUEUED_BYTES) this.#stream.pause();
    this.#wake?.();
  };

  readonly #onError = (error: Error): void => {
    this.#failure ??= error;
    this.#wake?.();
  };

  readonly #onClose = (): void => {
    this.#failure ??= new Error('the connection was closed');
    this.#wake?.();
  };
}

/** Types of the server's messages, by their first byte. */
export const COPY_DATA = 0x64;
/** The message of an error. */
export const ERROR_RESPONSE = 0x45;
/** The message of a warning, or of less. */
export const NOTICE_RESPONSE = 0x4e;
/** The message that says a server waits for the next statement. */
export const READY_FOR_QUERY = 0x5a;

/** A simple Query message. */
export function queryMessage(sql: string): Buffer {
  const text = Buffer.from(`${sql}\0`);
  const header = Buffer.from([0x51, 0, 0, 0, 0]);
  header.writeInt32BE(text.length + 4, 1);
  return Buffer.concat([header, text]);
}

/** The fields of an ErrorResponse (section 54.8 of the manual), as the driver would raise it. */
export function errorFromResponse(body: Buffer): pg.DatabaseError {
  const fields = new Map<string, string>();
  for (const field of body.toString('utf8').split('\0')) fields.set(field.slice(0, 1), field.slice(1));
  const error = new pg.DatabaseError(fields.get('M') ?? 'unknown error', body.length, 'error');
  error.severity = fields.get('V') ?? fields.get('S');
  error.code = fields.get('C');
  error.column = fields.get('c') ?? columnOfCopy(fields.get('W'));
  return error;
}

/** Of `COPY orders, line 1, column total: "x"`, without the value. */
function columnOfCopy(where: string | undefined): string | undefined {
  return /^COPY .*, line \d+, column (.+?)(?:: |$)/.exec(where ?? '')?.[1];
}
