import { once } from 'node:events';
import type { Socket } from 'node:net';
import { KiB } from '../../../core/units.ts';

const MAX_QUEUED_BYTES = 256 * KiB;
export const HEADER_BYTES = 4;
/** Length of a packet's body; one of this length goes on in the next packet. */
export const FULL_PACKET = 0xffffff;

/**
 * Packets of the client/server protocol on a socket: three bytes of length, one of sequence, the body. What the server
 * says is held back when nobody reads it.
 */
export class Wire {
  readonly socket: Socket;
  /** Of the next packet that is sent; each command begins at 0. */
  sequence = 0;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', this.#onData).on('error', this.#onError).on('close', this.#onClose);
    if (socket.destroyed) this.#onClose();
  }

  get isOpen(): boolean {
    return this.#failure === undefined && !this.socket.destroyed;
  }

  /** Lets go of the socket, so that TLS can take it. */
  detach(): Socket {
    this.socket.off('data', this.#onData).off('error', this.#onError).off('close', this.#onClose);
    return this.socket;
  }

  /**
   * What came next, in whatever pieces the network makes.
   *
   * @throws Error when the connection is gone, after everything that came before has been given
   */
  async chunk(): Promise<Buffer> {
    for (;;) {
      const bytes = this.#queue.shift();
      if (bytes !== undefined) {
        this.#queuedBytes -= bytes.length;
        if (this.#queuedBytes < MAX_QUEUED_BYTES) this.socket.resume();
        return bytes;
      }
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Puts back what was too much. */
  unread(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#queue.unshift(bytes);
    this.#queuedBytes += bytes.length;
  }

  /** The body of the next packet, whole. For answers that are short. */
  async packet(): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (;;) {
      const header = await this.#take(HEADER_BYTES);
      const length = header.readUIntLE(0, 3);
      this.sequence = (header.readUInt8(3) + 1) & 0xff;
      parts.push(await this.#take(length));
      if (length < FULL_PACKET) return parts.length === 1 ? (parts[0] ?? header) : Buffer.concat(parts);
    }
  }

  /** Sends one packet, or several if the body is long. */
  send(body: Uint8Array): void {
    for (let at = 0; ; at += FULL_PACKET) {
      const part = body.subarray(at, at + FULL_PACKET);
      this.#write(this.header(part.length));
      this.#write(part);
      if (part.length < FULL_PACKET) return;
    }
  }

  /** For a body of this size; counts it. */
  header(length: number): Buffer {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUIntLE(length, 0, 3);
    header.writeUInt8(this.sequence, 3);
    this.sequence = (this.sequence + 1) & 0xff;
    return header;
  }

  /** Waits until the socket has taken it; ends too when the connection does. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#write(bytes) || !this.isOpen) return;
    const stop = new AbortController();
    const events = ['drain', 'close'].map((event) => once(this.socket, event, { signal: stop.signal }));
    for (const event of events) event.catch(() => undefined);
    await Promise.race(events).finally(() => stop.abort());
  }

  #write(bytes: Uint8Array): boolean {
    return this.socket.destroyed || this.socket.write(bytes);
  }

  async #take(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let left = length;
    while (left > 0) {
      const bytes = await this.chunk();
      if (bytes.length > left) this.unread(bytes.subarray(left));
      parts.push(bytes.subarray(0, left));
      left -= Math.min(left, bytes.length);
    }
    return parts.length === 1 ? (parts[0] ?? Buffer.alloc(0)) : Buffer.concat(parts);
  }

  readonly #onData = (bytes: Buffer): void => {
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes >= MAX_QUEUED_BYTES) this.socket.pause();
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
