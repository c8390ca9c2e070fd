import type { MessagePort } from 'node:worker_threads';
import type { DatabaseError } from 'pg';
import { ERROR_RESPONSE, errorFromResponse, type RawSession, READY_FOR_QUERY } from '../connection/stream.ts';
import { raise } from './answer-flag.ts';

/** What pg_dump asks of the server. */
export interface BridgeRequest {
  readonly bytes: Uint8Array;
  /** pg_dump now waits, its thread blocked, for all that the server says up to ReadyForQuery. */
  readonly answered: boolean;
}

/** Carries pg_dump's messages to the server and the answers back. */
export class PgDumpBridge {
  /** What the server refused last; pg_dump itself has only its text. */
  lastError: DatabaseError | undefined;
  readonly #session: RawSession;
  readonly #port: MessagePort;
  readonly #answerReady: Int32Array;

  constructor(session: RawSession, port: MessagePort, answerReady: SharedArrayBuffer) {
    this.#session = session;
    this.#port = port;
    this.#answerReady = new Int32Array(answerReady);
  }

  /** Serves until the port is closed. Settles only when the connection breaks, by rejecting. */
  serve(): Promise<never> {
    return new Promise((_, reject) => {
      this.#port.on('message', ({ bytes, answered }: BridgeRequest) => {
        this.#session.send(bytes);
        if (answered) this.#answer().catch(reject);
      });
    });
  }

  async #answer(): Promise<void> {
    const bytes = await this.#readAnswer();
    this.#port.postMessage(bytes);
    raise(this.#answerReady);
  }

  async #readAnswer(): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let unparsed = Buffer.alloc(0);
    for (;;) {
      const piece = await this.#session.read();
      pieces.push(piece);
      unparsed = Buffer.concat([unparsed, piece]);
      while (unparsed.length >= 5) {
        const length = 1 + unparsed.readInt32BE(1);
        if (unparsed.length < length) break;
        if (unparsed[0] === ERROR_RESPONSE) this.lastError = errorFromResponse(unparsed.subarray(5, length));
        if (unparsed[0] === READY_FOR_QUERY) return Buffer.concat(pieces);
        unparsed = unparsed.subarray(length);
      }
    }
  }
}
