import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import { columnWarnings } from '../../column-changes.ts';
import type { RowsStanding, RowsToRestore, ShownRow, StagedRows } from '../../row-target.ts';
import type { Session } from '../connection/connection.ts';
import { type ColumnAttributes, isTableAttributes, type TableAttributes } from '../datasets/attributes.ts';
import { errorNumber } from '../errors.ts';
import { insertInto } from '../rows/insert-rows.ts';
import { bytesLiteral, textLiteral } from '../rows/literals.ts';
import { quoteName } from '../text/identifiers.ts';
import { DIFFERENT, inKeyOrder, keyText, MISSING, SAME, STATE, sameKey, sameValues } from './matching.ts';
import { lookUpTable, type SharedColumn, type TargetTable } from './table.ts';

const BATCH_ROWS = 500;
const MOST_NAMED = 5;
const DUPLICATE = 1062;
/** Out of range, cut, a wrong date, time or number, too long, not NULL, a check. */
const REFUSED_VALUES: readonly (number | undefined)[] = [
  1048, 1264, 1265, 1292, 1366, 1367, 1406, 1411, 4025,
];

/** Rows on the server, in temporary tables beside the one that they belong to. */
export interface Staged {
  readonly dataset: string;
  readonly table: TargetTable;
  readonly columns: readonly SharedColumn[];
  /** Columns of the target that must have a value and that neither the backup nor a default gives one. */
  readonly unfilled: readonly string[];
  /** Temporary tables of rows to write and of rows to remove; of each one more, as a statement may name such a table only once. */
  readonly rows: string;
  readonly rowsAgain: string;
  readonly gone: string;
  readonly goneAgain: string;
  readonly counts: StagedRows;
}

/** Brings rows to the server and compares them with the table. @throws E_ROWS_REFUSED, E_SOURCE_* */
export async function stageRows(
  session: Session,
  rows: RowsToRestore,
  {
    number,
    mostBytes,
    signal,
  }: { readonly number: number; readonly mostBytes: number; readonly signal: AbortSignal },
): Promise<Staged> {
  const { attributes, name: dataset } = rows.dataset;
  if (!isTableAttributes(attributes))
    throw new HoldfastError('E_ROWS_REFUSED', `${dataset} has no rows that could be put back`);
  refuseHistory(attributes, dataset);
  const table = await lookUpTable(session, attributes.table, signal);
  refuseOtherKey(table, attributes, dataset);
  const columns = sharedColumns(table, attributes);
  const of = (what: string) => `holdfast ${what} ${number}`;
  const [to, gone] = [of('rows'), of('gone')];
  await makeTable(session, to, { table, columns: attributes.columns }, signal);
  const object = dataset;
  await insertInto(session, { table: to, columns: attributes.columns }, rows.records(), {
    object,
    mostBytes,
    signal,
    onBytes: () => {},
  }).catch((error: unknown) => {
    throw errorNumber(error) === DUPLICATE ? sameKeys(table, dataset, error) : refusedValue(error, dataset);
  });
  const said = columns.filter(({ name }) => rows.removals.every((row) => Object.hasOwn(row, name)));
  const known = new Map(table.columns.map((column) => [column.name, column]));
  const saidColumns = said.flatMap(({ name }) => known.get(name) ?? []);
  await makeTable(session, gone, { table, columns: saidColumns }, signal);
  await insertRemovals(session, gone, { columns: saidColumns, removals: rows.removals }, signal).catch(
    (error: unknown) => {
      throw refusedValue(error, dataset);
    },
  );
  await compareWithTable(session, { table, columns, staged: to }, signal);
  const asTarget = said.map((column) => ({ ...column, stagedCharset: column.charset }));
  await compareWithTable(session, { table, columns: asTarget, staged: gone }, signal);
  for (const [again, from] of [
    [of('rows again'), to],
    [of('gone again'), gone],
  ] as const) {
    await session.query(`CREATE TEMPORARY TABLE ${quoteName(again)} LIKE ${quoteName(from)}`, signal);
    await session.query(`INSERT INTO ${quoteName(again)} SELECT * FROM ${quoteName(from)}`, signal);
  }
  const staged = {
    dataset,
    table,
    columns,
    unfilled: table.columns
      .filter(
        ({ name, isRequired, hasDefault }) =>
          isRequired && !hasDefault && !columns.some((one) => one.name === name),
      )
      .map(({ name }) => name),
    rows: quoteName(to),
    rowsAgain: quoteName(of('rows again')),
    gone: quoteName(gone),
    goneAgain: quoteName(of('gone again')),
  };
  const leftOut = attributes.columns.filter(({ name }) => !known.has(name)).map(({ name }) => name);
  const both = attributes.columns.flatMap(({ name, type }) => {
    const is = known.get(name)?.type;
    return is === undefined ? [] : [{ name, was: withoutWidth(type), is: withoutWidth(is) }];
  });
  const warnings = columnWarnings(dataset, { leftOut, both });
  return { ...staged, counts: await countRows(session, staged, warnings, signal) };
}

/** How staged rows stand to the table, with the keys of some of them. */
export async function standingOf(
  session: Session,
  { table, rows }: Staged,
  signal: AbortSignal,
): Promise<RowsStanding> {
  const of = async (state: string) => {
    const which = `FROM ${rows} s WHERE s.${STATE} = ${state}`;
    const [counted] = await session.query<{ rows: string }>(`SELECT COUNT(*) AS \`rows\` ${which}`, signal);
    const found = await session.query<{ key: string }>(
      `SELECT ${keyText(table, 's')} AS \`key\` ${which}${inKeyOrder(table, 's')} LIMIT ${MOST_NAMED}`,
      signal,
    );
    return { count: Number(counted?.rows ?? 0), keys: found.map(({ key }) => key) };
  };
  return { missing: await of(MISSING), different: await of(DIFFERENT), same: await of(SAME) };
}

function sharedColumns(table: TargetTable, { columns }: TableAttributes): readonly SharedColumn[] {
  const stored = new Map(columns.map((column) => [column.name, column]));
  return table.columns.flatMap(({ name, class: kind, charset }) => {
    const other = stored.get(name);
    return other ? [{ name, class: kind, charset, stagedCharset: other.charset ?? charset }] : [];
  });
}

function refuseHistory({ isVersioned }: TableAttributes, dataset: string): void {
  if (!isVersioned) return;
  throw new HoldfastError(
    'E_ROWS_REFUSED',
    `${dataset} keeps its history: the backup has each row several times`,
    {
      hint: 'Put the rows into a new table beside it: --beside NAME.',
    },
  );
}

function refuseOtherKey({ key }: TargetTable, { columns }: TableAttributes, dataset: string): void {
  const unknown = key.filter((name) => !columns.some((column) => column.name === name));
  if (unknown.length === 0) return;
  throw new HoldfastError(
    'E_ROWS_REFUSED',
    `the key of ${dataset} is (${key.join(', ')}) in the target; the backup has no values of ${unknown.join(', ')}`,
    { hint: 'Put the rows into a new table beside it: --beside NAME.' },
  );
}

function sameKeys({ key }: TargetTable, dataset: string, cause: unknown): HoldfastError {
  return new HoldfastError(
    'E_ROWS_REFUSED',
    `several of the chosen rows of ${dataset} have the same key (${key.join(', ')}) in the target`,
    { cause, hint: 'Put the rows into a new table beside it: --beside NAME.' },
  );
}

/** If the target's column does not take a value, says which: the server's text names both. Others stay as they are. */
function refusedValue(error: unknown, dataset: string): unknown {
  if (!isHoldfastError(error) || !REFUSED_VALUES.includes(errorNumber(error))) return error;
  const { cause } = error;
  const said =
    cause instanceof Error ? cause.message.replace(/`[^`]*`\.`holdfast [a-z]+ \d+`\./, '') : error.message;
  return new HoldfastError(
    'E_ROWS_REFUSED',
    `${dataset}: the target does not take a value of these rows: ${said}; nothing was changed`,
    {
      cause: error,
      hint: 'The table changed since the backup. Put the rows into a table beside it: --beside NAME.',
    },
  );
}

/** Releases of the server differ in the widths that they show whole numbers with; these limit nothing. */
function withoutWidth(type: string): string {
  return type.replace(/^((?:tiny|small|medium|big)?int)\(\d+\)/, '$1');
}

/** With the types of the target, as far as it has the columns; text in the character set that it comes in. */
async function makeTable(
  session: Session,
  name: string,
  {
    table,
    columns,
  }: { readonly table: TargetTable; readonly columns: readonly Pick<ColumnAttributes, 'name' | 'charset'>[] },
  signal: AbortSignal,
): Promise<void> {
  const known = new Map(table.columns.map((column) => [column.name, column]));
  const parts = columns.map((column) => {
    const target = known.get(column.name);
    if (!target) return `${quoteName(column.name)} longblob NULL`;
    const isSame = target.charset === column.charset || column.charset === null;
    const charset = isSame ? target.charset : column.charset;
    const collation = isSame && target.collation !== null ? ` COLLATE ${target.collation}` : '';
    const text = target.charset === null ? '' : ` CHARACTER SET ${charset}${collation}`;
    return `${quoteName(column.name)} ${target.type}${text} NULL`;
  });
  const key = table.key.map((one) => {
    const part = table.prefixes.get(one);
    return `${quoteName(one)}${part === undefined ? '' : `(${part})`}`;
  });
  const state = `${STATE} char(1) CHARACTER SET ascii NOT NULL DEFAULT ${MISSING}`;
  await session.query(
    `CREATE TEMPORARY TABLE ${quoteName(name)} (${[...parts, state].join(', ')}, UNIQUE KEY (${key.join(', ')})) ENGINE=InnoDB`,
    signal,
    { object: table.name },
  );
}

async function insertRemovals(
  session: Session,
  gone: string,
  { columns, removals }: { readonly columns: TargetTable['columns']; readonly removals: readonly ShownRow[] },
  signal: AbortSignal,
): Promise<void> {
  const names = columns.map(({ name }) => quoteName(name)).join(', ');
  for (let start = 0; start < removals.length; start += BATCH_ROWS) {
    const rows = removals
      .slice(start, start + BATCH_ROWS)
      .map(
        (row) =>
          `(${columns.map((column) => shownLiteral(column.class, row[column.name] ?? null)).join(', ')})`,
      );
    await session.query(`INSERT INTO ${quoteName(gone)} (${names}) VALUES ${rows.join(', ')}`, signal);
  }
}

/** Of a value as people see it: bytes are hexadecimal digits. */
function shownLiteral(kind: ColumnAttributes['class'], text: string | null): string {
  if (text === null) return 'NULL';
  const digits = kind === 'binary' ? /^0x([0-9a-f]*)$/i.exec(text)?.[1] : undefined;
  return digits === undefined ? textLiteral(text) : bytesLiteral(Buffer.from(digits, 'hex'));
}

async function compareWithTable(
  session: Session,
  {
    table,
    columns,
    staged,
  }: { readonly table: TargetTable; readonly columns: readonly SharedColumn[]; readonly staged: string },
  signal: AbortSignal,
): Promise<void> {
  await session.query(
    `UPDATE ${quoteName(staged)} s JOIN ${quoteName(table.name)} t ON ${sameKey(table, 's', 't')}
        SET s.${STATE} = IF(${sameValues(columns, 's', 't')}, ${SAME}, ${DIFFERENT})`,
    signal,
    { object: table.name },
  );
}

async function countRows(
  session: Session,
  { dataset, table, rows, gone }: Omit<Staged, 'counts'>,
  warnings: readonly string[],
  signal: AbortSignal,
): Promise<StagedRows> {
  const count = async (of: string) => {
    const found = await session.query<{ state: string; rows: string }>(
      `SELECT ${STATE} AS state, COUNT(*) AS \`rows\` FROM ${of} GROUP BY 1`,
      signal,
    );
    return (state: string) => Number(found.find((one) => `'${one.state}'` === state)?.rows ?? 0);
  };
  const [written, removed] = [await count(rows), await count(gone)];
  const named = await session.query<{ key: string }>(
    `SELECT ${keyText(table, 's')} AS \`key\` FROM ${rows} s WHERE ${STATE} = ${DIFFERENT}
      ORDER BY ${table.key.map(quoteName).join(', ')} LIMIT ${MOST_NAMED}`,
    signal,
  );
  return {
    dataset,
    key: table.key,
    missing: written(MISSING),
    different: written(DIFFERENT),
    same: written(SAME),
    removable: removed(SAME),
    removableDifferent: removed(DIFFERENT),
    differentKeys: named.map(({ key }) => key),
    triggers: table.triggers,
    warnings,
  };
}
