/** Reads the values that packets are made of, from the front. Section "Basic types" of the protocol's manual. */
export class PacketReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  integer(bytes: number): number {
    if (this.#at + bytes > this.#bytes.length) throw new Error('the server sent a packet that is cut short');
    const value = this.#bytes.readUIntLE(this.#at, bytes);
    this.#at += bytes;
    return value;
  }

  bytes(length: number): Buffer {
    const value = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return value;
  }

  rest(): Buffer {
    return this.bytes(this.#bytes.length - this.#at);
  }

  /** Up to a zero byte, or to the end. */
  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    const value = this.bytes((end < 0 ? this.#bytes.length : end) - this.#at).toString('utf8');
    this.#at++;
    return value;
  }

  length(): number {
    const first = this.integer(1);
    if (first < 0xfb) return first;
    if (first === 0xfc) return this.integer(2);
    if (first === 0xfd) return this.integer(3);
    const low = this.integer(4);
    return low + this.integer(4) * 2 ** 32;
  }

  /** Null for NULL. */
  value(): Buffer | null {
    if (this.#bytes[this.#at] === 0xfb) {
      this.#at++;
      return null;
    }
    return this.bytes(this.length());
  }
}

export function lengthBytes(length: number): Buffer {
  if (length < 0xfb) return Buffer.from([length]);
  const bytes = Buffer.alloc(length < 0x10000 ? 3 : 4);
  bytes[0] = length < 0x10000 ? 0xfc : 0xfd;
  bytes.writeUIntLE(length, 1, bytes.length - 1);
  return bytes;
}

export function withLength(bytes: Uint8Array): Buffer {
  return Buffer.concat([lengthBytes(bytes.length), bytes]);
}

/** What the server answers when it cannot do something. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
  /** Such as 1045. */
  readonly number: number;
  readonly sqlState: string;

  constructor(message: string, number: number, sqlState: string) {
    super(message);
    this.number = number;
    this.sqlState = sqlState;
  }
}

export const OK = 0x00;
export const ERR = 0xff;
export const EOF = 0xfe;

/** Of a packet that begins with `ERR`. The text is in the session's character set: UTF-8, or ASCII where it matters. */
export function errorOf(packet: Buffer): ServerError {
  const number = packet.readUInt16LE(1);
  const hasState = packet[3] === 0x23;
  const sqlState = hasState ? packet.toString('latin1', 4, 9) : 'HY000';
  return new ServerError(packet.toString('utf8', hasState ? 9 : 3), number, sqlState);
}

/** Whether a packet ends a list of columns or rows. A value of 16 MB begins with the same byte in a longer packet. */
export function isEof(packet: Buffer): boolean {
  return packet[0] === EOF && packet.length < 9;
}
