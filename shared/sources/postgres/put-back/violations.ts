import type pg from 'pg';
import type { OnConflict } from '../../row-target.ts';
import { KEYS_ASKED, namedKeys, violation } from '../../row-violations.ts';
import { query } from '../connection/connection.ts';
import { quoteIdent } from '../text/identifiers.ts';
import { type ForeignKey, findForeignKeys } from './foreign-keys.ts';
import { inKeyOrder, isRemoved, isWritten, keyText, type Staged, sameKey } from './stage.ts';

/** What a violation is looked for in. */
interface Look {
  readonly client: pg.Client;
  readonly all: readonly Staged[];
  readonly onConflict: OnConflict;
  readonly signal: AbortSignal;
}

/** What would stand against writing what is staged, a sentence each. Nothing is written. */
export async function findViolations(
  client: pg.Client,
  all: readonly Staged[],
  onConflict: OnConflict,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const look = { client, all, onConflict, signal };
  const keys = await findForeignKeys(client, all, signal);
  const found: string[] = [];
  for (const staged of all) {
    found.push(...unfilled(staged));
    found.push(...(await withoutValue(look, staged)));
    found.push(...(await againstChecks(look, staged)));
    found.push(...(await againstUnique(look, staged)));
  }
  for (const key of keys)
    found.push(...(await withoutParent(look, key)), ...(await stillReferredTo(look, key)));
  return found;
}

/** The first of the keys that a statement gives. */
async function keysOf({ client, signal }: Look, sql: string): Promise<string | undefined> {
  const rows = await query<{ key: string }>(client, `${sql} LIMIT ${KEYS_ASKED}`, signal);
  return namedKeys(rows.map(({ key }) => key));
}

function unfilled({ dataset, unfilled: columns, counts }: Staged): readonly string[] {
  if (columns.length === 0 || counts.missing === 0) return [];
  return [violation.unfilled(dataset, columns)];
}

async function withoutValue(look: Look, staged: Staged): Promise<readonly string[]> {
  const { table, columns, rows, dataset } = staged;
  const found: string[] = [];
  for (const { name, isRequired } of table.columns) {
    if (!isRequired || !columns.includes(name)) continue;
    const keys = await keysOf(
      look,
      `SELECT ${keyText(table, 's')} AS key FROM ${rows} s WHERE ${isWritten(look.onConflict)} AND s.${quoteIdent(name)} IS NULL${inKeyOrder(table, 's')}`,
    );
    if (keys) found.push(violation.withoutValue(dataset, name, keys));
  }
  return found;
}

async function againstChecks(look: Look, staged: Staged): Promise<readonly string[]> {
  const { table, columns, rows, dataset } = staged;
  const checks = await query<{ name: string; condition: string; columns: string[] }>(
    look.client,
    `SELECT k.conname AS name, pg_catalog.pg_get_expr(k.conbin, k.conrelid) AS condition,
            ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
                   WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) AS columns
       FROM pg_catalog.pg_constraint k WHERE k.conrelid = $1::oid AND k.contype = 'c' ORDER BY k.conname`,
    look.signal,
    { values: [table.oid] },
  );
  const found: string[] = [];
  for (const { name, condition, columns: named } of checks) {
    if (!named.every((column) => columns.includes(column))) continue;
    const keys = await keysOf(
      look,
      `SELECT ${keyText(table, 's')} AS key FROM ${rows} s WHERE ${isWritten(look.onConflict)} AND NOT (${condition})${inKeyOrder(table, 's')}`,
    );
    if (keys) found.push(violation.check(dataset, name, keys));
  }
  return found;
}

const UNIQUE = `
  SELECT x.relname AS name, pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS condition, i.indexprs IS NOT NULL AS "isExpression",
         ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)) AS columns,
         ARRAY(SELECT pg_catalog.pg_get_indexdef(i.indexrelid, n, true)
                 FROM pg_catalog.generate_series(1, COUNTED) AS n) AS expressions
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
   WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND NOT i.indisprimary ORDER BY x.relname`;

/** Values that other rows of the table have, which stay as they are. */
async function againstUnique(look: Look, staged: Staged): Promise<readonly string[]> {
  const { table, columns, rows, gone, dataset } = staged;
  const [server] = await query<{ version: string }>(
    look.client,
    `SELECT pg_catalog.current_setting('server_version_num') AS version`,
    look.signal,
  );
  const counted = Number(server?.version) < 110_000 ? 'i.indnatts' : 'i.indnkeyatts';
  const indexes = await query<{
    name: string;
    condition: string | null;
    isExpression: boolean;
    columns: string[];
    expressions: string[];
  }>(look.client, UNIQUE.replace('COUNTED', counted), look.signal, { values: [table.oid] });
  const hasAll = table.columns.every(({ name }) => columns.includes(name));
  const found: string[] = [];
  for (const { name, condition, isExpression, columns: named, expressions } of indexes) {
    if (!named.every((column) => columns.includes(column))) continue;
    if ((isExpression || condition !== null) && !hasAll) continue;
    const values = expressions.map((text, i) => `${text} AS "unique ${i}"`).join(', ');
    const key = table.key.map(quoteIdent).join(', ');
    const such = condition === null ? '' : ` AND (${condition})`;
    const equal = expressions.map((_, i) => `s."unique ${i}" = t."unique ${i}"`).join(' AND ');
    const keys = await keysOf(
      look,
      `SELECT ${keyText(table, 's')} || ' as ' || ${keyText(table, 't')} AS key
         FROM (SELECT ${key}, ${values} FROM ${rows} r WHERE ${isWritten(look.onConflict, 'r')}${such}) s
         JOIN (SELECT ${key}, ${values} FROM ONLY ${table.place} r WHERE true${such}) t ON ${equal}
        WHERE NOT EXISTS (SELECT 1 FROM ${rows} o WHERE ${isWritten(look.onConflict, 'o')} AND ${sameKey(table, 'o', 't')})
          AND NOT EXISTS (SELECT 1 FROM ${gone} g WHERE ${isRemoved(look.onConflict)} AND ${sameKey(table, 'g', 't')})${inKeyOrder(table, 's')}`,
    );
    if (keys) found.push(violation.unique(dataset, name, expressions, keys));
  }
  return found;
}

/** Rows that would refer to what is not there. */
async function withoutParent(look: Look, key: ForeignKey): Promise<readonly string[]> {
  const staged = look.all.find(({ table }) => table.oid === key.from.oid);
  if (!staged || !key.columns.every((name) => staged.columns.includes(name))) return [];
  const { dataset, table, rows } = staged;
  const refersTo = (as: string) =>
    key.columns
      .map((name, i) => `${as}.${quoteIdent(key.others[i] ?? '')} = s.${quoteIdent(name)}`)
      .join(' AND ');
  const stagedParents = look.all.filter((one) => one.table.oids.includes(key.to.oid));
  const ends = stagedParents.map(
    (one) =>
      ` AND NOT EXISTS (SELECT 1 FROM ${one.gone} g WHERE ${isRemoved(look.onConflict)} AND ${sameKey(one.table, 'g', 'p')})`,
  );
  const comes = stagedParents
    .filter((one) => key.others.every((name) => one.columns.includes(name)))
    .map(
      (one) =>
        ` AND NOT EXISTS (SELECT 1 FROM ${one.rows} p WHERE ${isWritten(look.onConflict, 'p')} AND ${refersTo('p')})`,
    );
  const given = key.columns.map((name) => `s.${quoteIdent(name)} IS NOT NULL`).join(' AND ');
  const keys = await keysOf(
    look,
    `SELECT ${keyText(table, 's')} AS key FROM ${rows} s WHERE ${isWritten(look.onConflict)} AND ${given}
        AND NOT EXISTS (SELECT 1 FROM ${key.to.place} p WHERE ${refersTo('p')}${ends.join('')})${comes.join('')}${inKeyOrder(table, 's')}`,
  );
  if (!keys) return [];
  return [violation.withoutParent(dataset, key.name, key.to.dataset, keys)];
}

/** Rows that are to be removed and that others refer to: nothing goes along with them unasked. */
async function stillReferredTo(look: Look, key: ForeignKey): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { dataset, table, gone, counts } of look.all) {
    if (!table.oids.includes(key.to.oid) || counts.removable + counts.removableDifferent === 0) continue;
    const refers = key.columns
      .map((name, i) => `c.${quoteIdent(name)} = t.${quoteIdent(key.others[i] ?? '')}`)
      .join(' AND ');
    const others = look.all
      .filter((one) => one.table.oids.includes(key.from.oid))
      .map(
        (
          one,
        ) => ` AND NOT EXISTS (SELECT 1 FROM ${one.gone} o WHERE ${isRemoved(look.onConflict, 'o')} AND ${sameKey(one.table, 'o', 'c')})
          AND NOT EXISTS (SELECT 1 FROM ${one.rows} o WHERE ${isWritten(look.onConflict, 'o')} AND ${sameKey(one.table, 'o', 'c')})`,
      );
    const keys = await keysOf(
      look,
      `SELECT DISTINCT ${keyText(table, 'g')} AS key FROM ${gone} g JOIN ONLY ${table.place} t ON ${sameKey(table, 'g', 't')}
         JOIN ${key.from.place} c ON ${refers} WHERE ${isRemoved(look.onConflict)}${others.join('')} ORDER BY 1`,
    );
    if (keys) found.push(violation.stillReferredTo(dataset, key.name, key.from.dataset, keys));
  }
  return found;
}
