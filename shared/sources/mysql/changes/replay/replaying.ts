import { HoldfastError, isHoldfastError } from '../../../../core/errors.ts';
import type { Replayed, StoredChanges } from '../../../changes.ts';
import { displayName } from '../../text/identifiers.ts';
import { looseWarning } from '../definitions.ts';
import { columnsOf } from '../log/column-types.ts';
import { CommitTimes } from '../log/commit-time.ts';
import type { LogFormat } from '../log/event.ts';
import { type LogItem, LogItems } from '../log/items.ts';
import { LogPlace } from '../log/log-place.ts';
import type { Gtid, TableMap } from '../log/payloads.ts';
import { rowsOf, uncompressed } from '../log/rows.ts';
import { storedEvents } from '../log/stored-events.ts';
import { comparePlaces, type LogPosition, parsePosition, positionText } from '../position.ts';
import type { Definer } from './definer.ts';
import type { Note } from './note.ts';
import type { Player } from './player.ts';
import { type PreparedEvent, type PreparedTransactions, xaId } from './prepared.ts';
import { mapInto } from './table-maps.ts';
import type { Until } from './until.ts';

export interface ReplayingParts {
  readonly player: Player;
  readonly definer: Definer;
  readonly note: Note;
  readonly until: Until;
  readonly prepared: PreparedTransactions;
  /** Of the target. */
  readonly database: string;
  /** Those that were restored; all if undefined. */
  readonly datasets: readonly string[] | undefined;
  /** What is left out, as sentences; added to. */
  readonly leftOut: Set<string>;
  readonly times: ConstructorParameters<typeof CommitTimes>[0];
}

/** One transaction of the log. */
interface Transaction {
  readonly gtid: Gtid | undefined;
  readonly from: LogPosition;
  /** Of one in two phases: its events until it is prepared. */
  xa: { readonly id: string; readonly events: PreparedEvent[] } | undefined;
}

/** The way through one stretch of stored changes. */
export class Replaying {
  note: Note;
  readonly #parts: ReplayingParts;
  readonly #items = new LogItems();
  readonly #times: CommitTimes;
  readonly #place = new LogPlace();
  #format: LogFormat | undefined;
  #transaction: Transaction | undefined;
  readonly #maps = new Map<string, TableMap>();
  #transactions = 0;
  #rows = 0;

  constructor(parts: ReplayingParts) {
    this.#parts = parts;
    this.note = parts.note;
    this.#times = new CommitTimes(parts.times);
  }

  /** @throws E_DAMAGED, E_NO_MOMENT, E_SOURCE_*, E_ABORTED; all that was noted is applied, and nothing else */
  async run(changes: StoredChanges, signal: AbortSignal): Promise<Replayed> {
    const { player } = this.#parts;
    let isReached = false;
    try {
      for await (const event of storedEvents(changes.bytes())) {
        const item = this.#items.read(event);
        this.#place.take(item);
        isReached = item.kind === 'begin' ? this.#begin(item) : false;
        if (isReached) break;
        await this.#take(item, signal);
      }
    } catch (error) {
      throw this.#name(error);
    }
    if (!isReached) this.#noteUpTo(parsePosition(changes.to));
    await player.commit(signal);
    return { transactions: this.#transactions, rows: this.#rows, isReached };
  }

  /** @returns whether the replay stops before it */
  #begin({ gtid, event }: Extract<LogItem, { kind: 'begin' }>): boolean {
    const { until } = this.#parts;
    const end = this.#now;
    const from = { ...end, offset: end.offset - event.bytes.length };
    const isDone = this.#isDone();
    if (isDone && until.transaction !== undefined && until.transaction === gtid?.text)
      throw new HoldfastError(
        'E_NO_MOMENT',
        `the backup, or what was applied to it, already has transaction ${gtid.text}`,
        {
          hint: 'Restore an earlier backup, with the changes up to that transaction.',
        },
      );
    this.#transaction = { gtid, from, xa: gtid?.isPrepared ? { id: '', events: [] } : undefined };
    this.#maps.clear();
    return !isDone && until.isReached(gtid, event.timestamp, this.#times);
  }

  async #take(item: LogItem, signal: AbortSignal): Promise<void> {
    if (item.kind === 'format') {
      this.#format = item.format;
      return this.#parts.player.describe(item.format, item.event.bytes, signal);
    }
    if (item.kind === 'query') return this.#takeQuery(item, signal);
    if (item.kind === 'table') return this.#takeTable(item);
    if (item.kind === 'rows') return this.#takeRows(item, signal);
    if (item.kind === 'end') return item.how === 'prepare' ? this.#prepare(signal) : this.#end(signal);
    return undefined;
  }

  /** Where the event that was read last ends. */
  get #now(): LogPosition {
    return this.#place.now ?? this.note.done;
  }

  /** Whether the target has the event that was read last. Inside of a transaction it may have the first ones: a definition. */
  #isDone(): boolean {
    return comparePlaces(this.#now, this.#parts.note.done) <= 0;
  }

  #isPassed(): boolean {
    return this.#transaction === undefined || this.#isDone();
  }

  #takeTable({ event, map }: Extract<LogItem, { kind: 'table' }>): void {
    const xa = this.#transaction?.xa;
    if ((this.#isPassed() && !xa) || !this.#format || !this.#isWanted(map.table)) return;
    this.#maps.set(map.id, map);
    const bytes = mapInto(event.bytes, this.#parts.database, this.#format);
    if (xa) xa.events.push({ map: bytes });
    else this.#parts.player.table(bytes);
  }

  async #takeRows(item: Extract<LogItem, { kind: 'rows' }>, signal: AbortSignal): Promise<void> {
    const xa = this.#transaction?.xa;
    if ((this.#isPassed() && !xa) || !this.#format) return;
    const map = this.#maps.get(item.table);
    const { event, flagsAt, isEnd } = item;
    if (map) {
      const rows = { bytes: uncompressed(event, item.form, this.#format), flagsAt, isEnd };
      if (xa) xa.events.push({ rows });
      else await this.#parts.player.rows(rows, signal);
      if (!this.#isDone()) this.#rows += countRows(item, map, this.#format);
    } else if (isEnd && !xa) this.#parts.player.endStatement();
    if (isEnd) this.#maps.clear();
  }

  #isWanted(table: string): boolean {
    const { datasets, definer, leftOut } = this.#parts;
    const engine = definer.looseEngine(table);
    if (engine !== undefined) {
      leftOut.add(looseWarning({ name: table, engine }));
      return false;
    }
    return datasets === undefined || datasets.includes(displayName(table));
  }

  async #takeQuery(item: Extract<LogItem, { kind: 'query' }>, signal: AbortSignal): Promise<void> {
    const { query, statement, isEnd } = item;
    const sql = query.sql.toString('utf8');
    const transaction = this.#transaction;
    if (!transaction || statement.kind === 'begin') return;
    if (statement.kind === 'xa start' || statement.kind === 'xa end') {
      transaction.xa = { id: xaId(sql), events: transaction.xa?.events ?? [] };
      return;
    }
    if (statement.kind === 'xa commit' || statement.kind === 'xa rollback')
      return this.#endXa(statement.kind, sql, signal);
    if (!this.#isDone()) await this.#run(item, signal);
    if (isEnd) await this.#end(signal);
  }

  /** A statement that is in the log as it was. */
  async #run(item: Extract<LogItem, { kind: 'query' }>, signal: AbortSignal): Promise<void> {
    const { query, statement } = item;
    if (statement.kind === 'data') throw asText(query.sql.toString('utf8'));
    if (statement.kind === 'definition' || statement.kind === 'database') await this.#define(item, signal);
    if (statement.kind !== 'savepoint') return;
    if (!this.#transaction?.xa) return this.#parts.player.say(query.sql, signal);
    // What is prepared is applied when it is committed: all of it. Servers log this only beside tables without transactions.
    if (/^\s*rollback/i.test(query.sql.toString('latin1'))) throw asText(query.sql.toString('utf8'));
  }

  async #endXa(kind: 'xa commit' | 'xa rollback', sql: string, signal: AbortSignal): Promise<void> {
    const own = this.#transaction?.xa;
    // In one phase: it is committed without having been prepared.
    const events = own ? own.events : this.#parts.prepared.take(xaId(sql));
    if (this.#isDone() || kind === 'xa rollback') return this.#end(signal, { isCounted: false });
    if (!events)
      throw new HoldfastError(
        'E_CHANGES_GAP',
        `a prepared transaction was committed (${sql.slice(0, 200)}), and the stored changes do not reach back to what it changed`,
        { hint: 'Restore to an earlier moment, or from another backup.' },
      );
    const { player } = this.#parts;
    for (const event of events) {
      if ('map' in event) player.table(event.map);
      else await player.rows(event.rows, signal);
    }
    await this.#end(signal);
  }

  async #prepare(signal: AbortSignal): Promise<void> {
    const transaction = this.#transaction;
    if (transaction?.xa) this.#parts.prepared.add(transaction.xa.id, transaction.from, transaction.xa.events);
    await this.#end(signal, { isCounted: false });
  }

  async #end(
    signal: AbortSignal,
    { isCounted = true }: { readonly isCounted?: boolean } = {},
  ): Promise<void> {
    const isPassed = this.#isPassed();
    this.#transaction = undefined;
    if (isPassed) return;
    if (isCounted) this.#transactions++;
    this.#noteUpTo(this.#now);
    await this.#parts.player.end(this.note, signal);
  }

  /** Runs a statement that cannot be undone, so that a replay that breaks off knows afterwards whether it was run. */
  async #define(item: Extract<LogItem, { kind: 'query' }>, signal: AbortSignal): Promise<void> {
    const { definer, player, datasets } = this.#parts;
    const { query, statement, event } = item;
    if (datasets !== undefined && !statement.objects.some(({ name }) => datasets.includes(displayName(name))))
      return;
    if (
      statement.kind === 'database' &&
      !/^\s*alter/i.test(query.sql.toString('latin1')) &&
      !/^\s*drop/i.test(query.sql.toString('latin1'))
    )
      return;
    definer.check(statement, query);
    await player.commit(signal);
    const at = positionText(this.#now);
    const fingerprint = await definer.fingerprint(signal);
    const begun = this.note.definition?.at === at ? this.note.definition : undefined;
    if (begun && begun.fingerprint === fingerprint && !statement.isRepeatable)
      refuseUnknown(query.sql.toString('utf8'));
    if (!begun || begun.fingerprint === fingerprint) {
      this.note = { ...this.note, definition: { at, fingerprint } };
      player.pass(this.note);
      await player.commit(signal);
      await definer.run(query, event, signal);
    }
    this.#noteUpTo(this.#now);
    player.pass(this.note);
    await player.commit(signal);
  }

  #noteUpTo(done: LogPosition): void {
    if (comparePlaces(done, this.note.done) < 0) return;
    const from = this.#parts.prepared.from;
    this.note = { done, needs: from && comparePlaces(from, done) < 0 ? from : done, definition: undefined };
  }

  #name(error: unknown): unknown {
    const id = this.#transaction?.gtid?.text;
    return isHoldfastError(error) && error.code !== 'E_ABORTED' && id !== undefined && id !== ''
      ? error.about(`transaction ${id}`)
      : error;
  }
}

function countRows(item: Extract<LogItem, { kind: 'rows' }>, map: TableMap, format: LogFormat): number {
  let count = 0;
  for (const _ of rowsOf(item.event, item.form, { columns: columnsOf(map), format })) count++;
  return count;
}

function asText(sql: string): HoldfastError {
  return new HoldfastError(
    'E_SOURCE_UNSUPPORTED',
    `a change is in the log as a statement instead of rows, and could have another effect here: ${sql.slice(0, 200)}`,
    { hint: 'Restore to an earlier moment, or from a later backup. Set binlog_format=ROW at the source.' },
  );
}

/** Names may have been swapped: then the definitions are the same again. */
function refuseUnknown(sql: string): void {
  if (!/\b(RENAME|EXCHANGE)\b/i.test(sql)) return;
  throw new HoldfastError(
    'E_SOURCE_LOST',
    `the replay broke off during a statement that may or may not have been carried out: ${sql.slice(0, 200)}`,
    {
      hint: 'Restore into an empty database again.',
    },
  );
}
