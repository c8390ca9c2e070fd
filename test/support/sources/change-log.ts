import { appendFileSync, createReadStream, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { HoldfastError } from '../../../shared/core/errors.ts';
import type { ChangeBatch, ChangeFacts, ChangeSource } from '../../../shared/sources/changes.ts';
import { newFolder } from '../temporary.ts';

/** What a transaction of the log's writer did. */
export interface Written {
  readonly id: number;
  /** When it ended, by the server's clock. */
  readonly at: string;
  /** As the log has it. */
  readonly line: string;
}

const START_MS = Date.UTC(2026, 10, 29);

/**
 * A server that keeps its changes in a file that only grows, a line a transaction. Whoever writes here notes what was written,
 * apart from the file: `written` is the judge of what comes back.
 */
export class ChangeLog {
  readonly file: string;
  readonly written: Written[] = [];
  readonly calls: string[] = [];
  datasets = ['t'];
  schema = 'one';
  carriesDefinitions = false;
  definitions: ChangeFacts['definitions'];
  sequences: Record<string, string> = {};
  /** Where the log still begins; moved by releases, and lost by `crash` up to what was there at the last `checkpoint`. */
  kept = 0;
  #durable = 0;
  #nowMs = START_MS;
  /** A reader's next call dies. */
  diesAt: { readonly call: number; readonly moment: 'before' | 'after' } | undefined;
  isRead = false;

  private constructor(file: string) {
    this.file = file;
    appendFileSync(file, '');
  }

  /** @param folder @default one that is removed when the test ends */
  static async make(folder?: string): Promise<ChangeLog> {
    return new ChangeLog(path.join(folder ?? (await newFolder()), 'log'));
  }

  get now(): string {
    return `${new Date(this.#nowMs).toISOString().slice(0, -1)}000Z`;
  }

  get size(): number {
    return statSync(this.file).size;
  }

  wait(ms: number): void {
    this.#nowMs += ms;
  }

  /** Ends transactions, one after the other, each a second after the one before. */
  write(...texts: readonly string[]): void {
    for (const text of texts) {
      this.wait(1000);
      const id = this.written.length + 1;
      const line = `${JSON.stringify({ id, at: this.now, text })}\n`;
      this.written.push({ id, at: this.now, line });
      appendFileSync(this.file, line);
    }
  }

  checkpoint(): void {
    this.#durable = this.kept;
  }

  /** The server stops at once, and begins again. */
  crash(): void {
    this.kept = this.#durable;
  }

  /** What was held for us is let go of. */
  lose(): void {
    this.kept = this.size;
    this.#durable = this.kept;
  }

  open(): ChangeSource {
    const count = (name: string) => {
      this.calls.push(name);
      return this.#die('before');
    };
    return {
      begins: async () => {
        count('begins');
        this.#die('after');
        return String(this.kept);
      },
      read: async (from, { mostBytes }) => {
        count('read');
        if (Number(from) < this.kept)
          throw new HoldfastError('E_CHANGES_GAP', `the log begins at ${this.kept}`);
        this.#die('after');
        return this.#batch(Number(from), mostBytes);
      },
      release: async (to) => {
        count('release');
        this.kept = Math.max(this.kept, Number(to));
        this.#die('after');
      },
      [Symbol.asyncDispose]: async () => {},
    };
  }

  #die(moment: 'before' | 'after'): void {
    if (this.diesAt?.moment !== moment || this.calls.length < this.diesAt.call) return;
    throw new HoldfastError('E_SOURCE_LOST', 'the process that read the log is dead');
  }

  #batch(from: number, mostBytes: number): ChangeBatch {
    const readAt = this.now;
    const whole = readFileSync(this.file).subarray(from);
    const cut = whole.subarray(0, mostBytes).lastIndexOf('\n') + 1;
    // A transaction comes whole, however large it is.
    const to = from + (cut > 0 ? cut : whole.indexOf('\n') + 1);
    const lines = whole
      .subarray(0, to - from)
      .toString()
      .split('\n')
      .filter(Boolean);
    const [first, last] = [lines.at(0), lines.at(-1)].map((line) => line && JSON.parse(line).at);
    let isRead = false;
    const facts: ChangeFacts = {
      transactions: lines.length,
      ...(first === undefined ? {} : { firstCommit: first, lastCommit: last }),
      readAt,
      datasets: this.datasets,
      schema: this.schema,
      carriesDefinitions: this.carriesDefinitions,
      ...(this.definitions ? { definitions: this.definitions } : {}),
      sequences: this.sequences,
      warnings: [],
    };
    return {
      from: String(from),
      to: String(to),
      isCut: to < this.size,
      bytes: () => {
        if (isRead) throw new Error('it is read once');
        isRead = true;
        return to === from
          ? none()
          : createReadStream(this.file, { start: from, end: to - 1, highWaterMark: 1000 });
      },
      facts: () => {
        if (!isRead) throw new Error('facts are known when the bytes were read');
        return facts;
      },
    };
  }
}

async function* none(): AsyncGenerator<Uint8Array> {
  // Nothing is new.
}
