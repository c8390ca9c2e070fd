import type { LogFormat } from '../log/event.ts';
import { withStatementEnd } from '../log/own-events.ts';

/** An event of rows with what it belongs to. */
export interface RowsToApply {
  readonly bytes: Buffer;
  readonly flagsAt: number;
  /** The last of its statement. */
  readonly isEnd: boolean;
}

/**
 * Gathers events of rows into `BINLOG` statements. A statement of the log that is too long for one of them becomes several: each
 * has the events again that say which tables are meant, and the last event of each says that the statement ends.
 */
export class RowStatements {
  readonly #mostBytes: number;
  /** Of the statement of the log that is open. */
  #maps: Buffer[] = [];
  #areMapsIn = false;
  #events: Buffer[] = [];
  #bytes = 0;
  #open: RowsToApply | undefined;

  /** @param mostBytes of events in one statement, if one event is not longer by itself */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get isEmpty(): boolean {
    return this.#events.length === 0 && this.#open === undefined;
  }

  table(bytes: Buffer): void {
    this.#maps.push(bytes);
  }

  /** Without rows of its own. */
  endStatement(format: LogFormat): void {
    this.#closeOpen(format);
    this.#maps = [];
    this.#areMapsIn = false;
  }

  /** Gives statements that are full. */
  *rows(event: RowsToApply, format: LogFormat): Generator<string, void, void> {
    const gathered = this.#bytes + (this.#open?.bytes.length ?? 0);
    if (gathered > 0 && gathered + event.bytes.length > this.#mostBytes) yield* this.finish(format);
    if (this.#open) this.#push(this.#open.bytes);
    this.#open = undefined;
    if (!this.#areMapsIn) for (const map of this.#maps) this.#push(map);
    this.#areMapsIn = true;
    if (!event.isEnd) {
      this.#open = event;
      return;
    }
    this.#push(event.bytes);
    this.#maps = [];
    this.#areMapsIn = false;
  }

  /** What was gathered, as a statement. A statement of the log that is open goes on in the next one. */
  *finish(format: LogFormat): Generator<string, void, void> {
    this.#closeOpen(format);
    if (this.#events.length === 0) return;
    const sql = binlogSql(this.#events);
    this.#events = [];
    this.#bytes = 0;
    this.#areMapsIn = false;
    yield sql;
  }

  #closeOpen(format: LogFormat): void {
    if (this.#open) this.#push(withStatementEnd(this.#open, format));
    this.#open = undefined;
  }

  #push(bytes: Buffer): void {
    this.#events.push(bytes);
    this.#bytes += bytes.length;
  }
}

/** The statement that applies events. */
export function binlogSql(events: readonly Buffer[]): string {
  return `BINLOG '${Buffer.concat(events).toString('base64')}'`;
}
