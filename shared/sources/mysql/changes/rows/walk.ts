import { HoldfastError } from '../../../../core/errors.ts';
import { MiB } from '../../../../core/units.ts';
import type { RowChangeOfStream } from '../../../changes.ts';
import type { LogEvent } from '../log/event.ts';
import { type LogItem, LogItems } from '../log/items.ts';
import { LogPlace } from '../log/log-place.ts';
import type { TableMap } from '../log/payloads.ts';
import type { LogPosition } from '../position.ts';
import { xaId } from '../replay/prepared.ts';
import { asDamage, type QueryItem, readable, type TableRows, type Telling } from './telling.ts';

export type Begin = Extract<LogItem, { kind: 'begin' }>;

/** What transactions in two phases (XA) changed that are prepared and have not ended, by their id. */
export type Prepared = Map<string, Part>;

/** What a transaction in two phases changed. Its rows count when it is committed. */
interface Part {
  readonly tables: Set<string>;
  /** Undefined if they are too many to keep. */
  rows: TableRows[] | undefined;
  bytes: number;
}

/** Of rows of one prepared transaction so much is kept in memory. */
const MOST_KEPT_BYTES = 64 * MiB;
const TOO_LARGE = 'a prepared transaction (XA) changed more of its rows than is kept';
const ROLLED_BACK =
  'a transaction that also changed tables without transactions was rolled back, or a part of it';

/** The way through the events of one stretch. */
export class Walk {
  readonly #events: AsyncIterator<LogEvent>;
  readonly #telling: Telling;
  readonly #prepared: Prepared;
  readonly #items = new LogItems();
  readonly #place = new LogPlace();
  readonly #maps = new Map<string, TableMap>();
  /** Tables that the transaction changed so far. */
  readonly #touched = new Set<string>();
  /** Of a transaction in two phases. */
  #xa: { id: string; readonly part: Part } | undefined;

  constructor(
    events: AsyncIterable<LogEvent>,
    { telling, prepared }: { readonly telling: Telling; readonly prepared: Prepared },
  ) {
    this.#events = events[Symbol.asyncIterator]();
    this.#telling = telling;
    this.#prepared = prepared;
  }

  /** Where the event that was read last ends; undefined before the first. */
  get position(): LogPosition | undefined {
    return this.#place.now;
  }

  /** The next transaction's begin, once the one before is read to its end. @throws E_DAMAGED, E_SOURCE_UNSUPPORTED */
  async begin(): Promise<Begin | undefined> {
    for await (const _ of this.changes());
    for (let item = await this.#next(); item; item = await this.#next()) {
      if (item.kind !== 'begin') continue;
      this.#maps.clear();
      this.#touched.clear();
      this.#xa = item.gtid?.isPrepared ? { id: '', part: newPart() } : undefined;
      return item;
    }
    return undefined;
  }

  /** What the transaction that is open changes, from where it was read to on. */
  async *changes(): AsyncGenerator<RowChangeOfStream> {
    while (this.#items.isInside) {
      const item = await this.#next();
      if (!item) return;
      if (item.kind === 'begin')
        throw new HoldfastError('E_DAMAGED', 'a transaction of stored changes begins within another one');
      yield* this.#take(item);
    }
  }

  async close(): Promise<void> {
    await this.#events.return?.();
  }

  async #next(): Promise<LogItem | undefined> {
    const { value, done } = await this.#events.next();
    if (done) return undefined;
    const item = readable(() => this.#items.read(value), `an event of type ${value.type}`);
    this.#place.take(item);
    return item;
  }

  *#take(item: LogItem): Generator<RowChangeOfStream> {
    if (item.kind === 'table') this.#maps.set(item.map.id, item.map);
    else if (item.kind === 'rows') yield* this.#takeRows(item);
    else if (item.kind === 'query') yield* this.#takeQuery(item);
    else if (item.kind === 'end' && this.#xa) yield* this.#endXa(item.how, this.#xa);
  }

  *#takeRows(item: TableRows['item']): Generator<RowChangeOfStream> {
    const map = this.#maps.get(item.table);
    const { format } = this.#items;
    // Of a table of another database.
    if (!map || !format) return;
    this.#touched.add(map.table);
    const rows = { item, map, format };
    if (this.#xa) keep(this.#xa.part, rows);
    else yield* this.#tell(rows);
  }

  *#tell(rows: TableRows): Generator<RowChangeOfStream> {
    try {
      yield* this.#telling.rows(rows);
    } catch (error) {
      throw asDamage(error, `rows of ${rows.map.table}`);
    }
  }

  *#takeQuery(item: QueryItem): Generator<RowChangeOfStream> {
    const { query, statement } = item;
    const sql = () => query.sql.toString('utf8');
    switch (statement.kind) {
      // MariaDB logs the end alone.
      case 'xa start':
      case 'xa end':
        this.#xa = { id: xaId(sql()), part: this.#xa?.part ?? newPart() };
        return;
      case 'xa commit':
        yield* this.#commitXa(item, xaId(sql()));
        return;
      case 'xa rollback':
        this.#prepared.delete(xaId(sql()));
        this.#xa = undefined;
        return;
      case 'savepoint':
        if (/^\s*rollback/i.test(sql())) yield* this.#telling.unknown(this.#touched, ROLLED_BACK);
        return;
      case 'rollback':
        yield* this.#telling.unknown(this.#touched, ROLLED_BACK);
        return;
      case 'definition':
      case 'database':
        yield* this.#telling.definition(item);
    }
  }

  *#commitXa(item: QueryItem, id: string): Generator<RowChangeOfStream> {
    const part = this.#xa?.part ?? this.#prepared.get(id);
    this.#prepared.delete(id);
    this.#xa = undefined;
    if (part) yield* this.#tellPart(part);
    else this.#telling.lost(item);
  }

  *#endXa(
    how: 'commit' | 'prepare',
    { id, part }: { readonly id: string; readonly part: Part },
  ): Generator<RowChangeOfStream> {
    this.#xa = undefined;
    if (how === 'prepare') this.#prepared.set(id, part);
    else yield* this.#tellPart(part);
  }

  *#tellPart({ rows, tables }: Part): Generator<RowChangeOfStream> {
    if (!rows) yield* this.#telling.unknown(tables, TOO_LARGE);
    else for (const one of rows) yield* this.#tell(one);
  }
}

function newPart(): Part {
  return { tables: new Set(), rows: [], bytes: 0 };
}

function keep(part: Part, rows: TableRows): void {
  part.tables.add(rows.map.table);
  part.bytes += rows.item.event.bytes.length;
  if (part.bytes > MOST_KEPT_BYTES) part.rows = undefined;
  part.rows?.push(rows);
}
