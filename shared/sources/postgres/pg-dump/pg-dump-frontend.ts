import { completeQuery } from './pg-dump-queries.ts';

/** Version numbers in the first message that ask for encryption, not for a session. */
const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;

/** What pg_dump's client says. */
export type FrontendEvent =
  /** The client asks whether the connection can be encrypted; the answer is one byte. */
  | { readonly kind: 'encryption-request' }
  | { readonly kind: 'startup' }
  /** Whole messages for the server; `answered` when the client now waits for ReadyForQuery. */
  | { readonly kind: 'messages'; readonly bytes: Uint8Array; readonly answered: boolean };

/** Cuts what a PostgreSQL client writes, in pieces of any size, into whole messages. */
export class FrontendMessages {
  #pending = Buffer.alloc(0);
  #started = false;

  push(bytes: Uint8Array): readonly FrontendEvent[] {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    const events: FrontendEvent[] = [];
    while (!this.#started) {
      const event = this.#takeStartup();
      if (event === undefined) return events;
      events.push(event);
    }
    const messages = this.#takeMessages();
    if (messages !== undefined) events.push(messages);
    return events;
  }

  #takeStartup(): FrontendEvent | undefined {
    if (this.#pending.length < 8) return undefined;
    const length = this.#pending.readInt32BE(0);
    if (this.#pending.length < length) return undefined;
    const version = this.#pending.readInt32BE(4);
    this.#pending = this.#pending.subarray(length);
    if (version === SSL_REQUEST || version === GSS_REQUEST) return { kind: 'encryption-request' };
    this.#started = true;
    return { kind: 'startup' };
  }

  /** Terminate is left out: the session belongs to the bridge. */
  #takeMessages(): FrontendEvent | undefined {
    let end = 0;
    let answered = false;
    const whole: Uint8Array[] = [];
    while (this.#pending.length - end >= 5) {
      const length = 1 + this.#pending.readInt32BE(end + 1);
      if (this.#pending.length - end < length) break;
      const type = String.fromCharCode(this.#pending[end] ?? 0);
      if (type !== 'X') whole.push(completeQuery(this.#pending.subarray(end, end + length)));
      // Query, Sync and FunctionCall are what ReadyForQuery answers.
      answered ||= type === 'Q' || type === 'S' || type === 'F';
      end += length;
    }
    this.#pending = this.#pending.subarray(end);
    return whole.length === 0 ? undefined : { kind: 'messages', bytes: Buffer.concat(whole), answered };
  }
}
