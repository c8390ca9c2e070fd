import type { DuckDBDataChunk, DuckDBTableFunction } from '@duckdb/node-api';
import { MiB } from '../../../core/units.ts';
import type { QueryRow } from '../../../sources/query.ts';
import type { KeyTests } from '../wanted-keys.ts';
import type { BlockChannel } from './block-channel.ts';
import { conversionOf } from './duckdb-types.ts';
import type { Duckdb } from './load-duckdb.ts';
import type { QueryTable } from './tables.ts';

/** The table function that reads datasets; its argument is the place of the table. */
export const SCAN = 'holdfast_rows';
/** Its first column, which views leave out. To count rows, DuckDB reads the first one: of this there is nothing to read. */
export const UNREAD = 'holdfast_unread';
const NEWLINE = 0x0a;
/** Of records that are handed over at once, if they are few and large. */
const MOST_BYTES = 4 * MiB;

/** Told of each value that the type of its column cannot hold. */
export type OnUnheld = (table: QueryTable, column: number) => void;

/** What scans read from, and whom they tell. */
export interface ScanParts {
  readonly blocks: BlockChannel;
  readonly onUnheld: OnUnheld;
  /** A statement names the table. */
  readonly onBind: (table: QueryTable) => void;
  /** What must hold of the rows that are wanted; others may be left out. Undefined: all are wanted. */
  readonly testsOf: (table: QueryTable) => KeyTests | undefined;
  /** These columns are read. */
  readonly onScan: (table: QueryTable, columns: readonly number[]) => void;
  /** Of an error that DuckDB will report in its own words. */
  readonly onError: (error: unknown) => void;
}

/** Makes the table function: asked for some columns it reads those, and it reads on only while it is asked for rows. */
export function scanFunction(
  duckdb: Duckdb,
  tables: readonly QueryTable[],
  parts: ScanParts,
): DuckDBTableFunction {
  const types = tables.map(({ shape }) => shape.columns.map(({ type }) => conversionOf(duckdb, type)));
  /** DuckDB gets the message of what is thrown. */
  const guarded = (info: { setError(error: string): void }, work: () => void): void => {
    try {
      work();
    } catch (error) {
      parts.onError(error);
      info.setError(error instanceof Error ? error.message : String(error));
    }
  };
  return duckdb.DuckDBTableFunction.create({
    name: SCAN,
    parameterTypes: [duckdb.INTEGER],
    supportsProjectionPushdown: true,
    bindFunction: (info) =>
      guarded(info, () => {
        const place = Number(info.getParameter(0));
        const table = tables[place];
        if (!table) throw new Error(`there is no table ${place}`);
        info.addResultColumn(UNREAD, duckdb.BOOLEAN);
        for (const [i, name] of table.columns.entries())
          info.addResultColumn(name, types[place]?.[i]?.type ?? duckdb.VARCHAR);
        info.setCardinality(table.of.records, true);
        parts.onBind(table);
        info.setBindData({ place });
      }),
    initFunction: (info) =>
      guarded(info, () => {
        const { place } = info.bindData as { readonly place: number };
        const table = tables[place];
        if (!table) throw new Error(`there is no table ${place}`);
        // So rows come in their order.
        info.setMaxThreads(1);
        const wanted = info.getColumnIndexes().map((column) => column - 1);
        parts.onScan(table, wanted);
        info.setInitData(new Scan(table, wanted, { ...parts, types: types[place] ?? [] }));
      }),
    mainFunction: (info, chunk) => guarded(info, () => (info.initData as Scan).fill(chunk)),
  });
}

type Conversions = readonly ReturnType<typeof conversionOf>[];

class Scan {
  readonly #table: QueryTable;
  /** The columns that DuckDB wants, in its order; -1 for the one that is not read. */
  readonly #wanted: readonly number[];
  readonly #places: readonly number[];
  readonly #types: Conversions;
  readonly #onUnheld: OnUnheld;
  readonly #next: () => Uint8Array | undefined;
  readonly #parse: (record: Uint8Array) => QueryRow;
  #block: Uint8Array = Buffer.alloc(0);
  #at = 0;
  #uncounted: number;

  constructor(
    table: QueryTable,
    wanted: readonly number[],
    by: Pick<ScanParts, 'blocks' | 'onUnheld' | 'testsOf'> & { readonly types: Conversions },
  ) {
    const { shape, backup, dataset, of } = table;
    this.#table = table;
    this.#wanted = wanted;
    this.#types = by.types;
    this.#onUnheld = by.onUnheld;
    this.#places = [...new Set(wanted.filter((place) => place >= 0))].sort((a, b) => a - b);
    this.#parse = shape.parser(this.#places);
    const isWhole = !shape.hasFields || this.#places.length === shape.columns.length;
    const tests = by.testsOf(table);
    this.#next = by.blocks.scan({
      backup,
      dataset,
      ...(tests && { tests }),
      ...(!isWhole && { places: this.#places }),
    });
    this.#uncounted = of.records;
  }

  /** The next rows; none at the end. */
  fill(chunk: DuckDBDataChunk): void {
    if (this.#places.length === 0) {
      // Only their number matters, and the catalog has it.
      chunk.rowCount = Math.min(this.#uncounted, MOST_ROWS);
      this.#uncounted -= chunk.rowCount;
      return;
    }
    const rows = this.#rows();
    chunk.rowCount = rows.length;
    if (rows.length === 0) return;
    for (const [i, column] of this.#wanted.entries())
      if (column >= 0) this.#fillColumn(chunk, i, { column, rows });
  }

  #fillColumn(
    chunk: DuckDBDataChunk,
    i: number,
    { column, rows }: { readonly column: number; readonly rows: readonly QueryRow[] },
  ): void {
    const vector = chunk.getColumnVector(i);
    const place = this.#places.indexOf(column);
    const conversion = this.#types[column];
    for (const [n, row] of rows.entries()) {
      const value = row[place];
      if (value === undefined) this.#onUnheld(this.#table, column);
      vector.setItem(n, value === undefined || value === null ? null : (conversion?.convert(value) ?? null));
    }
    vector.flush();
  }

  #rows(): readonly QueryRow[] {
    const rows: QueryRow[] = [];
    for (let bytes = 0; rows.length < MOST_ROWS && bytes < MOST_BYTES; ) {
      if (this.#at >= this.#block.length) {
        // Few rows may be enough.
        const block = rows.length > 0 ? undefined : this.#next();
        if (!block) break;
        this.#block = block;
        this.#at = 0;
        continue;
      }
      const end = this.#block.indexOf(NEWLINE, this.#at);
      rows.push(this.#parse(this.#block.subarray(this.#at, end)));
      bytes += end - this.#at;
      this.#at = end + 1;
    }
    return rows;
  }
}

/** What a vector of DuckDB holds. */
const MOST_ROWS = 2048;
