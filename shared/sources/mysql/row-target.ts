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
import type { Session } from './connection/connection.ts';
import {
  type AdapterOptions,
  type Environment,
  type MysqlOptions,
  mysqlName,
  parseMysqlOptions,
} from './connection/options.ts';
import { openSession } from './connection/session-settings.ts';
import { isTableAttributes, type TableAttributes } from './datasets/attributes.ts';
import { type Staged, stageRows, standingOf } from './put-back/stage.ts';
import { findViolations } from './put-back/violations.ts';
import { readBack, writeRows } from './put-back/write.ts';
import { insertRows } from './rows/insert-rows.ts';
import { displayName, quoteName, quoteText } from './text/identifiers.ts';

/** @throws E_CONFIG listing every problem */
export function openMysqlRowTarget(url: string, options: AdapterOptions, env: Environment): RowTarget {
  return new MysqlRowTarget(parseMysqlOptions(url, options, env));
}

/** What a value does not fit into is an error; the rest as for restores (session-settings.ts). */
const STRICT = "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,STRICT_ALL_TABLES'";

/** Tables of MySQL or MariaDB, whose rows are put back by their key. */
class MysqlRowTarget implements RowTarget {
  readonly kind = 'mysql';
  readonly name: string;
  readonly #options: MysqlOptions;

  constructor(options: MysqlOptions) {
    this.#options = options;
    this.name = mysqlName(options);
  }

  async open({
    isDryRun,
    signal,
  }: {
    readonly isDryRun: boolean;
    readonly signal: AbortSignal;
  }): Promise<RowSession> {
    const session = await openSession(this.#options, signal, { use: 'write' });
    try {
      await session.query(STRICT, signal);
      if (session.isMariaDb) await session.query('SET SESSION check_constraint_checks = 1', signal);
      // What was looked at stays as it is until it is written: whatever is read is locked.
      if (!isDryRun) await session.query('SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE', signal);
      const mostBytes = await largestStatement(session, signal);
      await session.query('START TRANSACTION', signal);
      return new MysqlRowSession(session, mostBytes, signal);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  async writeBeside(
    { dataset, records }: RowsToRestore,
    { table, isDryRun, signal }: Parameters<RowTarget['writeBeside']>[1],
  ): Promise<StoredDataset> {
    const { attributes } = dataset;
    if (!isTableAttributes(attributes))
      throw new HoldfastError('E_ROWS_REFUSED', `${dataset.name} is no table`, { hint: 'Name a table.' });
    const name = displayName(table);
    const made = { ...attributes, table, order: [], bounds: [], isVersioned: false };
    const session = await openSession(this.#options, signal, { use: 'write' });
    try {
      await refuseExisting(session, table, signal);
      if (!isDryRun) await fill(session, made, records(), { object: name, signal });
      return { ...dataset, name, attributes: made };
    } finally {
      await session.close();
    }
  }
}

/** Makes the table and writes the rows; takes the table away again if that fails. */
async function fill(
  session: Session,
  made: TableAttributes,
  records: AsyncIterable<Uint8Array>,
  { object, signal }: { readonly object: string; readonly signal: AbortSignal },
): Promise<void> {
  const mostBytes = await largestStatement(session, signal);
  await session.query(besideSql(made), signal, { object });
  try {
    await insertRows(session, made, records, { object, mostBytes, signal, onBytes: () => {} });
  } catch (error) {
    if (session.isOpen) await session.query(`DROP TABLE ${quoteName(made.table)}`, signal);
    throw error;
  }
}

async function largestStatement(session: Session, signal: AbortSignal): Promise<number> {
  const [setting] = await session.query<{ most: string }>('SELECT @@max_allowed_packet AS most', signal);
  return Number(setting?.most);
}

async function refuseExisting(session: Session, table: string, signal: AbortSignal): Promise<void> {
  const found = await session.query(
    `SELECT 1 AS found FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${quoteText(table)}`,
    signal,
  );
  if (found.length === 0) return;
  throw new HoldfastError('E_TARGET_NOT_EMPTY', `the target has ${displayName(table)} already`, {
    hint: 'Give another name with --beside, or drop it first.',
  });
}

function besideSql({ table, columns }: TableAttributes): string {
  const parts = columns.map(({ name, type, charset }) => {
    const text = charset === null ? '' : ` CHARACTER SET ${charset}`;
    return `${quoteName(name)} ${type}${text} NULL`;
  });
  return `CREATE TABLE ${quoteName(table)} (${parts.join(', ')})`;
}

class MysqlRowSession implements RowSession {
  readonly #session: Session;
  readonly #mostBytes: number;
  readonly #signal: AbortSignal;
  readonly #staged: Staged[] = [];
  #tables = 0;

  constructor(session: Session, mostBytes: number, signal: AbortSignal) {
    this.#session = session;
    this.#mostBytes = mostBytes;
    this.#signal = signal;
  }

  async stage(rows: RowsToRestore): Promise<StagedRows> {
    const staged = await this.#bring(rows);
    this.#staged.push(staged);
    return staged.counts;
  }

  async compare(rows: RowsToRestore): Promise<RowsStanding> {
    return standingOf(this.#session, await this.#bring(rows), this.#signal);
  }

  #bring(rows: RowsToRestore): Promise<Staged> {
    const about = { number: this.#tables++, mostBytes: this.#mostBytes, signal: this.#signal };
    return stageRows(this.#session, rows, about);
  }

  violations(onConflict: OnConflict): Promise<readonly string[]> {
    return findViolations(this.#session, this.#staged, onConflict, this.#signal);
  }

  write(onConflict: OnConflict): Promise<void> {
    return writeRows(this.#session, this.#staged, onConflict, this.#signal);
  }

  unequal(onConflict: OnConflict): Promise<readonly string[]> {
    return readBack(this.#session, this.#staged, onConflict, this.#signal);
  }

  async commit(): Promise<void> {
    await this.#session.query('COMMIT', this.#signal);
  }

  /** The server undoes what is not committed, and drops the temporary tables. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.close();
  }
}
