import { throwIfAborted } from '../../../core/abort.ts';
import type { ChangeDecoder, ChangeTransaction, RowChangeOfStream, StoredChanges } from '../../changes.ts';
import { displayName } from '../text/identifiers.ts';
import { columnsOf } from './log/column-types.ts';
import { isoOf } from './log/commit-time.ts';
import type { LogEvent } from './log/event.ts';
import { type LogItem, LogItems } from './log/items.ts';
import { LogPlace } from './log/log-place.ts';
import type { TableMap } from './log/payloads.ts';
import { rowsOf } from './log/rows.ts';
import { storedEvents } from './log/stored-events.ts';
import { positionText } from './position.ts';

type Begin = Extract<LogItem, { kind: 'begin' }>;

/**
 * Tells the transactions of stored changes, and of which tables they changed how many rows. Their values are not told: the log
 * has no names of columns, no words of ENUM and no signs of numbers unless the server is set to write them.
 */
export const mysqlDecoder: ChangeDecoder = {
  async *transactions(changes: StoredChanges, signal: AbortSignal): AsyncGenerator<ChangeTransaction> {
    const walk = new Walk(storedEvents(changes.bytes()));
    for (let item = await walk.next(); item; item = await walk.next()) {
      throwIfAborted(signal);
      if (item.kind !== 'begin') continue;
      const begin = item;
      // First of two phases: the second one is a transaction of its own.
      if (begin.gtid?.isPrepared) continue;
      yield {
        id: begin.gtid?.text ?? '',
        committedAt: startedBy(begin),
        position: walk.position,
        changes: walk.changes(),
      };
      await walk.passTransaction();
    }
  },
};

/** No later than it ended: of MariaDB the second in which its last statement began. */
function startedBy({ gtid, event }: Begin): string {
  return isoOf(gtid?.committedAt ?? BigInt(event.timestamp) * 1_000_000n);
}

class Walk {
  readonly #events: AsyncIterator<LogEvent>;
  readonly #items = new LogItems();
  readonly #place = new LogPlace();
  readonly #maps = new Map<string, TableMap>();

  constructor(events: AsyncIterable<LogEvent>) {
    this.#events = events[Symbol.asyncIterator]();
  }

  get position(): string {
    const { now } = this.#place;
    return now ? positionText(now) : '';
  }

  async next(): Promise<LogItem | undefined> {
    const { value, done } = await this.#events.next();
    if (done) return undefined;
    const item = this.#items.read(value);
    this.#place.take(item);
    return item;
  }

  async passTransaction(): Promise<void> {
    while (this.#items.isInside && (await this.next()));
  }

  /** Up to the end of the transaction that is open. */
  async *changes(): AsyncGenerator<RowChangeOfStream> {
    this.#maps.clear();
    while (this.#items.isInside) {
      const item = await this.next();
      if (!item) return;
      if (item.kind === 'table') this.#maps.set(item.map.id, item.map);
      if (item.kind === 'rows') yield* this.#rows(item);
      if (item.kind === 'query' && /^\s*truncate\b/i.test(item.query.sql.toString('latin1')))
        for (const { name } of item.statement.objects)
          yield { kind: 'truncate', dataset: displayName(name), columns: [] };
    }
  }

  *#rows(item: Extract<LogItem, { kind: 'rows' }>): Generator<RowChangeOfStream> {
    const map = this.#maps.get(item.table);
    const { format } = this.#items;
    if (!map || !format) return;
    for (const _ of rowsOf(item.event, item.form, { columns: columnsOf(map), format }))
      yield { kind: item.form.kind, dataset: displayName(map.table), columns: [] };
  }
}
