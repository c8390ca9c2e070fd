import { once } from 'node:events';
import type { Socket } from 'node:net';
import type pg from 'pg';
import { abortedError, throwIfAborted } from '../../../core/abort.ts';
import { releaseMemory } from '../../../core/buffer-memory.ts';
import { interrupt, serverName } from '../connection/connection.ts';
import {
  ERROR_RESPONSE,
  errorFromResponse,
  queryMessage,
  RawSession,
  READY_FOR_QUERY,
} from '../connection/stream.ts';
import { toSourceError } from '../errors.ts';

const COPY_DATA = 0x64;
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);
const COPY_FAIL = 0x66;
const COPY_IN_RESPONSE = 0x47;
const HEADER_BYTES = 5;

/**
 * Sends `records` to `COPY … FROM STDIN`. Resolves when the server has confirmed the whole; afterwards the
 * session is free again. After an error or abort the session is closed and none of the rows are there.
 *
 * @param object names what is written, for errors
 * @throws E_SOURCE_*, E_ABORTED, what `records` throws
 */
export async function copyIn(
  client: pg.Client,
  sql: string,
  records: AsyncIterable<Uint8Array>,
  {
    object,
    signal,
    onBytes,
  }: { readonly object: string; readonly signal: AbortSignal; readonly onBytes: (bytes: number) => void },
): Promise<void> {
  throwIfAborted(signal);
  const onAbort = (): void => interrupt(client);
  signal.addEventListener('abort', onAbort, { once: true });
  const session = new RawSession(client);
  const stream = client.connection.stream as Socket;
  const answers = new Answers(session);
  let complete = false;
  try {
    session.send(queryMessage(sql));
    await answers.until(COPY_IN_RESPONSE);
    // Listens while rows are sent, so that an error stops the sending.
    const answered = answers.until(READY_FOR_QUERY);
    answered.catch(() => {});
    for await (const block of records) {
      if (answers.error) break;
      const { length } = block;
      await sendBlock(stream, block, answered);
      onBytes(length);
    }
    session.send(answers.error ? Buffer.concat([header(COPY_FAIL, 1), Buffer.from([0])]) : COPY_DONE);
    await answered;
    if (answers.error) throw answers.error;
    complete = true;
  } catch (error) {
    if (signal.aborted) throw abortedError(signal);
    throw toSourceError(answers.error ?? error, { server: serverName(client), phase: 'query', object });
  } finally {
    signal.removeEventListener('abort', onAbort);
    if (complete) session.release();
    else interrupt(client);
  }
}

/** If the socket is full, waits until it is not, or the server has answered. */
async function sendBlock(stream: Socket, block: Uint8Array, answered: Promise<void>): Promise<void> {
  stream.write(header(COPY_DATA, block.length));
  // Freed when the kernel has it, not before.
  if (!stream.write(block, () => releaseMemory(block))) await Promise.race([once(stream, 'drain'), answered]);
}

function header(type: number, bodyBytes: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes[0] = type;
  bytes.writeUInt32BE(bodyBytes + 4, 1);
  return bytes;
}

/** The server's messages during a COPY; only errors and turning points matter. */
class Answers {
  readonly #session: RawSession;
  #rest: Buffer = Buffer.alloc(0);
  error: Error | undefined;

  constructor(session: RawSession) {
    this.#session = session;
  }

  /** Reads up to a message of `type`. @throws the server's error, if that comes instead of a turning point */
  async until(type: number): Promise<void> {
    for (let got = await this.#next(); got !== type; got = await this.#next()) {
      if (got === READY_FOR_QUERY) throw this.error ?? new Error('the server took no COPY');
    }
  }

  /** The type of the next message. */
  async #next(): Promise<number> {
    while (this.#rest.length < HEADER_BYTES || this.#rest.length < 1 + this.#rest.readUInt32BE(1)) {
      this.#rest = Buffer.concat([this.#rest, await this.#session.read()]);
    }
    const length = 1 + this.#rest.readUInt32BE(1);
    const type = this.#rest[0] ?? 0;
    if (type === ERROR_RESPONSE) this.error ??= errorFromResponse(this.#rest.subarray(HEADER_BYTES, length));
    this.#rest = this.#rest.subarray(length);
    return type;
  }
}
