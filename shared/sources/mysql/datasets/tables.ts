import { HoldfastError } from '../../../core/errors.ts';
import type { Session } from '../connection/connection.ts';
import { displayName } from '../text/identifiers.ts';
import type { ColumnAttributes, ColumnClass } from './attributes.ts';

export interface ColumnInfo extends ColumnAttributes {
  /** Of SQL's types, such as `decimal`. */
  readonly dataType: string;
}

export interface TableInfo {
  readonly name: string;
  /** What its dataset is called. */
  readonly dataset: string;
  readonly engine: string;
  readonly isVersioned: boolean;
  /** When it was made or altered, as far as the server says. */
  readonly created: string;
  readonly bytes: number;
  readonly columns: readonly ColumnInfo[];
  /** Those of them that say from when to when a row was there. */
  readonly periodColumns: readonly string[];
  /** Columns of the primary key, or of a unique key without NULL; empty if there is none. */
  readonly key: readonly string[];
  readonly keyName: string;
}

/** Storage engines whose rows a snapshot holds still. */
const TRANSACTIONAL = new Set(['innodb', 'rocksdb', 'tokudb']);
/** Engines that keep no rows of their own. */
const ROWLESS = new Set([
  'blackhole',
  'federated',
  'federatedx',
  'connect',
  'mrg_myisam',
  'merge',
  'spider',
  's3',
]);

export function isTransactional({ engine }: Pick<TableInfo, 'engine'>): boolean {
  return TRANSACTIONAL.has(engine.toLowerCase());
}

/** Whether its rows lie elsewhere: in other tables, in files, on other servers, or nowhere. */
export function isRowless({ engine }: Pick<TableInfo, 'engine'>): boolean {
  return ROWLESS.has(engine.toLowerCase());
}

/** Tables with rows, without views and sequences, in the order of their names. @throws E_SOURCE_* */
export async function listTables(session: Session, signal: AbortSignal): Promise<readonly TableInfo[]> {
  const tables = await session.query<TableRow>(TABLES, signal);
  const columns = grouped(await session.query<ColumnRow>(COLUMNS, signal));
  const keys = grouped(await session.query<KeyRow>(KEYS, signal));
  const broken = tables.filter(({ engine }) => engine === null);
  if (broken.length > 0)
    throw new HoldfastError(
      'E_SOURCE_FAILED',
      `the server cannot open the tables ${broken.map(({ name }) => name).join(', ')}: ${broken[0]?.comment ?? ''}`,
      { hint: 'Repair or drop them: CHECK TABLE says what they have.' },
    );
  return tables.map(({ name, engine, created, bytes, type }) => {
    const isVersioned = type === 'SYSTEM VERSIONED';
    const all = columns.get(name) ?? [];
    return {
      name,
      dataset: displayName(name),
      engine: engine ?? '',
      isVersioned,
      created: created ?? '',
      bytes: Number(bytes ?? 0),
      columns: all.filter((column) => !isGenerated(column)).map(columnOf),
      periodColumns: all.filter(({ expression }) => isPeriod(expression)).map((column) => column.name),
      ...chooseKey(keys.get(name) ?? [], all),
    };
  });
}

type TableRow = {
  readonly name: string;
  readonly type: string;
  readonly engine: string | null;
  readonly created: string | null;
  readonly bytes: string | null;
  readonly comment: string | null;
};

const TABLES = `
  SELECT TABLE_NAME AS name, TABLE_TYPE AS type, ENGINE AS engine, CREATE_TIME AS created,
         DATA_LENGTH AS bytes, TABLE_COMMENT AS comment
    FROM information_schema.TABLES
   WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
   ORDER BY CAST(TABLE_NAME AS BINARY)`;

type ColumnRow = {
  readonly of: string;
  readonly name: string;
  readonly data: string;
  readonly type: string;
  readonly charset: string | null;
  readonly extra: string;
  readonly expression: string | null;
  readonly nullable: string;
};

const COLUMNS = `
  SELECT TABLE_NAME AS \`of\`, COLUMN_NAME AS name, DATA_TYPE AS data, COLUMN_TYPE AS type,
         CHARACTER_SET_NAME AS charset, EXTRA AS extra, GENERATION_EXPRESSION AS expression, IS_NULLABLE AS nullable
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION`;

type KeyRow = {
  readonly of: string;
  readonly key: string;
  readonly column: string | null;
  readonly part: string | null;
};

const KEYS = `
  SELECT TABLE_NAME AS \`of\`, INDEX_NAME AS \`key\`, COLUMN_NAME AS \`column\`, SUB_PART AS part
    FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND NON_UNIQUE = 0
   ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`;

function grouped<R extends { readonly of: string }>(rows: readonly R[]): ReadonlyMap<string, readonly R[]> {
  const groups = new Map<string, R[]>();
  for (const row of rows) {
    const group = groups.get(row.of);
    if (group) group.push(row);
    else groups.set(row.of, [row]);
  }
  return groups;
}

/** Columns that say from when to when a row was there count as values: see `isVersioned`. */
function isGenerated({ extra, expression }: ColumnRow): boolean {
  return /\b(VIRTUAL|STORED|PERSISTENT) GENERATED\b/i.test(extra) && !isPeriod(expression);
}

function isPeriod(expression: string | null): boolean {
  return expression === 'ROW START' || expression === 'ROW END';
}

function columnOf({ name, data, type, charset }: ColumnRow): ColumnInfo {
  return { name, type, dataType: data.toLowerCase(), charset, class: classOf(data.toLowerCase(), charset) };
}

const NUMBERS = /^(tinyint|smallint|mediumint|int|integer|bigint|decimal|numeric|float|double|real|year)$/;
const TIMES = /^(date|datetime|timestamp|time|inet4|inet6|uuid)$/;

function classOf(data: string, charset: string | null): ColumnClass {
  if (data === 'json') return 'json';
  if (charset !== null && charset !== 'binary') return 'text';
  if (NUMBERS.test(data)) return 'number';
  return TIMES.test(data) ? 'time' : 'binary';
}

/** The primary key; without one, a unique key whose columns are whole and never NULL. */
function chooseKey(
  rows: readonly KeyRow[],
  columns: readonly ColumnRow[],
): Pick<TableInfo, 'key' | 'keyName'> {
  const nullable = new Set(columns.filter((column) => column.nullable === 'YES').map(({ name }) => name));
  const names = [...new Set(rows.map(({ key }) => key))].toSorted(
    (a, b) => Number(b === 'PRIMARY') - Number(a === 'PRIMARY'),
  );
  for (const keyName of names) {
    const parts = rows.filter(({ key }) => key === keyName);
    const key = parts.flatMap(({ column }) => column ?? []);
    const isWhole = parts.every(({ part }) => part === null) || keyName === 'PRIMARY';
    if (key.length === parts.length && isWhole && !key.some((name) => nullable.has(name)))
      return { key, keyName };
  }
  return { key: [], keyName: '' };
}
