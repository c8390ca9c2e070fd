import { HoldfastError } from '../../../core/errors.ts';
import { MiB } from '../../../core/units.ts';
import type { BackupReader } from '../../../repository/reading/backup-reader.ts';
import { warningOf } from '../near-contents.ts';
import { keysOfAny } from '../wanted-keys.ts';
import { distinctNames } from './distinct-names.ts';
import type { FileToWrite, QueriedBackup, QueryTask, ResultColumn, ResultValue } from './messages.ts';
import { type Queried, queriedBackup } from './queried.ts';
import { type OpenScan, QueryThread } from './query-thread.ts';

/** What DuckDB may use if nobody says. */
export const DEFAULT_QUERY_BYTES = 1024 * MiB;

/** How a query is run. */
export interface QueryOptions {
  /** What DuckDB may use of memory. Nothing is put on a disk. @default 1 GiB */
  readonly memoryBytes?: number | undefined;
  /** Told of types that are not what the database calls them, and of values that no type of a query can hold. */
  readonly onWarning?: ((warning: string) => void) | undefined;
  /** Of this query alone, which disposes of it: started before the backups are opened, it has rows sooner. @default a new one */
  readonly thread?: QueryThread | undefined;
  readonly signal: AbortSignal;
}

/** What a query found. Dispose of it, or take all of its rows. */
export interface QueryResult extends AsyncDisposable {
  readonly columns: readonly ResultColumn[];
  /** In batches. Who stops asking stops the reading. @throws E_DAMAGED, E_STORE_*, E_USAGE, E_ABORTED */
  rows(): AsyncGenerator<readonly (readonly ResultValue[])[]>;
}

/**
 * Runs one SQL statement of DuckDB over backups where they lie. The first backup is called `a`, the second `b`: `a.orders` or
 * `a.public.orders`; of a single one, datasets need no prefix.
 *
 * @throws E_CONFIG if DuckDB is not installed; E_NO_DATASET; E_USAGE for SQL that is wrong or does not only read
 */
export function runQuery(
  readers: readonly BackupReader[],
  sql: string,
  options: QueryOptions,
): Promise<QueryResult> {
  return runQueryOver(readers.map(queriedBackup), sql, options);
}

/** The same over anything that has datasets. @throws as `runQuery` */
export async function runQueryOver(
  queried: readonly Queried[],
  sql: string,
  { memoryBytes = DEFAULT_QUERY_BYTES, onWarning, ...how }: QueryOptions,
): Promise<QueryResult> {
  const thread = threadFor(queried, { sql, memoryBytes }, { ...how, onWarning });
  try {
    const columns = await columnsFrom(thread);
    return {
      columns,
      async *rows() {
        try {
          for (;;) {
            thread.more();
            const report = await thread.next();
            if (report.kind === 'rows') yield report.rows;
            if (report.kind !== 'end') continue;
            for (const warning of report.warnings) onWarning?.(warning);
            return;
          }
        } finally {
          await thread[Symbol.asyncDispose]();
          for (const warning of thread.lastWarnings) onWarning?.(warning);
        }
      },
      [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
    };
  } catch (error) {
    await thread[Symbol.asyncDispose]();
    throw error;
  }
}

/** Writes what a query selects into a file of Parquet. @param file it exists, and is empty */
export async function writeQuery(
  readers: readonly BackupReader[],
  { sql, file }: { readonly sql: string; readonly file: string },
  { memoryBytes = DEFAULT_QUERY_BYTES, onWarning, ...how }: QueryOptions,
): Promise<void> {
  await using thread = threadFor(
    readers.map(queriedBackup),
    { sql, files: [{ path: file }], memoryBytes },
    { ...how, onWarning },
  );
  await columnsFrom(thread);
  await untilEnd(thread, onWarning, () => {});
}

/** Writes datasets of a backup into files of Parquet. @param files for each dataset, by its place in `datasets`; they exist */
export async function writeDatasets(
  reader: BackupReader,
  {
    files,
    onWritten,
  }: { readonly files: readonly FileToWrite[]; readonly onWritten: (dataset: number) => void },
  { memoryBytes = DEFAULT_QUERY_BYTES, onWarning, ...how }: QueryOptions,
): Promise<void> {
  await using thread = threadFor([queriedBackup(reader)], { files, memoryBytes }, how);
  await untilEnd(thread, onWarning, onWritten);
}

async function untilEnd(
  thread: QueryThread,
  onWarning: QueryOptions['onWarning'],
  onWritten: (dataset: number) => void,
): Promise<void> {
  for (;;) {
    const report = await thread.next();
    if (report.kind === 'written' && report.dataset !== undefined) onWritten(report.dataset);
    if (report.kind !== 'end') continue;
    for (const warning of report.warnings) onWarning?.(warning);
    return;
  }
}

async function columnsFrom(thread: QueryThread): Promise<readonly ResultColumn[]> {
  const report = await thread.next();
  if (report.kind === 'columns') {
    const names = distinctNames(report.columns.map(({ name }) => ({ name, among: '' })));
    return report.columns.map(({ name, type }, i) => ({ name: names[i] ?? name, type }));
  }
  throw new HoldfastError('E_INTERNAL', `the query's thread said '${report.kind}' first`);
}

function threadFor(
  queried: readonly Queried[],
  task: Omit<QueryTask, 'backups'>,
  { thread, onWarning, signal }: Pick<QueryOptions, 'thread' | 'onWarning' | 'signal'>,
): QueryThread {
  const backups = queried.map(
    ({ sourceKind, datasets }, i): QueriedBackup => ({
      alias: String.fromCharCode('a'.charCodeAt(0) + i),
      sourceKind,
      datasets: datasets.map(({ name, attributes, records, plainBytes }) => ({
        name,
        attributes,
        records,
        plainBytes,
      })),
    }),
  );
  const warned = new Set<string>();
  const onDamage = warningOf((warning) => {
    if (!warned.has(warning)) onWarning?.(warning);
    warned.add(warning);
  });
  const openScan: OpenScan = ({ backup, dataset, places, tests }, using) => {
    const from = queried[backup];
    const of = from?.datasets[dataset];
    if (!from || !of) throw new HoldfastError('E_INTERNAL', `there is no dataset ${backup}.${dataset}`);
    const ranges = tests && keysOfAny(of, tests);
    return from.read(of, { places, ranges, onDamage }, using);
  };
  const begun = thread ?? new QueryThread(signal);
  begun.begin({ backups, ...task }, openScan);
  return begun;
}
