import { throwIfAborted } from '../../core/abort.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { withColumnsLike } from '../column-order.ts';
import type { BackupContents, StoredDataset } from '../contents.ts';
import type {
  Consistency,
  DatasetPlan,
  OpenOptions,
  SharedView,
  Source,
  SourceCapabilities,
  SourceView,
  ViewSharing,
} from '../source.ts';
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
import { isTableAttributes } from './datasets/attributes.ts';
import { chooseBounds } from './datasets/partitions.ts';
import { boundsOf, listOmitted, schemaDataset, tableDataset, USERS_DATASET } from './datasets/planned.ts';
import { changedTables, checkDigest, checkSame, digestOf } from './datasets/same-tables.ts';
import { isRowless, isTransactional, listTables, type TableInfo } from './datasets/tables.ts';
import type { SchemaObject } from './schema/objects.ts';
import { readSchema } from './schema/read.ts';
import { SessionPool } from './snapshot/session-pool.ts';
import { type Moment, openMoment, type Rung } from './snapshot/snapshot.ts';
import { MysqlView } from './snapshot/source-view.ts';
import { displayName } from './text/identifiers.ts';
import { readAccounts } from './users/accounts.ts';

/** @throws E_CONFIG listing every problem */
export function openMysqlSource(url: string, options: AdapterOptions, env: Environment): MysqlSource {
  return new MysqlSource(parseMysqlOptions(url, options, env));
}

/** How often a backup begins again because a table was altered while it began. */
const ATTEMPTS = 3;

/** A database of MySQL or MariaDB, read as at one moment. */
export class MysqlSource implements Source, ViewSharing {
  readonly kind = 'mysql';
  readonly name: string;
  readonly capabilities: SourceCapabilities;
  readonly sharing: ViewSharing | undefined;
  readonly isGathered = true;
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
    this.sharing = options.snapshot === 'single' ? undefined : this;
    this.capabilities = { consistency: 'per-dataset', maxReaders: options.readers, joinsChanges: true };
  }

  async open(signal: AbortSignal, options: OpenOptions = {}): Promise<SourceView> {
    throwIfAborted(signal);
    databaseOf(this.#options);
    for (let attempt = 1; ; attempt++) {
      try {
        return await (options.isForOthers ? this.#plan(signal, options) : this.#openOnce(signal, options));
      } catch (error) {
        if (attempt === ATTEMPTS || !isHoldfastError(error, 'E_SOURCE_CHANGED')) throw error;
      }
    }
  }

  async #openOnce(signal: AbortSignal, options: OpenOptions): Promise<SourceView> {
    const { onWarning } = options;
    const database = databaseOf(this.#options);
    const before = await this.#look(signal, async (session) => {
      const grants = await readGrants(session, database, signal);
      if (this.#like === undefined) checkGrants(grants, database);
      const tables = await this.#tables(session, signal);
      const begin = options.isBase
        ? await (await bases()).beginBase(session, this.#options, signal)
        : undefined;
      return { grants, tables, begin };
    });
    const moment = await openMoment({
      options: this.#options,
      grants: before.grants,
      tables: before.tables.map(({ name }) => name),
      signal,
    });
    const pool = new SessionPool(moment.sessions);
    try {
      const joined =
        before.begin && (await (await bases()).joinOf(before.begin, moment, this.#options, signal));
      if (joined && 'why' in joined) onWarning?.(`changes cannot be applied to this backup: ${joined.why}`);
      const session = await pool.acquire(signal);
      const tables = await this.#tables(session, signal);
      checkSame(before.tables, tables);
      await session.query('SAVEPOINT reading', signal);
      const { schema, users, ...planned } = await this.#inventory(
        session,
        tables,
        { ...options, rung: moment.rung },
        signal,
      );
      await session.query('ROLLBACK TO SAVEPOINT reading', signal);
      pool.release(session);
      for (const other of moment.sessions.filter((one) => one !== session))
        await other.query('SAVEPOINT reading', signal);
      for (const message of warningsOf(tables, moment)) onWarning?.(message);
      const { join, position: exact = moment.position } =
        joined && 'join' in joined ? joined : { join: undefined };
      return new MysqlView(pool, {
        ...planned,
        position: `${exact}, ${HOW[moment.rung]}`,
        join,
        schema: async () => schema,
        users: async () => users?.accounts ?? [],
      });
    } catch (error) {
      await pool[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Looks around for others, who read. */
  async #plan(signal: AbortSignal, options: OpenOptions): Promise<SourceView> {
    const database = databaseOf(this.#options);
    const control = await openSession(this.#options, signal);
    try {
      const grants = await readGrants(control, database, signal);
      checkGrants(grants, database);
      const tables = await this.#tables(control, signal);
      const { schema: _, users: __, ...planned } = await this.#inventory(control, tables, options, signal);
      const loose = warningOfEngines(tables);
      if (loose !== undefined) options.onWarning?.(loose);
      if (options.isBase)
        options.onWarning?.(
          'changes cannot be applied to this backup: several processes read it, and none knows its place in the log',
        );
      const { GatheringView } = await import('./sharing.ts');
      return await GatheringView.open(planned, control, {
        options: this.#options,
        grants,
        tables: tables.map(({ name }) => name),
        digest: digestOf(tables),
        changed: async () => changedTables(tables, await this.#tables(control, signal)),
        signal,
      });
    } catch (error) {
      await control.close();
      throw error;
    }
  }

  /** What another process planned, read here at the moment of all shares. */
  async join(shared: SharedView, signal: AbortSignal, share = 0): Promise<SourceView> {
    throwIfAborted(signal);
    const { decodePlace, joinMoment } = await import('./sharing.ts');
    const place = decodePlace(shared.handle);
    const pool = new SessionPool(await joinMoment(this.#options, { place, share, signal }));
    return new MysqlView(pool, {
      ...shared,
      schema: async (session, stopping) => {
        const schema = await readSchema(session, place.tables, stopping);
        const now = await this.#tables(session, stopping);
        // What is altered while the definitions are read must not go with rows of before.
        checkDigest(
          now.filter(({ name }) => place.tables.includes(name)),
          place.digest,
        );
        return schema;
      },
      users: async (session, stopping) => (await readAccounts(session, stopping)).accounts,
    });
  }

  async #inventory(
    session: Session,
    tables: readonly TableInfo[],
    { parent, allowEmpty = false, rung }: OpenOptions & { readonly rung?: Rung },
    signal: AbortSignal,
  ) {
    const names = tables.map(({ name }) => name);
    const isWhole = this.#like === undefined;
    const schema = isWhole ? await readSchema(session, names, signal) : [];
    // What is altered while the definitions are read must not go with rows of before.
    if (isWhole) checkSame(tables, await this.#tables(session, signal));
    const users = isWhole && this.#options.hasUsers ? await readAccounts(session, signal) : undefined;
    const datasets = await this.#datasets(session, tables, parent, signal);
    if (!allowEmpty && isWhole) checkNotEmpty(schema);
    const isAtomic = tables.every((table) => isTransactional(table) || isRowless(table));
    const consistency: Consistency = isAtomic ? 'atomic' : 'per-dataset';
    return {
      server: await serverTitle(session, signal),
      consistency,
      datasets: [
        ...(isWhole ? [schemaDataset(rung, databaseOf(this.#options))] : []),
        ...(users ? [USERS_DATASET] : []),
        ...withColumnsLike(datasets, this.#like ?? [], isTableAttributes),
      ],
      omitted: listOmitted(tables, schema, users),
      schema,
      users,
    };
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

/** Loaded for backups that changes are to be applied to. */
const bases = () => import('./changes/base-join.ts');

/** What the manifest says of how the moment was held still. */
const HOW: Readonly<Record<Rung, string>> = {
  binlog: 'read by several sessions that began at this place of the binary log',
  flush: 'read by several sessions that began under FLUSH TABLES WITH READ LOCK',
  lock: 'read by several sessions that began under LOCK TABLES … READ',
  single: 'read by one session',
};

function checkNotEmpty(schema: readonly SchemaObject[]): void {
  if (schema.some(({ type }) => type !== 'database')) return;
  throw new HoldfastError('E_EMPTY_READ', 'the database has no tables and nothing else to back up', {
    hint: 'Check the database name in the connection settings.',
  });
}

function warningsOf(tables: readonly TableInfo[], { rung, sessions }: Moment): readonly string[] {
  const loose = warningOfEngines(tables);
  return [
    ...(loose === undefined ? [] : [loose]),
    ...(rung === 'single' && sessions.length === 1
      ? [
          'the backup reads by one session: neither the binary log nor a lock could bring several to one moment',
        ]
      : []),
  ];
}

function warningOfEngines(tables: readonly TableInfo[]): string | undefined {
  const loose = tables.filter((table) => !isTransactional(table) && !isRowless(table));
  if (loose.length === 0) return undefined;
  const engines = [...new Set(loose.map(({ engine }) => engine))].join(', ');
  return `${loose.map(({ name }) => displayName(name)).join(', ')}: tables of ${engines} have no snapshots; each is read in one go, not at the moment of the others`;
}
