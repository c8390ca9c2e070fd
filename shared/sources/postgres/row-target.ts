import type pg from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import type { StoredDataset } from '../contents.ts';
import type {
  OnConflict,
  RowSession,
  RowsStanding,
  RowsToRestore,
  RowTarget,
  StagedRows,
} from '../row-target.ts';
import { disconnect, query } from './connection/connection.ts';
import {
  type AdapterOptions,
  type Environment,
  type PostgresOptions,
  parsePostgresOptions,
  postgresName,
} from './connection/options.ts';
import { copyIn } from './copy/copy-in.ts';
import { isTableAttributes, type TableAttributes } from './datasets/attributes.ts';
import { type Staged, stageRows, standingOf } from './put-back/stage.ts';
import { findViolations } from './put-back/violations.ts';
import { readBack, writeRows } from './put-back/write.ts';
import { openSession } from './snapshot/session.ts';
import { displayName, quoteIdent, quoteQualified } from './text/identifiers.ts';

/** @throws E_CONFIG listing every problem */
export function openPostgresRowTarget(url: string, options: AdapterOptions, env: Environment): RowTarget {
  return new PostgresRowTarget(parsePostgresOptions(url, options, env));
}

/** Tables of PostgreSQL, whose rows are put back by primary key. */
class PostgresRowTarget implements RowTarget {
  readonly kind = 'postgres';
  readonly name: string;
  readonly #options: PostgresOptions;

  constructor(options: PostgresOptions) {
    this.#options = options;
    this.name = postgresName(options);
  }

  async open({ signal }: { readonly signal: AbortSignal }): Promise<RowSession> {
    const client = await openSession(this.#options, signal, { use: 'write' });
    try {
      await begin(client, signal);
      return new PostgresRowSession(client, signal);
    } catch (error) {
      await disconnect(client);
      throw error;
    }
  }

  async writeBeside(
    { dataset, key, records }: RowsToRestore,
    { table, isDryRun, signal }: Parameters<RowTarget['writeBeside']>[1],
  ): Promise<StoredDataset> {
    const { attributes } = dataset;
    if (!isTableAttributes(attributes))
      throw new HoldfastError('E_ROWS_REFUSED', `${dataset.name} is no table`, { hint: 'Name a table.' });
    const { schema } = attributes;
    const name = displayName(schema, table);
    const client = await openSession(this.#options, signal, { use: 'write' });
    try {
      await begin(client, signal);
      await refuseExisting(client, schema, table, signal);
      if (!isDryRun) {
        await query(client, besideSql(attributes, table, key), signal, { object: name });
        const list = attributes.columns.map((column) => quoteIdent(column.name)).join(', ');
        const sql = `COPY ${quoteQualified(schema, table)}${list && ` (${list})`} FROM STDIN`;
        await copyIn(client, sql, records(), { object: name, signal, onBytes: () => {} });
        await query(client, 'COMMIT', signal, { object: name });
      }
      return { ...dataset, name, attributes: { ...attributes, table } };
    } finally {
      await disconnect(client);
    }
  }
}

/** What is read and written is of one moment; if somebody else writes the same rows meanwhile, it fails. */
async function begin(client: pg.Client, signal: AbortSignal): Promise<void> {
  await query(client, 'BEGIN ISOLATION LEVEL REPEATABLE READ', signal);
  await query(client, "SET LOCAL IntervalStyle = 'postgres'", signal);
}

async function refuseExisting(
  client: pg.Client,
  schema: string,
  table: string,
  signal: AbortSignal,
): Promise<void> {
  const [found] = await query(
    client,
    'SELECT 1 FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)',
    signal,
    {
      values: [quoteQualified(schema, table)],
    },
  );
  if (!found) return;
  throw new HoldfastError('E_TARGET_NOT_EMPTY', `the target has ${displayName(schema, table)} already`, {
    hint: 'Give another name with --beside, or drop it first.',
  });
}

function besideSql({ schema, columns }: TableAttributes, table: string, key: readonly string[]): string {
  const parts = columns.map(({ name, type }) => `${quoteIdent(name)} ${type}`);
  const primary = key.length > 0 ? [`PRIMARY KEY (${key.map(quoteIdent).join(', ')})`] : [];
  return `CREATE TABLE ${quoteQualified(schema, table)} (${[...parts, ...primary].join(', ')})`;
}

class PostgresRowSession implements RowSession {
  readonly #client: pg.Client;
  readonly #signal: AbortSignal;
  readonly #staged: Staged[] = [];
  #tables = 0;

  constructor(client: pg.Client, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  async stage(rows: RowsToRestore): Promise<StagedRows> {
    const staged = await stageRows(this.#client, rows, this.#tables++, this.#signal);
    this.#staged.push(staged);
    return staged.counts;
  }

  async compare(rows: RowsToRestore): Promise<RowsStanding> {
    const staged = await stageRows(this.#client, rows, this.#tables++, this.#signal);
    return standingOf(this.#client, staged, this.#signal);
  }

  violations(onConflict: OnConflict): Promise<readonly string[]> {
    return findViolations(this.#client, this.#staged, onConflict, this.#signal);
  }

  write(onConflict: OnConflict): Promise<void> {
    return writeRows(this.#client, this.#staged, onConflict, this.#signal);
  }

  unequal(onConflict: OnConflict): Promise<readonly string[]> {
    return readBack(this.#client, this.#staged, onConflict, this.#signal);
  }

  async commit(): Promise<void> {
    await query(this.#client, 'COMMIT', this.#signal);
  }

  /** The server undoes what is not committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await disconnect(this.#client);
  }
}
