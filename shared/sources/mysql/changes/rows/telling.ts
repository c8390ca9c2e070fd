import { HoldfastError, isHoldfastError } from '../../../../core/errors.ts';
import type { RowChangeOfStream } from '../../../changes.ts';
import { displayName } from '../../text/identifiers.ts';
import { columnsOf } from '../log/column-types.ts';
import type { LogFormat } from '../log/event.ts';
import type { LogItem } from '../log/items.ts';
import type { TableMap } from '../log/payloads.ts';
import { rowsOf } from '../log/rows.ts';
import { effectsOf } from './table-effects.ts';

export type QueryItem = Extract<LogItem, { kind: 'query' }>;

/** An event of rows, with what it belongs to. */
export interface TableRows {
  readonly item: Extract<LogItem, { kind: 'rows' }>;
  readonly map: TableMap;
  readonly format: LogFormat;
}

/** What is told of the events of a transaction. */
export interface Telling {
  rows(rows: TableRows): Iterable<RowChangeOfStream>;
  definition(item: QueryItem): Iterable<RowChangeOfStream>;
  /** What became of the rows of these tables is not known. @param why part of a sentence */
  unknown(tables: Iterable<string>, why: string): Iterable<RowChangeOfStream>;
  /** A prepared transaction was committed, and what it changed is not known. @throws E_CHANGES_GAP */
  lost(item: QueryItem): void;
}

/** Without a base: which tables are changed, and how many rows. Their values need a base, which says what they mean. */
export const COUNTED: Telling = {
  *rows({ item, map, format }) {
    const of = { columns: readable(() => columnsOf(map), map.table), format };
    for (const _ of rowsOf(item.event, item.form, of))
      yield { kind: item.form.kind, dataset: displayName(map.table), columns: [] };
  },
  *definition(item) {
    if (item.statement.verb !== 'TRUNCATE') return;
    for (const { name } of effectsOf(item).emptied)
      yield { kind: 'truncate', dataset: displayName(name), columns: [] };
  },
  unknown: () => [],
  lost: () => {},
};

/** @throws E_DAMAGED if what is read is not what it should be */
export function readable<T>(read: () => T, what: string): T {
  try {
    return read();
  } catch (error) {
    throw asDamage(error, what);
  }
}

/** What goes wrong where bytes are read is their fault. */
export function asDamage(error: unknown, what: string): unknown {
  if (isHoldfastError(error)) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new HoldfastError('E_DAMAGED', `stored changes cannot be read (${what}): ${why}`, {
    cause: error,
    hint: 'Make a new backup, which begins a new stream; `holdfast verify` looks at the repository.',
  });
}
