import { HoldfastError } from '../../../../core/errors.ts';
import type { RowChangeOfStream } from '../../../changes.ts';
import type { BackupContents } from '../../../contents.ts';
import { isTableAttributes, type TableAttributes } from '../../datasets/attributes.ts';
import { displayName } from '../../text/identifiers.ts';
import type { TableMap } from '../log/payloads.ts';
import { rowsOf } from '../log/rows.ts';
import type { ObjectName } from '../log/statement.ts';
import { type Cascades, isChangedIn } from './cascades.ts';
import { effectsOf } from './table-effects.ts';
import { PARTIAL, readTable, type TableReading } from './table-reading.ts';
import type { QueryItem, TableRows, Telling } from './telling.ts';

const ALTERED = 'its definition changed, and the log does not say what that made of its rows';
/** Of an event of rows: the session did not look at foreign keys, and nothing changed along. */
const NO_FOREIGN_KEYS = 2;

interface KnownTable {
  readonly attributes: TableAttributes;
  readonly columns: readonly string[];
  /** How the rows of the last event of it were read. */
  reading: { readonly map: TableMap; readonly how: TableReading } | undefined;
}

/** What is told of changes that follow a base: rows with their values, as the base has them. */
export class BaseTelling implements Telling {
  /** Whether the base has the transaction that is read: then nothing is told of it, and its definitions are those of the base. */
  isInBase = false;
  readonly #database: string;
  readonly #cascades: Cascades;
  /** By name of the table. */
  readonly #tables: ReadonlyMap<string, KnownTable>;
  readonly #redefined = new Set<string>();

  /** @param database of the source: how its name is in the log */
  constructor(
    { datasets }: Pick<BackupContents, 'datasets'>,
    { database, cascades }: { readonly database: string; readonly cascades: Cascades },
  ) {
    this.#database = database.toLowerCase();
    this.#cascades = cascades;
    this.#tables = new Map(
      datasets.flatMap(({ attributes }) => {
        if (!isTableAttributes(attributes)) return [];
        const columns = attributes.columns.map(({ name }) => name);
        return [[attributes.table, { attributes, columns, reading: undefined }] as const];
      }),
    );
  }

  /** @throws E_SOURCE_UNSUPPORTED if the server does not log names of columns */
  *rows(rows: TableRows): Generator<RowChangeOfStream> {
    if (this.isInBase) return;
    const { map, item } = rows;
    const known = this.#tables.get(map.table);
    const dataset = displayName(map.table);
    if (!known) {
      yield { kind: item.form.kind, dataset, columns: [] };
      return;
    }
    if (!map.names) throw withoutNames(map.table);
    const reading: TableReading = this.#redefined.has(map.table) ? { why: ALTERED } : readingOf(known, map);
    if ('why' in reading) yield unsaid(dataset, reading.why);
    else yield* this.#changes(rows, known, reading);
  }

  *#changes(
    { item, map, format }: TableRows,
    { columns }: KnownTable,
    reading: Exclude<TableReading, { why: string }>,
  ): Generator<RowChangeOfStream> {
    const { event, form } = item;
    const dataset = displayName(map.table);
    const along = this.#followsAlong(item, dataset) ? new Set<string>() : undefined;
    for (const row of rowsOf(event, form, { columns: reading.columns, format })) {
      const before = row.before && reading.read(row.before);
      const after = row.after && reading.read(row.after);
      if ((row.before && !before) || (row.after && !after)) {
        yield unsaid(dataset, PARTIAL);
        return;
      }
      const change = { kind: form.kind, dataset, columns, before, after };
      yield change;
      if (along) yield* this.#along(change, along);
    }
  }

  #followsAlong({ event, form, flagsAt }: TableRows['item'], dataset: string): boolean {
    return (
      form.kind !== 'insert' &&
      !this.#cascades.isFree(dataset) &&
      (event.body.readUInt16LE(flagsAt) & NO_FOREIGN_KEYS) === 0
    );
  }

  /** What changes along with a row, each dataset once. @param told added to */
  *#along(
    {
      kind,
      dataset,
      columns,
      before,
      after,
    }: Pick<RowChangeOfStream, 'kind' | 'dataset' | 'columns' | 'before' | 'after'>,
    told: Set<string>,
  ): Generator<RowChangeOfStream> {
    const what = kind === 'delete' ? 'delete' : 'update';
    for (const child of this.#cascades.after(dataset, what, isChangedIn(columns, before, after))) {
      if (!told.has(child)) yield unsaid(child, changedAlong(dataset));
      told.add(child);
    }
  }

  *definition(item: QueryItem): Generator<RowChangeOfStream> {
    if (this.isInBase) return;
    const { emptied, altered, redefined, isAllEmptied = false } = effectsOf(item);
    const own = (names: readonly ObjectName[]) =>
      names.filter(({ database }) => (database ?? item.query.database).toLowerCase() === this.#database);
    const gone = isAllEmptied ? [...this.#tables.keys()] : own(emptied).map(({ name }) => name);
    for (const name of gone) yield { kind: 'truncate', dataset: displayName(name), columns: [] };
    for (const { name } of own(redefined)) this.#redefined.add(name);
    yield* this.unknown(
      own(altered).map(({ name }) => name),
      ALTERED,
    );
  }

  *unknown(tables: Iterable<string>, why: string): Generator<RowChangeOfStream> {
    if (this.isInBase) return;
    for (const table of tables) yield unsaid(displayName(table), why);
  }

  lost({ query }: QueryItem): void {
    if (this.isInBase) return;
    throw new HoldfastError(
      'E_CHANGES_GAP',
      `a prepared transaction was committed (${query.sql.toString('utf8').slice(0, 200)}), and the stored changes do not reach back to what it changed`,
      { hint: 'A later backup, which has it, is not concerned.' },
    );
  }
}

function withoutNames(table: string): HoldfastError {
  return new HoldfastError(
    'E_SOURCE_UNSUPPORTED',
    `the binary log has changes of ${displayName(table)} without the names of its columns: what its rows hold is not known`,
    {
      hint: 'Run `holdfast pitr setup`, which sets binlog_row_metadata to FULL: it goes for changes from then on.',
    },
  );
}

function unsaid(dataset: string, why: string): RowChangeOfStream {
  return { kind: 'update', dataset, columns: [], unsaid: why };
}

function changedAlong(parent: string): string {
  return `rows of it change along with rows of ${parent} by a foreign key, and the log does not say which`;
}

/** The same events describe a table over and over. */
function readingOf(known: KnownTable, map: TableMap): TableReading {
  if (known.reading && isSame(known.reading.map, map)) return known.reading.how;
  const how = readTable(map, known.attributes);
  known.reading = { map, how };
  return how;
}

function isSame(a: TableMap, b: TableMap): boolean {
  return (
    a.types.equals(b.types) && a.metadata.equals(b.metadata) && a.names?.join('\n') === b.names?.join('\n')
  );
}
