import { createHash } from 'node:crypto';
import type { Session } from '../connection/connection.ts';
import { displayName, quoteName } from '../text/identifiers.ts';

/** What a database holds, as far as a stream of changes depends on it. */
export interface Definitions {
  /** Names of datasets whose changes are in the log. */
  readonly datasets: readonly string[];
  /** Of columns, keys and engines. */
  readonly fingerprint: string;
  /** By name, what comes next. */
  readonly sequences: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

const TABLES = `
  SELECT TABLE_NAME AS name, TABLE_TYPE AS type, ENGINE AS engine FROM information_schema.TABLES
   WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')
   ORDER BY CAST(TABLE_NAME AS BINARY)`;
const COLUMNS = `
  SELECT TABLE_NAME AS a, COLUMN_NAME AS b, COLUMN_TYPE AS c, COLLATION_NAME AS d, IS_NULLABLE AS e, COLUMN_DEFAULT AS f, EXTRA AS g
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY CAST(TABLE_NAME AS BINARY), ORDINAL_POSITION`;
const KEYS = `
  SELECT TABLE_NAME AS a, INDEX_NAME AS b, COLUMN_NAME AS c, NON_UNIQUE AS d, SUB_PART AS e
    FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()
   ORDER BY CAST(TABLE_NAME AS BINARY), INDEX_NAME, SEQ_IN_INDEX`;

/** Engines whose changes a snapshot and the log agree on. */
const TRANSACTIONAL = /^(innodb|rocksdb|tokudb)$/i;
/** Engines that keep no rows of their own. */
const ROWLESS = /^(blackhole|federated|federatedx|connect|mrg_myisam|merge|spider|s3)$/i;

/** Table as the server lists it. */
type TableRow = { readonly name: string; readonly type: string; readonly engine: string | null };

/** @throws E_SOURCE_* */
export async function readDefinitions(session: Session, signal: AbortSignal): Promise<Definitions> {
  const all = await session.query<TableRow>(TABLES, signal);
  const tables = all.filter(({ type }) => type !== 'SEQUENCE');
  const hash = createHash('sha256');
  const add = (row: object) => hash.update(`${JSON.stringify(Object.values(row))}\n`);
  for (const row of all) add(row);
  for (const sql of [COLUMNS, KEYS]) for (const row of await session.query(sql, signal)) add(row);
  const sequences: Record<string, string> = {};
  for (const { name } of all.filter(({ type }) => type === 'SEQUENCE')) {
    const [row] = await session.query<{ next: string }>(
      `SELECT next_not_cached_value AS next FROM ${quoteName(name)}`,
      signal,
      { object: name },
    );
    if (row) sequences[name] = row.next;
  }
  const loose = tables.filter(isLoose);
  return {
    datasets: tables
      .filter((one) => TRANSACTIONAL.test(one.engine ?? ''))
      .map(({ name }) => displayName(name)),
    fingerprint: hash.digest('hex'),
    sequences,
    warnings: loose.map(looseWarning),
  };
}

/** Engines of tables whose rows no snapshot holds still, by the names of these. @throws E_SOURCE_* */
export async function looseTables(
  session: Session,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const all = await session.query<TableRow>(TABLES, signal);
  return new Map(
    all
      .filter((one) => one.type !== 'SEQUENCE' && isLoose(one))
      .map(({ name, engine }) => [name, engine ?? '']),
  );
}

function isLoose({ engine }: TableRow): boolean {
  return engine !== null && !TRANSACTIONAL.test(engine) && !ROWLESS.test(engine);
}

export function looseWarning({ name, engine }: Pick<TableRow, 'name' | 'engine'>): string {
  return `${displayName(name)} is a ${engine} table, which has no snapshots: a restore to a moment has its rows as in the backup. ALTER TABLE ${quoteName(name)} ENGINE=InnoDB covers it.`;
}
