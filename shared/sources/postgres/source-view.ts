import type pg from 'pg';
import { throwIfAborted } from '../../core/abort.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { DatasetPlan, PartitionPlan, SourceView } from '../source.ts';
import { query } from './connection.ts';
import { copyOut } from './copy-out.ts';
import type { Inventory } from './datasets.ts';
import type { TableInfo } from './datasets-tables.ts';
import { quoteIdent, quoteQualified } from './identifiers.ts';
import { LARGE_OBJECT_DATA_COPY, LARGE_OBJECTS_COPY } from './large-objects.ts';
import type { PostgresOptions } from './options.ts';
import { partitionCondition } from './partitions.ts';
import { dumpSchema } from './schema-dump.ts';
import { sequenceCopies } from './sequences.ts';
import type { Snapshot } from './snapshot.ts';
import { SnapshotReaders } from './snapshot-readers.ts';

export interface ViewContents extends Inventory {
  readonly omitted: readonly string[];
  readonly pagesPerPartition: number;
}

/** A statement whose answer is records. */
interface Copy {
  readonly sql: string;
  readonly object: string;
  readonly table?: TableInfo;
}

export class PostgresView implements SourceView {
  readonly position: string;
  readonly server: string;
  readonly datasets: readonly DatasetPlan[];
  readonly omitted: readonly string[];
  readonly #options: PostgresOptions;
  readonly #snapshot: Snapshot;
  readonly #contents: ViewContents;
  readonly #readers: SnapshotReaders;

  constructor(options: PostgresOptions, snapshot: Snapshot, contents: ViewContents) {
    this.position = snapshot.position;
    this.server = `PostgreSQL ${snapshot.shownVersion}`;
    this.datasets = contents.datasets;
    this.omitted = contents.omitted;
    this.#options = options;
    this.#snapshot = snapshot;
    this.#contents = contents;
    this.#readers = new SnapshotReaders(options, snapshot.id);
  }

  async *read(
    dataset: DatasetPlan,
    partition: PartitionPlan,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, void> {
    throwIfAborted(signal);
    const role = dataset.attributes['role'];
    if (role === 'pre-data' || role === 'post-data' || role === 'database')
      yield await dumpSchema(this.#options, role, this.#snapshot, signal);
    else for (const copy of this.#copies(dataset, partition)) yield* this.#copy(copy, signal);
    // Only now is it sure that no table was dropped or truncated under the read.
    await this.#snapshot.check(signal);
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.#snapshot.check(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#readers[Symbol.asyncDispose]();
    await this.#snapshot[Symbol.asyncDispose]();
  }

  async *#copy({ sql, object, table }: Copy, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const client = await this.#readers.acquire(signal);
    try {
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
        return [{ sql: LARGE_OBJECT_DATA_COPY, object }];
      default:
        return [this.#tableCopy(dataset, partition)];
    }
  }

  #tableCopy({ name, partitions }: DatasetPlan, partition: PartitionPlan): Copy {
    const table = this.#contents.tables.get(name);
    if (table === undefined) throw new HoldfastError('E_NO_DATASET', `the database has no table ${name}`);
    const place = quoteQualified(table.schema, table.name);
    const columns = table.columns.map((column) => quoteIdent(column.name)).join(', ');
    const pages = partitionCondition(partition.name, partitions.length, this.#contents.pagesPerPartition);
    const where = pages === '' ? table.condition : `WHERE ${pages}`;
    const sql =
      where === ''
        ? `COPY ${place}${columns && ` (${columns})`} TO STDOUT`
        : `COPY (SELECT ${columns} FROM ONLY ${place} ${where}) TO STDOUT`;
    return { sql, object: name, table };
  }
}

/** @throws E_SOURCE_CHANGED when the name now means another table, which a lock does not prevent */
async function checkSame(
  client: pg.Client,
  table: TableInfo,
  object: string,
  signal: AbortSignal,
): Promise<void> {
  const [row] = await query<{ oid: string }>(
    client,
    'SELECT pg_catalog.to_regclass($1)::oid::text AS oid',
    signal,
    { values: [quoteQualified(table.schema, table.name)], object },
  );
  if (row?.oid !== table.oid)
    throw new HoldfastError('E_SOURCE_CHANGED', `${object} is another table now: its schema was renamed`);
}
