import type pg from 'pg';
import { isHoldfastError } from '../../../core/errors.ts';
import { parallel } from '../../../core/parallel.ts';
import type { BackupContents, StoredDataset, StoredPartition } from '../../contents.ts';
import { disconnect, query } from '../connection/connection.ts';
import type { PostgresOptions } from '../connection/options.ts';
import type { calendarSettings } from '../connection/session-settings.ts';
import { copyIn } from '../copy/copy-in.ts';
import { isTableAttributes, type TableAttributes } from '../datasets/attributes.ts';
import { asLost } from '../errors.ts';
import { openSession } from '../snapshot/session.ts';
import { copyRows, parseCopyRow } from '../text/copy-text.ts';
import { displayName, quoteIdent, quoteQualified } from '../text/identifiers.ts';
import { goOn, isOfObject, type OnFailure } from './failures.ts';
import { largeObjectPieceSql, largeObjectSql, sequenceValueSql } from './large-objects.ts';
import { orderByKeys, type RowStep } from './order.ts';
import { readDataset, withRole } from './text.ts';

/** Statements sent at once if there are many small ones. */
const BATCH_CHARACTERS = 256 * 1024;

/** How rows are written. */
export interface RestoreDataOptions {
  readonly sessions: WriteSessions;
  readonly jobs: number;
  readonly replace: boolean;
  readonly noOwner: boolean;
  readonly noPrivileges: boolean;
  /** Whether a sequence (schema, name) is to get its value. */
  readonly isWanted: (schema: string, name: string) => boolean;
  readonly onBytes: (bytes: number) => void;
  readonly onTable: (dataset: StoredDataset) => void;
  /** Called with what could not be written, if other rows are. Undefined: the first is thrown. */
  readonly onFailure?: OnFailure;
  readonly signal: AbortSignal;
}

/** Puts rows into the tables, several partitions at once, then sequence values and large objects. */
export async function restoreData(
  contents: BackupContents,
  datasets: readonly StoredDataset[],
  options: RestoreDataOptions,
): Promise<void> {
  const { sessions } = options;
  for (const step of orderByKeys(datasets)) {
    if (step.linked) await copyLinked(contents, step.datasets, step.linked, options);
    else await copyApart(contents, step.datasets, options);
  }
  for (const dataset of datasets) options.onTable(dataset);
  await sessions.use((client) => restoreOthers(client, contents, datasets, options));
}

/** Several partitions at once, each in a transaction of its own. */
async function copyApart(
  contents: BackupContents,
  datasets: readonly StoredDataset[],
  options: RestoreDataOptions,
): Promise<void> {
  const { jobs, signal, sessions } = options;
  const parts = partsOf(datasets).toSorted((a, b) => b.partition.plainBytes - a.partition.plainBytes);
  await parallel(parts, { most: jobs, signal }, (part, stopping) => {
    const copy = (client: pg.Client) =>
      copyPartition(client, contents, { ...options, ...part, signal: stopping });
    const { name } = part.dataset;
    return goOn({ object: name, dataset: name }, () => sessions.use(copy), options.onFailure);
  });
}

async function copyLinked(
  contents: BackupContents,
  datasets: readonly StoredDataset[],
  { before, after }: NonNullable<RowStep['linked']>,
  options: RestoreDataOptions,
): Promise<void> {
  const { sessions, signal } = options;
  const object = datasets.map(({ name }) => name).join(', ');
  const copy = async (client: pg.Client) => {
    await query(client, before, signal, { object });
    for (const part of partsOf(datasets)) await copyPartition(client, contents, { ...options, ...part });
    await query(client, after, signal, { object });
  };
  await goOn(
    { object },
    () => sessions.use(copy),
    options.onFailure &&
      ((failure) => {
        for (const { name } of datasets) options.onFailure?.({ ...failure, dataset: name });
      }),
  );
}

/** Where there are rows. */
function partsOf(datasets: readonly StoredDataset[]) {
  return datasets
    .filter(({ attributes }) => isTableAttributes(attributes))
    .flatMap((dataset) => dataset.partitions.map((partition) => ({ dataset, partition })))
    .filter(({ partition }) => partition.plainBytes > 0);
}

async function copyPartition(
  client: pg.Client,
  contents: BackupContents,
  options: RestoreDataOptions & { readonly dataset: StoredDataset; readonly partition: StoredPartition },
): Promise<void> {
  const { dataset, partition, signal, onBytes } = options;
  const records = contents.read(dataset, partition, signal);
  const sql = copyInSql(dataset.attributes as TableAttributes);
  await copyIn(client, sql, records, { object: dataset.name, signal, onBytes });
}

function copyInSql({ schema, table, columns }: TableAttributes): string {
  const names = columns.map(({ name }) => quoteIdent(name)).join(', ');
  return `COPY ${quoteQualified(schema, table)}${names && ` (${names})`} FROM STDIN`;
}

async function restoreOthers(
  client: pg.Client,
  contents: BackupContents,
  datasets: readonly StoredDataset[],
  options: RestoreDataOptions,
): Promise<void> {
  const each = async (
    role: 'sequences' | 'large-objects' | 'large-object-data',
    toSql: (row: readonly (string | undefined)[]) => string,
    nameOf: (row: readonly (string | undefined)[]) => string = ([oid]) => `large object ${oid}`,
  ) => {
    for (const dataset of withRole(datasets, role)) {
      const rows = copyRows(readDataset(contents, dataset, options.signal));
      await runBatches(client, rows, (row) => ({ sql: toSql(row), object: nameOf(row) }), {
        ...options,
        dataset: dataset.name,
      });
    }
  };
  await each(
    'sequences',
    (row) => (options.isWanted(row[0] ?? '', row[1] ?? '') ? sequenceValueSql(row) : ''),
    ([schema = '', name = '']) => `SEQUENCE ${displayName(schema, name)}`,
  );
  await each('large-objects', (row) => largeObjectSql(row, options));
  await each('large-object-data', largeObjectPieceSql);
}

interface Statement {
  readonly sql: string;
  /** What it writes. */
  readonly object: string;
}

type BatchOptions = Pick<RestoreDataOptions, 'onFailure' | 'signal'> & { readonly dataset: string };

async function runBatches(
  client: pg.Client,
  rows: AsyncIterable<string>,
  toStatement: (row: readonly (string | undefined)[]) => Statement,
  options: BatchOptions,
): Promise<void> {
  let batch: Statement[] = [];
  let characters = 0;
  for await (const row of rows) {
    const statement = toStatement(parseCopyRow(row));
    if (statement.sql === '') continue;
    batch.push(statement);
    characters += statement.sql.length;
    if (characters < BATCH_CHARACTERS) continue;
    await runBatch(client, batch, options);
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) await runBatch(client, batch, options);
}

/** All of them at once; if one fails none was done, and each is run on its own. */
async function runBatch(
  client: pg.Client,
  batch: readonly Statement[],
  options: BatchOptions,
): Promise<void> {
  const { onFailure, signal, dataset } = options;
  try {
    await query(client, batch.map(({ sql }) => sql).join(''), signal, { object: dataset });
  } catch (error) {
    if (!onFailure || !isOfObject(error)) throw error;
    for (const { sql, object } of batch)
      await goOn({ object, dataset }, () => query(client, sql, signal, { object }), onFailure);
  }
}

/** Sessions of a restore, made as they are needed, used by one at a time. */
export class WriteSessions implements AsyncDisposable {
  readonly #options: PostgresOptions;
  readonly #calendar: Calendar;
  readonly #signal: AbortSignal;
  readonly #idle: pg.Client[] = [];
  readonly #all: pg.Client[] = [];

  /** @param calendar the source's, if it is known (session-settings.ts) */
  constructor(options: PostgresOptions, calendar: Calendar, signal: AbortSignal) {
    this.#options = options;
    this.#calendar = calendar;
    this.#signal = signal;
  }

  async use<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = this.#idle.pop() ?? (await this.#open());
    const result = await work(client);
    this.#idle.push(client);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map(disconnect));
  }

  async #open(): Promise<pg.Client> {
    const isFirst = this.#all.length === 0;
    const client = await openSession(this.#options, this.#signal, { use: 'write' }).catch(
      (error: unknown) => {
        throw isFirst ? error : asLost(error);
      },
    );
    this.#all.push(client);
    await query(client, 'SET synchronous_commit = off', this.#signal);
    await useCalendar(client, this.#calendar, this.#signal);
    return client;
  }
}

type Calendar = ReturnType<typeof calendarSettings>;

/** A time zone that this server does not know is passed over: the target's own holds then. */
async function useCalendar(client: pg.Client, calendar: Calendar, signal: AbortSignal): Promise<void> {
  for (const [name, value] of Object.entries(calendar)) {
    await query(client, 'SELECT pg_catalog.set_config($1, $2, false)', signal, {
      values: [name, value],
    }).catch((error: unknown) => {
      if (!isHoldfastError(error) || error.details['sqlState'] !== '22023') throw error;
    });
  }
}
