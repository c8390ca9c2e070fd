import type { OnConflict } from '../../row-target.ts';
import { KEYS_ASKED, namedKeys, violation } from '../../row-violations.ts';
import type { Session } from '../connection/connection.ts';
import { errorNumber } from '../errors.ts';
import { quoteName, quoteText } from '../text/identifiers.ts';
import { type ForeignKey, findForeignKeys } from './foreign-keys.ts';
import { inKeyOrder, isRemoved, isWritten, keyText, sameKey } from './matching.ts';
import type { Staged } from './stage.ts';

/** What a violation is looked for in. */
interface Look {
  readonly session: Session;
  readonly all: readonly Staged[];
  readonly onConflict: OnConflict;
  readonly signal: AbortSignal;
}

/** What would stand against writing what is staged, a sentence each. Nothing is written. */
export async function findViolations(
  session: Session,
  all: readonly Staged[],
  onConflict: OnConflict,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const look = { session, all, onConflict, signal };
  const found: string[] = [];
  for (const staged of all) {
    found.push(...unfilled(staged));
    found.push(...(await withoutValue(look, staged)));
    found.push(...(await againstChecks(look, staged)));
    found.push(...(await againstUnique(look, staged)));
  }
  for (const key of await findForeignKeys(session, all, signal))
    found.push(...(await withoutParent(look, key)), ...(await stillReferredTo(look, key)));
  return found;
}

/** The first of the keys that a statement gives. */
async function keysOf({ session, signal }: Look, sql: string): Promise<string | undefined> {
  const rows = await session.query<{ key: string }>(`${sql} LIMIT ${KEYS_ASKED}`, signal);
  return namedKeys(rows.map(({ key }) => key));
}

function unfilled({ dataset, unfilled: columns, counts }: Staged): readonly string[] {
  if (columns.length === 0 || counts.missing === 0) return [];
  return [violation.unfilled(dataset, columns)];
}

async function withoutValue(
  look: Look,
  { table, columns, rows, dataset }: Staged,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { name, isRequired } of table.columns) {
    if (!isRequired || !columns.some((column) => column.name === name)) continue;
    const keys = await keysOf(
      look,
      `SELECT ${keyText(table, 's')} AS \`key\` FROM ${rows} s WHERE ${isWritten(look.onConflict)} AND s.${quoteName(name)} IS NULL${inKeyOrder(table, 's')}`,
    );
    if (keys) found.push(violation.withoutValue(dataset, name, keys));
  }
  return found;
}

async function againstChecks(look: Look, { table, rows, dataset }: Staged): Promise<readonly string[]> {
  const { session, signal } = look;
  const of = session.isMariaDb
    ? `information_schema.CHECK_CONSTRAINTS c WHERE c.CONSTRAINT_SCHEMA = DATABASE() AND c.TABLE_NAME = ${quoteText(table.name)}`
    : `information_schema.CHECK_CONSTRAINTS c JOIN information_schema.TABLE_CONSTRAINTS t
         ON t.CONSTRAINT_SCHEMA = c.CONSTRAINT_SCHEMA AND t.CONSTRAINT_NAME = c.CONSTRAINT_NAME
        WHERE c.CONSTRAINT_SCHEMA = DATABASE() AND t.TABLE_NAME = ${quoteText(table.name)}`;
  const found: string[] = [];
  const sql = `SELECT c.CONSTRAINT_NAME AS name, c.CHECK_CLAUSE AS clause FROM ${of}`;
  // Servers from before there were checks have no such table.
  const checks = await ignoring(look, () => session.query<{ name: string; clause: string }>(sql, signal));
  for (const { name, clause } of checks ?? []) {
    // Of what the backup lacks, or cannot be said beside its table, the server judges when rows are written.
    const keys = await ignoring(look, () =>
      keysOf(
        look,
        `SELECT ${keyText(table, 's')} AS \`key\` FROM ${rows} s WHERE ${isWritten(look.onConflict)} AND NOT (${clause})${inKeyOrder(table, 's')}`,
      ),
    );
    if (keys) found.push(violation.check(dataset, name, keys));
  }
  return found;
}

async function ignoring<T>({ session }: Look, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!session.isOpen || errorNumber(error) === undefined) throw error;
    return undefined;
  }
}

type IndexPart = { readonly name: string; readonly column: string | null; readonly part: string | null };

/** Values that other rows of the table have, which stay as they are. */
async function againstUnique(look: Look, staged: Staged): Promise<readonly string[]> {
  const { table, columns, rows, rowsAgain, gone, dataset } = staged;
  const parts = await look.session.query<IndexPart>(
    `SELECT INDEX_NAME AS name, COLUMN_NAME AS \`column\`, SUB_PART AS part FROM information_schema.STATISTICS
      WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = BINARY ${quoteText(table.name)} AND NON_UNIQUE = 0 AND INDEX_NAME <> 'PRIMARY'
      ORDER BY INDEX_NAME, SEQ_IN_INDEX`,
    look.signal,
  );
  const found: string[] = [];
  for (const [name, of] of Map.groupBy(parts, (part) => part.name)) {
    const named = of.map(({ column }) => column ?? '');
    if (!named.every((column) => columns.some((one) => one.name === column))) continue;
    if (named.every((column) => table.key.includes(column))) continue;
    const value = (as: string, { column, part }: IndexPart) => {
      const place = `${as}.${quoteName(column ?? '')}`;
      return part === null ? place : `LEFT(${place}, ${part})`;
    };
    const equal = of.map((part) => `${value('s', part)} = ${value('t', part)}`).join(' AND ');
    const keys = await keysOf(
      look,
      `SELECT CONCAT(${keyText(table, 's')}, ' as ', ${keyText(table, 't')}) AS \`key\`
         FROM ${rows} s JOIN ${quoteName(table.name)} t ON ${equal}
        WHERE ${isWritten(look.onConflict)}
          AND NOT EXISTS (SELECT 1 FROM ${rowsAgain} o WHERE ${isWritten(look.onConflict, 'o')} AND ${sameKey(table, 'o', 't')})
          AND NOT EXISTS (SELECT 1 FROM ${gone} g WHERE ${isRemoved(look.onConflict)} AND ${sameKey(table, 'g', 't')})${inKeyOrder(table, 's')}`,
    );
    if (keys) found.push(violation.unique(dataset, name, named, keys));
  }
  return found;
}

/** Rows that would refer to what is not there. */
async function withoutParent(look: Look, key: ForeignKey): Promise<readonly string[]> {
  const staged = look.all.find(({ table }) => table.name === key.from);
  const has = (of: Staged, names: readonly string[]) =>
    names.every((name) => of.columns.some((column) => column.name === name));
  if (!staged || !has(staged, key.columns)) return [];
  const { dataset, table, rows } = staged;
  const refersTo = key.columns
    .map((name, i) => `p.${quoteName(key.others[i] ?? '')} = s.${quoteName(name)}`)
    .join(' AND ');
  const parent = look.all.find((one) => one.table.name === key.to);
  const ends = parent
    ? ` AND NOT EXISTS (SELECT 1 FROM ${parent.gone} g WHERE ${isRemoved(look.onConflict)} AND ${sameKey(parent.table, 'g', 'p')})`
    : '';
  const comes =
    parent && has(parent, key.others)
      ? ` AND NOT EXISTS (SELECT 1 FROM ${parent.rowsAgain} p WHERE ${isWritten(look.onConflict, 'p')} AND ${refersTo})`
      : '';
  const given = key.columns.map((name) => `s.${quoteName(name)} IS NOT NULL`).join(' AND ');
  const keys = await keysOf(
    look,
    `SELECT ${keyText(table, 's')} AS \`key\` FROM ${rows} s WHERE ${isWritten(look.onConflict)} AND ${given}
        AND NOT EXISTS (SELECT 1 FROM ${key.toPlace} p WHERE ${refersTo}${ends})${comes}${inKeyOrder(table, 's')}`,
  );
  if (!keys) return [];
  return [violation.withoutParent(dataset, key.name, key.to, keys)];
}

/** Rows that are to be removed and that others refer to: nothing goes along with them unasked. */
async function stillReferredTo(look: Look, key: ForeignKey): Promise<readonly string[]> {
  const of = look.all.find(({ table }) => table.name === key.to);
  if (!of || of.counts.removable + of.counts.removableDifferent === 0) return [];
  const { dataset, table, gone } = of;
  const refers = key.columns
    .map((name, i) => `c.${quoteName(name)} = t.${quoteName(key.others[i] ?? '')}`)
    .join(' AND ');
  const others = look.all
    .filter((one) => one.table.name === key.from)
    .map(
      (
        one,
      ) => ` AND NOT EXISTS (SELECT 1 FROM ${one.goneAgain} o WHERE ${isRemoved(look.onConflict, 'o')} AND ${sameKey(one.table, 'o', 'c')})
        AND NOT EXISTS (SELECT 1 FROM ${one.rows} o WHERE ${isWritten(look.onConflict, 'o')} AND ${sameKey(one.table, 'o', 'c')})`,
    );
  const keys = await keysOf(
    look,
    `SELECT DISTINCT ${keyText(table, 'g')} AS \`key\` FROM ${gone} g JOIN ${quoteName(table.name)} t ON ${sameKey(table, 'g', 't')}
       JOIN ${key.fromPlace} c ON ${refers} WHERE ${isRemoved(look.onConflict)}${others.join('')} ORDER BY 1`,
  );
  if (!keys) return [];
  return [violation.stillReferredTo(dataset, key.name, key.from, keys)];
}
