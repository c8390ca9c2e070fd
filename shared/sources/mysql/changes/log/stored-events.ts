import { HoldfastError } from '../../../../core/errors.ts';
import {
  AT,
  HEADER_BYTES,
  isChecksumRight,
  type LogEvent,
  MAGIC,
  parseEvent,
  parseFormat,
  TYPE,
} from './event.ts';

/**
 * Reads a log file from blocks that are cut anywhere; several files may follow each other. One event is in memory.
 *
 * @throws E_DAMAGED if it is no such file, or one is cut off
 */
export async function* storedEvents(
  blocks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<LogEvent, void, void> {
  const queue = new Bytes();
  const log = new StoredLog();
  for await (const block of blocks) {
    queue.add(block);
    for (let event = log.next(queue); event; event = log.next(queue)) if (event !== 'magic') yield event;
  }
  if (queue.length > 0) throw damaged(`it ends inside of an event, ${queue.length} bytes behind its begin`);
}

class StoredLog {
  #hasChecksums: boolean | undefined;

  /** The next event that is there whole. */
  next(queue: Bytes): LogEvent | 'magic' | undefined {
    const head = queue.peek(HEADER_BYTES);
    if (!head) return undefined;
    if (this.#isMagic(head)) {
      queue.take(MAGIC.length);
      this.#hasChecksums = undefined;
      return 'magic';
    }
    const length = head.readUInt32LE(AT.length);
    if (length < HEADER_BYTES) throw damaged(`an event says it has ${length} bytes`);
    const bytes = queue.take(length);
    if (!bytes) return undefined;
    const type = bytes[AT.type];
    if (type === TYPE.format) this.#hasChecksums = parseFormat(bytes).hasChecksums;
    if (this.#hasChecksums === undefined) throw damaged('its first event does not describe it');
    // What the server made before it described the file may be without.
    const isOrigin = type === TYPE.rotate && bytes.readUInt32LE(AT.next) === 0;
    return parseEvent(bytes, isOrigin ? isChecksumRight(bytes) : this.#hasChecksums);
  }

  /** These bytes could begin an event of September 2028 too, which is no description of 19 bytes before its own type. */
  #isMagic(head: Buffer): boolean {
    if (!head.subarray(0, MAGIC.length).equals(MAGIC)) return false;
    return this.#hasChecksums === undefined || head[MAGIC.length + AT.type] === TYPE.format;
  }
}

/** Bytes that came and are not read yet. */
class Bytes {
  #parts: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(block: Uint8Array): void {
    // The block is ours only until the next one is asked for.
    this.#parts.push(Buffer.from(block));
    this.#length += block.length;
  }

  /** Undefined if there are fewer. */
  peek(length: number): Buffer | undefined {
    if (this.#length < length) return undefined;
    const [first] = this.#parts;
    if (first && first.length >= length) return first.subarray(0, length);
    const all = Buffer.concat(this.#parts);
    this.#parts = [all];
    return all.subarray(0, length);
  }

  take(length: number): Buffer | undefined {
    const bytes = this.peek(length);
    const [first] = this.#parts;
    if (!bytes || !first) return undefined;
    this.#length -= length;
    if (first.length === length) this.#parts.shift();
    else this.#parts[0] = first.subarray(length);
    return bytes;
  }
}

function damaged(what: string): HoldfastError {
  return new HoldfastError('E_DAMAGED', `stored changes are no binary log: ${what}`);
}
