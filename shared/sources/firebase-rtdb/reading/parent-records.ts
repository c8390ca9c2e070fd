import { isHoldfastError } from '../../../core/errors.ts';
import { isWithin } from '../connection/paths.ts';
import { parseRecord } from '../text/json.ts';
import { comparePaths } from '../text/key-order.ts';

const NEWLINE = 0x0a;

/** A line of a backup and the path in it. */
export interface StoredRecord {
  readonly path: readonly string[];
  /** With its newline. */
  readonly line: Buffer;
}

/** Lines of a stream, each with its newline. */
export async function* linesOf(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const block of blocks) {
    const bytes = Buffer.from(block.buffer, block.byteOffset, block.length);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const piece = bytes.subarray(start, end + 1);
      yield rest.length === 0 ? piece : Buffer.concat([...rest, piece]);
      rest = [];
      start = end + 1;
    }
    // Blocks are the consumer's to keep, but a small rest shall not keep a large one.
    if (start < bytes.length) rest.push(Buffer.from(bytes.subarray(start)));
  }
}

/** Only the path of a record, which may be long. */
export function pathOf(line: Buffer): readonly string[] {
  let end = 2;
  for (; end > 0 && !(line[end] === 0x22 && line[end + 1] === 0x3a); end++) if (line[end] === 0x5c) end++;
  const { path } = parseRecord(`${line.toString('utf8', 0, end + 2)}0}`);
  return path === '' ? [] : path.split('/');
}

/**
 * The records of a parent's dataset, taken in order by path. If the parent cannot be read, there are none
 * from then on: what was to be taken from it is read from the database.
 */
export class ParentRecords implements AsyncDisposable {
  readonly #lines: AsyncIterator<Buffer>;
  readonly #onProblem: (error: Error) => void;
  #next: StoredRecord | undefined;
  #isOver = false;
  #isBroken = false;

  constructor(blocks: AsyncIterable<Uint8Array>, onProblem: (error: Error) => void) {
    this.#lines = linesOf(blocks)[Symbol.asyncIterator]();
    this.#onProblem = onProblem;
  }

  /** Whether the parent could not be read to its end. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** The first record at or below a path; those before it are passed over. */
  async find(path: readonly string[]): Promise<StoredRecord | undefined> {
    for (;;) {
      const next = await this.#peek();
      if (!next || isWithin(next.path, path)) return next;
      if (comparePaths(next.path, path) > 0) return undefined;
      this.#next = undefined;
    }
  }

  /** Takes the record that `find` gave. */
  take(): void {
    this.#next = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lines.return?.();
  }

  async #peek(): Promise<StoredRecord | undefined> {
    if (this.#next || this.#isOver) return this.#next;
    try {
      const { done, value: line } = await this.#lines.next();
      if (done) this.#isOver = true;
      else this.#next = { path: pathOf(line), line };
    } catch (error) {
      if (!isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
      this.#isOver = true;
      this.#isBroken = true;
      this.#onProblem(error);
    }
    return this.#next;
  }
}
