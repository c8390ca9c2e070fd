import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api';
import { HoldfastError } from '../../../core/errors.ts';
import { keyFieldsOf } from '../../../core/key-fields.ts';
import type { KeyTests } from '../wanted-keys.ts';
import type { BlockChannel } from './block-channel.ts';
import { queryError } from './duckdb-errors.ts';
import type { Duckdb } from './load-duckdb.ts';
import type { FileToWrite, QueriedBackup } from './messages.ts';
import { type OnUnheld, SCAN, type ScanParts, scanFunction, UNREAD } from './row-scan.ts';
import { type NamedTable, statementTables } from './statement-tables.ts';
import { MAIN, notesOf, type QueryTable, tablesOf } from './tables.ts';
import { testsOf } from './tests-of-keys.ts';

/** Settings that nobody can change once it is open: it reads and writes no file but those that are named, and loads nothing. */
const SETTINGS = {
  temp_directory: '',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
  allow_community_extensions: 'false',
  allow_persistent_secrets: 'false',
};

const ident = (name: string) => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** DuckDB in memory, with the datasets of backups as views. */
export class QueryDatabase implements Disposable {
  readonly #duckdb: Duckdb;
  readonly #connection: DuckDBConnection;
  readonly #close: () => void;
  readonly tables: readonly QueryTable[];
  /** What went wrong while rows were read, which DuckDB reports in its own words. */
  #failure: unknown;
  /** Tables that the statement names, and which of their columns were read. */
  readonly #used = new Map<QueryTable, Set<number>>();
  /** How often they were named. */
  readonly #binds = new Map<QueryTable, number>();
  /** Of those, what must hold of the rows that the statement wants. */
  #tests: ReadonlyMap<QueryTable, KeyTests> = new Map();

  private constructor(
    duckdb: Duckdb,
    connection: DuckDBConnection,
    tables: readonly QueryTable[],
    close: () => void,
  ) {
    this.#duckdb = duckdb;
    this.#connection = connection;
    this.tables = tables;
    this.#close = close;
  }

  static async open(
    duckdb: Duckdb,
    backups: readonly QueriedBackup[],
    options: {
      readonly blocks: BlockChannel;
      readonly memoryBytes: number;
      readonly files: readonly FileToWrite[];
      readonly onUnheld: OnUnheld;
    },
  ): Promise<QueryDatabase> {
    const memory = `${Math.ceil(options.memoryBytes / 1024)}KiB`;
    const instance = await duckdb.DuckDBInstance.create(':memory:', { ...SETTINGS, memory_limit: memory });
    const connection = await instance.connect();
    const tables = (await Promise.all(backups.map(tablesOf))).flat();
    const database = new QueryDatabase(duckdb, connection, tables, () => {
      connection.closeSync();
      instance.closeSync();
    });
    const used = database.#used;
    const parts: ScanParts = {
      ...options,
      onBind: (table) => {
        used.set(table, used.get(table) ?? new Set());
        database.#binds.set(table, (database.#binds.get(table) ?? 0) + 1);
      },
      testsOf: (table) => database.#tests.get(table),
      onScan: (table, columns) => used.set(table, new Set([...(used.get(table) ?? []), ...columns])),
      onError: (error) => {
        database.#failure ??= error;
      },
    };
    connection.registerTableFunction(scanFunction(duckdb, tables, parts));
    await database.#makeViews(backups);
    await database.#lock(options.files);
    // Making a view binds it too.
    used.clear();
    database.#binds.clear();
    return database;
  }

  async #makeViews(backups: readonly QueriedBackup[]): Promise<void> {
    const run = (sql: string) => this.#connection.run(sql);
    for (const { alias } of backups) await run(`ATTACH ':memory:' AS ${ident(alias)}`);
    const schemas = new Set(
      this.tables.map(({ path: [alias, schema] }) => `${ident(alias)}.${ident(schema)}`),
    );
    for (const schema of schemas) await run(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    for (const [place, { path, isShort }] of this.tables.entries()) {
      const [alias, , name] = path;
      const rows = `SELECT * EXCLUDE (${UNREAD}) FROM ${SCAN}(${place})`;
      await run(`CREATE VIEW ${path.map(ident).join('.')} AS ${rows}`);
      if (isShort) await run(`CREATE VIEW ${[alias, MAIN, name].map(ident).join('.')} AS ${rows}`);
    }
    const [only, ...others] = backups;
    if (only && others.length === 0) await run(`USE ${ident(only.alias)}`);
  }

  async #lock(files: readonly FileToWrite[]): Promise<void> {
    const run = (sql: string) => this.#connection.run(sql);
    await run("SET TimeZone = 'UTC'");
    await run('SET errors_as_json = true');
    // Of rows that nobody has asked for yet.
    await run("SET streaming_buffer_size = '256KiB'");
    const paths = files.map(({ path }) => literal(path)).join(', ');
    await run(`SET allowed_paths = [${paths}]`);
    await run('SET enable_external_access = false');
    await run('SET lock_configuration = true');
  }

  /** The only statement of the text, which may only read. @throws E_USAGE, E_NO_DATASET */
  async prepare(sql: string): Promise<DuckDBPreparedStatement> {
    const { SELECT, EXPLAIN } = this.#duckdb.StatementType;
    if (isEmpty(sql))
      throw new HoldfastError('E_USAGE', 'the query is empty', {
        hint: 'Such as: select * from orders limit 10',
      });
    const statements = await this.#asking(sql, () => this.#connection.extractStatements(sql));
    if (statements.count !== 1)
      throw new HoldfastError('E_USAGE', `a query must be a single statement; this has ${statements.count}`, {
        hint: 'Run each as a query of its own.',
      });
    const prepared = await this.#asking(sql, () => statements.prepare(0));
    if (prepared.statementType !== SELECT && prepared.statementType !== EXPLAIN)
      throw new HoldfastError(
        'E_USAGE',
        'a query can only read: SELECT, WITH, FROM, DESCRIBE, SUMMARIZE, EXPLAIN',
        {
          hint: 'Backups are never changed. `--format parquet --output FILE` writes a result to a file.',
        },
      );
    if (prepared.parameterCount > 0)
      throw new HoldfastError('E_USAGE', 'the query has parameters, and there are no values for them', {
        hint: 'Write the values into the query.',
      });
    if (prepared.statementType === SELECT) this.#tests = await this.#testsIn(sql);
    return prepared;
  }

  /** Does what a statement needs, and translates its errors. */
  async #asking<T>(sql: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const notes = [...this.#used.keys()].flatMap((table) => notesOf(table));
      throw this.#failure ?? queryError(error, { sql, tables: this.tables, notes });
    }
  }

  /** Which rows of tables with bounds of keys the statement wants. */
  async #testsIn(sql: string): Promise<ReadonlyMap<QueryTable, KeyTests>> {
    const keyed = [...this.#binds].filter(([{ of }]) => keyFieldsOf(of.attributes).length > 0);
    const named = keyed.length > 0 ? await this.#tablesIn(sql) : undefined;
    if (!named) return new Map();
    const tests = keyed.map(([table, times]) => [table, testsOf(table, named, times)] as const);
    return new Map(tests.flatMap(([table, found]) => (found ? [[table, found] as const] : [])));
  }

  /** The tables that a statement names; undefined if that cannot be told, as of PIVOT: then all rows are wanted. */
  async #tablesIn(sql: string): Promise<readonly NamedTable[] | undefined> {
    try {
      const read = await this.#connection.runAndReadAll(`SELECT json_serialize_sql(${literal(sql)})`);
      return statementTables(String(read.getRows()[0]?.[0]));
    } catch {
      return undefined;
    }
  }

  /** The result of a statement, piece by piece. @throws E_USAGE for values for which it cannot be computed, what the reading throws */
  async run(sql: string, prepared: DuckDBPreparedStatement) {
    const result = await this.#asking(sql, () => prepared.stream());
    return { fetch: () => this.#asking(sql, () => result.fetchChunk()), types: result.columnTypes() };
  }

  /** Writes what a query selects, or a dataset as a whole. */
  async write(sql: string, { dataset, path }: FileToWrite): Promise<void> {
    const table = this.tables.find((one) => one.backup === 0 && one.dataset === dataset);
    if (!table)
      await this.#asking(sql, () => this.#connection.run(`CREATE TEMP VIEW holdfast_result AS ${sql}`));
    const from = table ? table.path.map(ident).join('.') : 'temp.holdfast_result';
    const options = [
      'FORMAT parquet',
      'COMPRESSION zstd',
      // The file is there, for its owner alone.
      'USE_TMP_FILE false',
      `ROW_GROUP_SIZE ${rowGroup(table)}`,
    ];
    await this.#asking(sql, () =>
      this.#connection.run(`COPY (FROM ${from}) TO ${literal(path)} (${options.join(', ')})`),
    );
  }

  /** What should be known of the columns that were read. */
  notes(): readonly string[] {
    return [...this.#used].flatMap(([table, columns]) => notesOf(table, (column) => columns.has(column)));
  }

  interrupt(): void {
    this.#connection.interrupt();
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}

/** Whether there is nothing but blanks, comments and semicolons, which DuckDB has no words for. */
function isEmpty(sql: string): boolean {
  return sql.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\/|[\s;]/g, '') === '';
}

const VECTOR_ROWS = 2048;
/** DuckDB's own. */
const USUAL_ROWS = 60 * VECTOR_ROWS;
/** Rows are gathered in memory up to this size. */
const GROUP_BYTES = 64 * 1024 * 1024;

function rowGroup(table: QueryTable | undefined): number {
  if (!table || table.of.records === 0) return USUAL_ROWS;
  const vectors = Math.floor((GROUP_BYTES * table.of.records) / (table.of.plainBytes + 1) / VECTOR_ROWS);
  return Math.min(USUAL_ROWS, Math.max(1, vectors) * VECTOR_ROWS);
}
