import type pg from 'pg';
import { throwIfAborted } from '../../../core/abort.ts';
import { HoldfastError } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { ChangeJoin } from '../../changes.ts';
import type { DatasetPlan, PartitionPlan, SourceView } from '../../source.ts';
import { interrupt, query } from '../connection/connection.ts';
import type { PostgresOptions } from '../connection/options.ts';
import { copyOut } from '../copy/copy-out.ts';
import type { TableAttributes } from '../datasets/attributes.ts';
import { LARGE_OBJECTS_COPY, largeObjectDataCopy } from '../datasets/large-objects.ts';
import { partitionCondition } from '../datasets/partitions.ts';
import { type SequenceInfo, sequenceCopies } from '../datasets/sequences.ts';
import { dumpSchema, type SchemaRole } from '../pg-dump/schema-dump.ts';
import { readRoles } from '../roles/roles.ts';
import { quoteIdent, quoteQualified } from '../text/identifiers.ts';
import { checkNothingDropped } from './changes.ts';
import { encodeHandle } from './handle.ts';
import { lockToRead } from './lock-to-read.ts';
import { SnapshotReaders } from './readers.ts';
import type { ServerVersion } from './session.ts';

/** What reading needs to know, beside the datasets' own attributes. */
export interface ViewContents {
  readonly datasets: readonly DatasetPlan[];
  readonly omitted: readonly string[];
  readonly pagesPerPartition: number;
  /** Large objects that may not be read are passed over. */
  readonly isPart?: boolean;
  readonly sequences: readonly Pick<SequenceInfo, 'schema' | 'name'>[];
  /** Ids of tables by the name of their dataset. */
  readonly tableIds: ReadonlyMap<string, string>;
  /** Of a base of continuous backup. */
  readonly join?: ChangeJoin | undefined;
}

/** The snapshot as the view needs it: its own transaction, or one that another process holds. */
export interface ViewSnapshot extends AsyncDisposable {
  readonly id: string;
  readonly version: ServerVersion;
  readonly position: string;
  readonly server: string;
  /** @throws E_SOURCE_LOST */
  check(signal: AbortSignal): Promise<void>;
  /** @throws E_SOURCE_CHANGED if values of enums were renamed meanwhile */
  checkEnums(signal: AbortSignal): Promise<void>;
}

/** A statement whose answer is records. */
interface Copy {
  readonly sql: string;
  readonly object: string;
  readonly table?: { readonly id: string; readonly place: string };
}

/** What a transaction of its own sees of a database. */
export class PostgresView implements SourceView {
  readonly position: string;
  readonly server: string;
  readonly datasets: readonly DatasetPlan[];
  readonly omitted: readonly string[];
  readonly join: ChangeJoin | undefined;
  readonly #options: PostgresOptions;
  readonly #snapshot: ViewSnapshot;
  readonly #contents: ViewContents;
  readonly #readers: SnapshotReaders;

  constructor(options: PostgresOptions, snapshot: ViewSnapshot, contents: ViewContents) {
    this.position = snapshot.position;
    this.server = snapshot.server;
    this.datasets = contents.datasets;
    this.omitted = contents.omitted;
    this.join = contents.join;
    this.#options = options;
    this.#snapshot = snapshot;
    this.#contents = contents;
    this.#readers = new SnapshotReaders(options, snapshot.id);
  }

  get handle(): JsonObject {
    const { id, version } = this.#snapshot;
    const { pagesPerPartition, sequences, tableIds } = this.#contents;
    return encodeHandle({ id, version, pagesPerPartition, sequences, tableIds });
  }

  async *read(
    dataset: DatasetPlan,
    partition: PartitionPlan,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, void> {
    throwIfAborted(signal);
    const role = dataset.attributes['role'];
    if (role === 'pre-data' || role === 'post-data' || role === 'database')
      yield await this.#dump(role, signal);
    else if (role === 'roles') yield await this.#roles(signal);
    else for (const copy of this.#copies(dataset, partition)) yield* this.#copy(copy, signal);
    // Only now is it sure that no table was dropped or truncated under the read.
    await this.#snapshot.check(signal);
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.#snapshot.check(signal);
    await this.#snapshot.checkEnums(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#readers[Symbol.asyncDispose]();
    await this.#snapshot[Symbol.asyncDispose]();
  }

  async #dump(role: SchemaRole, signal: AbortSignal): Promise<Uint8Array> {
    const dump = await dumpSchema(this.#options, role, this.#snapshot, signal);
    const { version } = this.#snapshot;
    await this.#inSnapshot((client) => checkNothingDropped(client, version, signal), signal);
    return dump;
  }

  #roles(signal: AbortSignal): Promise<Uint8Array> {
    const { version } = this.#snapshot;
    const passwords = this.#options.rolePasswords;
    return this.#inSnapshot((client) => readRoles(client, { version, passwords }, signal), signal);
  }

  async #inSnapshot<T>(work: (client: pg.Client) => Promise<T>, signal: AbortSignal): Promise<T> {
    const client = await this.#readers.acquire(signal);
    try {
      const result = await work(client);
      await this.#readers.unlock(client, signal);
      return result;
    } catch (error) {
      interrupt(client);
      throw error;
    } finally {
      this.#readers.release(client);
    }
  }

  async *#copy({ sql, object, table }: Copy, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const client = await this.#readers.acquire(signal);
    try {
      if (table !== undefined)
        await lockToRead(client, { place: table.place, object }, this.#options, signal);
      yield* copyOut(client, sql, signal, { object });
      if (table !== undefined) await checkSame(client, table, object, signal);
      await this.#readers.unlock(client, signal);
    } finally {
      this.#readers.release(client);
    }
  }

  #copies(dataset: DatasetPlan, partition: PartitionPlan): readonly Copy[] {
    const object = dataset.name;
    switch (dataset.attributes['role']) {
      case 'sequences':
        return sequenceCopies(this.#contents.sequences);
      case 'large-objects':
        return [{ sql: LARGE_OBJECTS_COPY, object }];
      case 'large-object-data':
        return [{ sql: largeObjectDataCopy(this.#contents.isPart === true), object }];
      default:
        return [this.#tableCopy(dataset, partition)];
    }
  }

  #tableCopy({ name, partitions, attributes }: DatasetPlan, partition: PartitionPlan): Copy {
    const id = this.#contents.tableIds.get(name);
    if (id === undefined) throw new HoldfastError('E_NO_DATASET', `the database has no table ${name}`);
    const { schema, table, columns: named, condition } = attributes as unknown as TableAttributes;
    const place = quoteQualified(schema, table);
    const columns = named.map((column) => quoteIdent(column.name)).join(', ');
    const pages = partitionCondition(partition.name, partitions.length, this.#contents.pagesPerPartition);
    const where = pages === '' ? condition : `WHERE ${pages}`;
    const sql =
      where === ''
        ? `COPY ${place}${columns && ` (${columns})`} TO STDOUT`
        : `COPY (SELECT ${columns} FROM ONLY ${place} ${where}) TO STDOUT`;
    return { sql, object: name, table: { id, place } };
  }
}

/** @throws E_SOURCE_CHANGED when the name now means another table, which a lock does not prevent */
async function checkSame(
  client: pg.Client,
  { id, place }: NonNullable<Copy['table']>,
  object: string,
  signal: AbortSignal,
): Promise<void> {
  const [row] = await query<{ oid: string }>(
    client,
    'SELECT pg_catalog.to_regclass($1)::oid::text AS oid',
    signal,
    { values: [place], object },
  );
  if (row?.oid !== id)
    throw new HoldfastError('E_SOURCE_CHANGED', `${object} is another table now: its schema was renamed`);
}
