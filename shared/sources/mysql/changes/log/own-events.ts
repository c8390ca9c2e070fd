import { HEADER_BYTES, type LogFormat, sealEvent } from './event.ts';
import type { LogItem } from './items.ts';
import type { Statement } from './statement.ts';

/** What is stored of a database, out of a log that has the changes of all databases of a server. */
export interface Ownership {
  /** As the server writes its name. */
  readonly database: string;
  /** The server takes small and capital letters of names as equal. */
  readonly ignoresCase: boolean;
}

/**
 * Leaves out what other databases changed: whole transactions, or their part of a transaction. What is left is a valid
 * binary log with the events as the server wrote them, save that the last event of rows of a statement says that it is.
 * Frames of transactions in two phases always stay: they hold no data, and a replay must know of them.
 */
export class OwnEvents {
  readonly #isOwn: (database: string) => boolean;
  /** Events of the transaction before the first one that is ours. */
  #held: Buffer[] = [];
  #isOurs = false;
  readonly #ownTables = new Set<string>();
  /** Which tables are meant, until rows of ours come. */
  #maps: Buffer[] = [];
  /** The last event of rows of ours: it may turn out to be the last of its statement. */
  #rows: { readonly bytes: Buffer; readonly flagsAt: number } | undefined;
  #isXa = false;

  constructor({ database, ignoresCase }: Ownership) {
    const plain = (name: string) => (ignoresCase ? name.toLowerCase() : name);
    this.#isOwn = (name) => plain(name) === plain(database);
  }

  /** Whether the transaction so far has something of ours. */
  get isOurs(): boolean {
    return this.#isOurs;
  }

  /** Of a table of ours. */
  isOwnTable(item: LogItem): boolean {
    return item.kind === 'rows' && this.#ownTables.has(item.table);
  }

  /** Gives the events that are to be stored. Inside of a transaction some come only with a later one. */
  take(item: LogItem, format: LogFormat): readonly Buffer[] {
    const { event } = item;
    if (item.kind === 'begin') {
      this.#reset();
      this.#held.push(event.bytes);
      this.#isXa = item.gtid?.isPrepared ?? false;
      return this.#isXa ? this.#begin() : [];
    }
    if (item.kind === 'other') return [];
    if (item.kind === 'setting') return this.#pass(event.bytes);
    if (item.kind === 'query') return this.#takeQuery(item);
    if (item.kind === 'table') return this.#takeTable(item);
    if (item.kind === 'rows') return this.#takeRows(item, format);
    if (item.kind === 'end') {
      const out = this.#isOurs ? [...this.#flushRows(), event.bytes] : [];
      this.#reset();
      return out;
    }
    return [event.bytes];
  }

  #takeQuery(item: Extract<LogItem, { kind: 'query' }>): readonly Buffer[] {
    const { event, query, statement, isEnd } = item;
    if (statement.kind.startsWith('xa ')) this.#isXa = true;
    const isFrame = FRAMES.has(statement.kind);
    const isOurs = this.#isXa || (!isFrame && this.isOwnStatement(statement, query.database));
    const out = isOurs
      ? [...this.#begin(), event.bytes]
      : isFrame
        ? this.#pass(event.bytes)
        : this.#flushRows();
    if (isEnd) this.#reset();
    return out;
  }

  /** Whether a statement that is no frame touches what the database holds. */
  isOwnStatement({ kind, objects, mentions }: Statement, inUse: string): boolean {
    if (kind === 'upkeep') return false;
    if (kind === 'database')
      return objects.some(({ name }) => this.#isOwn(name)) || (objects.length === 0 && this.#isOwn(inUse));
    if (kind === 'data') return this.#isOwn(inUse) || mentions.some((name) => this.#isOwn(name));
    if (objects.length === 0) return this.#isOwn(inUse);
    return objects.some(({ database }) => this.#isOwn(database ?? inUse));
  }

  #takeTable({ event, map }: Extract<LogItem, { kind: 'table' }>): readonly Buffer[] {
    if (!this.#isOwn(map.database)) {
      this.#ownTables.delete(map.id);
      return [];
    }
    this.#ownTables.add(map.id);
    this.#maps.push(event.bytes);
    return [];
  }

  #takeRows(item: Extract<LogItem, { kind: 'rows' }>, format: LogFormat): readonly Buffer[] {
    const { event, isEnd, flagsAt } = item;
    if (!this.#ownTables.has(item.table)) {
      if (!isEnd) return [];
      const last = this.#rows;
      this.#rows = undefined;
      this.#maps = [];
      return last ? [withStatementEnd(last, format)] : [];
    }
    const out = [...this.#begin(), ...this.#maps.splice(0)];
    if (isEnd) out.push(event.bytes);
    else this.#rows = { bytes: event.bytes, flagsAt };
    return out;
  }

  /** For an event that stays if the transaction is ours. */
  #pass(bytes: Buffer): readonly Buffer[] {
    if (this.#isOurs) return [...this.#flushRows(), bytes];
    if (this.#held.length > 0) this.#held.push(bytes);
    return [];
  }

  #begin(): Buffer[] {
    this.#isOurs = true;
    return [...this.#held.splice(0), ...this.#flushRows()];
  }

  #flushRows(): Buffer[] {
    const rows = this.#rows;
    this.#rows = undefined;
    return rows ? [rows.bytes] : [];
  }

  #reset(): void {
    this.#held = [];
    this.#maps = [];
    this.#rows = undefined;
    this.#isOurs = false;
    this.#isXa = false;
    this.#ownTables.clear();
  }
}

const FRAMES: ReadonlySet<string> = new Set(['begin', 'commit', 'rollback', 'savepoint']);

/** Says that the statement ends with it. */
export function withStatementEnd(
  { bytes, flagsAt }: { readonly bytes: Buffer; readonly flagsAt: number },
  format: LogFormat,
): Buffer {
  const at = HEADER_BYTES + flagsAt;
  if ((bytes.readUInt16LE(at) & 1) !== 0) return bytes;
  const copy = Buffer.from(bytes);
  copy.writeUInt16LE(bytes.readUInt16LE(at) | 1, at);
  return sealEvent(copy, format.hasChecksums);
}
