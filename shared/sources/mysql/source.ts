import { throwIfAborted } from '../../core/abort.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { KiB } from '../../core/units.ts';
import { withColumnsLike } from '../column-order.ts';
import type { BackupContents, StoredDataset } from '../contents.ts';
import type { DatasetPlan, OpenOptions, Source, SourceCapabilities, SourceView } from '../source.ts';
import type { Session } from './connection/connection.ts';
import { checkGrants, readGrants } from './connection/grants.ts';
import { ignoresCase } from './connection/names-case.ts';
import {
  type AdapterOptions,
  databaseOf,
  type Environment,
  type MysqlOptions,
  mysqlName,
  parseMysqlOptions,
} from './connection/options.ts';
import { serverTitle } from './connection/server-title.ts';
import { openSession } from './connection/session-settings.ts';
import { isTableAttributes, SCHEMA, type TableAttributes } from './datasets/attributes.ts';
import { chooseBounds, planPartitions, WHOLE } from './datasets/partitions.ts';
import { isRowless, isTransactional, listTables, type TableInfo } from './datasets/tables.ts';
import { valueColumns } from './datasets/versioned.ts';
import type { SchemaObject } from './schema/objects.ts';
import { readSchema } from './schema/read.ts';
import { SessionPool } from './snapshot/session-pool.ts';
import { type Moment, openMoment, type Rung } from './snapshot/snapshot.ts';
import { MysqlView } from './snapshot/source-view.ts';
import { displayName } from './text/identifiers.ts';
import { type Accounts, readAccounts, USERS } from './users/accounts.ts';

/** @throws E_CONFIG listing every problem */
export function openMysqlSource(url: string, options: AdapterOptions, env: Environment): MysqlSource {
  return new MysqlSource(parseMysqlOptions(url, options, env));
}

/** How often a backup begins again because a table was altered while it began. */
const ATTEMPTS = 3;

/** A database of MySQL or MariaDB, read as at one moment. */
export class MysqlSource implements Source {
  readonly kind = 'mysql';
  readonly name: string;
  readonly capabilities: SourceCapabilities;
  readonly #options: MysqlOptions;
  readonly #like: readonly StoredDataset[] | undefined;

  /** @param settings.like only tables of these names are looked at, with their columns in the same order */
  constructor(
    options: MysqlOptions,
    { like }: { readonly like?: readonly StoredDataset[] | undefined } = {},
  ) {
    this.#options = options;
    this.#like = like;
    this.name = mysqlName(options);
    this.capabilities = { consistency: 'per-dataset', maxReaders: options.readers };
  }

  async open(signal: AbortSignal, options: OpenOptions = {}): Promise<SourceView> {
    throwIfAborted(signal);
    databaseOf(this.#options);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#openOnce(signal, options);
      } catch (error) {
        if (attempt === ATTEMPTS || !isHoldfastError(error, 'E_SOURCE_CHANGED')) throw error;
      }
    }
  }

  async #openOnce(
    signal: AbortSignal,
    { parent, allowEmpty = false, onWarning }: OpenOptions,
  ): Promise<SourceView> {
    const database = databaseOf(this.#options);
    const before = await this.#look(signal, async (session) => {
      const grants = await readGrants(session, database, signal);
      if (this.#like === undefined) checkGrants(grants, database);
      return { grants, tables: await this.#tables(session, signal) };
    });
    const moment = await openMoment({
      options: this.#options,
      grants: before.grants,
      tables: before.tables.map(({ name }) => name),
      signal,
    });
    const pool = new SessionPool(moment.sessions);
    try {
      const session = await pool.acquire(signal);
      const tables = await this.#tables(session, signal);
      checkSame(before.tables, tables);
      await session.query('SAVEPOINT reading', signal);
      const schema =
        this.#like === undefined
          ? await readSchema(
              session,
              tables.map(({ name }) => name),
              signal,
            )
          : [];
      // What is altered while the definitions are read must not go with rows of before.
      if (this.#like === undefined) checkSame(tables, await this.#tables(session, signal));
      const users =
        this.#like === undefined && this.#options.hasUsers ? await readAccounts(session, signal) : undefined;
      const datasets = await this.#datasets(session, tables, parent, signal);
      await session.query('ROLLBACK TO SAVEPOINT reading', signal);
      pool.release(session);
      for (const other of moment.sessions.filter((one) => one !== session))
        await other.query('SAVEPOINT reading', signal);
      if (!allowEmpty && this.#like === undefined) checkNotEmpty(schema);
      const omitted = listOmitted(tables, schema, users);
      const consistency = tables.every((table) => isTransactional(table) || isRowless(table))
        ? 'atomic'
        : 'per-dataset';
      for (const message of warningsOf(tables, moment)) onWarning?.(message);
      return new MysqlView(pool, {
        position: `${moment.position}, ${HOW[moment.rung]}`,
        server: await serverTitle(session, signal),
        consistency,
        datasets: [
          ...(this.#like ? [] : [schemaDataset(moment, database), ...(users ? [USERS_DATASET] : [])]),
          ...withColumnsLike(datasets, this.#like ?? [], isTableAttributes),
        ],
        omitted,
        schema,
        users: users?.accounts,
      });
    } catch (error) {
      await pool[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #look<T>(signal: AbortSignal, work: (session: Session) => Promise<T>): Promise<T> {
    const session = await openSession(this.#options, signal);
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  }

  async #tables(session: Session, signal: AbortSignal): Promise<readonly TableInfo[]> {
    const tables = await listTables(session, signal);
    if (this.#like === undefined) return tables;
    const isCaseless = await ignoresCase(session, signal);
    const plain = (name: string) => (isCaseless ? name.toLowerCase() : name);
    const wanted = new Map(this.#like.map(({ name }) => [plain(name), name]));
    return tables.flatMap((table) => {
      const dataset = wanted.get(plain(table.dataset));
      return dataset === undefined ? [] : [{ ...table, dataset }];
    });
  }

  async #datasets(
    session: Session,
    tables: readonly TableInfo[],
    parent: BackupContents | undefined,
    signal: AbortSignal,
  ): Promise<readonly DatasetPlan[]> {
    const datasets: DatasetPlan[] = [];
    for (const table of tables.filter((one) => !isRowless(one))) {
      const before = boundsOf(parent?.datasets ?? this.#like ?? [], table);
      const { partitionBytes } = this.#options;
      const bounds = await chooseBounds(session, table, { before, partitionBytes }, signal);
      datasets.push(tableDataset(table, bounds));
    }
    return datasets;
  }
}

/** What the manifest says of how the moment was held still. */
const HOW: Readonly<Record<Rung, string>> = {
  binlog: 'read by several sessions that began at this place of the binary log',
  flush: 'read by several sessions that began under FLUSH TABLES WITH READ LOCK',
  lock: 'read by several sessions that began under LOCK TABLES … READ',
  single: 'read by one session',
};

/** Those of the same table in an earlier backup, if they are of the same column. */
function boundsOf(datasets: readonly StoredDataset[], { dataset, key }: TableInfo): readonly string[] {
  const stored = datasets.find(({ name }) => name === dataset);
  if (!stored || !isTableAttributes(stored.attributes)) return [];
  const { order, bounds } = stored.attributes;
  return order[0] === key[0] ? bounds : [];
}

/** @throws E_SOURCE_CHANGED if tables came, went or were altered while the sessions began */
function checkSame(before: readonly TableInfo[], after: readonly TableInfo[]): void {
  const describe = ({ name, created, columns, key }: TableInfo) =>
    JSON.stringify([name, created, columns.map((column) => [column.name, column.type]), key]);
  const known = new Set(before.map(describe));
  const changed = after.filter((table) => !known.has(describe(table))).map(({ name }) => name);
  const names = new Set(after.map(({ name }) => name));
  changed.push(...before.filter(({ name }) => !names.has(name)).map(({ name }) => name));
  if (changed.length === 0) return;
  throw new HoldfastError(
    'E_SOURCE_CHANGED',
    `tables were altered while the backup began: ${changed.join(', ')}`,
    {
      hint: 'Run it again when no migration is running.',
    },
  );
}

function checkNotEmpty(schema: readonly SchemaObject[]): void {
  if (schema.some(({ type }) => type !== 'database')) return;
  throw new HoldfastError('E_EMPTY_READ', 'the database has no tables and nothing else to back up', {
    hint: 'Check the database name in the connection settings.',
  });
}

function tableDataset(table: TableInfo, bounds: readonly string[]): DatasetPlan {
  const columns = valueColumns(table);
  const attributes: TableAttributes = {
    role: 'table',
    table: table.name,
    engine: table.engine,
    columns,
    // Of a row with history, the key is there once for each moment at which it changed.
    order:
      table.isVersioned && table.key.length > 0
        ? [...new Set([...table.key, table.periodColumns.at(-1) ?? 'row_end'])]
        : table.key,
    isVersioned: table.isVersioned,
    bounds,
  };
  return {
    name: table.dataset,
    kind: 'data',
    attributes,
    partitions: planPartitions(bounds, table.bytes),
  };
}

function schemaDataset({ rung }: Moment, database: string): DatasetPlan {
  const attributes: JsonObject = { role: 'schema', database, snapshot: rung };
  return {
    name: SCHEMA,
    kind: 'schema',
    attributes,
    partitions: [{ name: WHOLE, estimatedBytes: 64 * KiB }],
  };
}

const USERS_DATASET: DatasetPlan = {
  name: USERS,
  kind: 'schema',
  attributes: { role: 'users' },
  partitions: [{ name: WHOLE, estimatedBytes: 16 * KiB }],
};

function listOmitted(
  tables: readonly TableInfo[],
  schema: readonly SchemaObject[],
  users: Accounts | undefined,
): readonly string[] {
  return [
    users
      ? 'settings of the server: they belong to the server, not to a database'
      : 'users, their rights and passwords, and settings of the server: they belong to the server, not to a database',
    ...(users?.ignored ?? []).map(
      (user) => `the user ${user}: the server takes no notice of it (skip_name_resolve)`,
    ),
    ...tables
      .filter(isRowless)
      .map(({ name, engine }) => `rows of ${displayName(name)}: a table of ${engine} keeps none of its own`),
    ...schema
      .filter(({ broken }) => broken !== undefined)
      .map(({ name, broken }) => `a working view ${name}: the server cannot open it (${broken})`),
  ];
}

function warningsOf(tables: readonly TableInfo[], { rung, sessions }: Moment): readonly string[] {
  const loose = tables.filter((table) => !isTransactional(table) && !isRowless(table));
  const engines = [...new Set(loose.map(({ engine }) => engine))].join(', ');
  return [
    ...(loose.length === 0
      ? []
      : [
          `${loose.map(({ name }) => displayName(name)).join(', ')}: tables of ${engines} have no snapshots; each is read in one go, not at the moment of the others`,
        ]),
    ...(rung === 'single' && sessions.length === 1
      ? [
          'the backup reads by one session: neither the binary log nor a lock could bring several to one moment',
        ]
      : []),
  ];
}
