import type { Session } from '../connection/connection.ts';
import { ignoresCase } from '../connection/names-case.ts';
import { displayName, quoteName } from '../text/identifiers.ts';

type KeyColumn = {
  readonly key: string;
  readonly table: string;
  readonly column: string;
  readonly parentDatabase: string;
  readonly parent: string;
  readonly parentColumn: string;
};

const KEYS = `
  SELECT CONSTRAINT_NAME AS \`key\`, TABLE_NAME AS \`table\`, COLUMN_NAME AS \`column\`,
         REFERENCED_TABLE_SCHEMA AS parentDatabase, REFERENCED_TABLE_NAME AS parent, REFERENCED_COLUMN_NAME AS parentColumn
    FROM information_schema.KEY_COLUMN_USAGE
   WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME IS NOT NULL
   ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION`;
const NO_TABLE = 1146;

/**
 * Looks for rows that refer to none. Foreign keys are made with the tables, and the server does not look at them while
 * rows are written.
 *
 * @returns a sentence for each key that does not hold
 */
export async function findBrokenKeys(
  session: Session,
  tables: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const columns = await session.query<KeyColumn>(KEYS, signal);
  const isCaseless = await ignoresCase(session, signal);
  const plain = (name: string) => (isCaseless ? name.toLowerCase() : name);
  const wanted = new Set([...tables].map(plain));
  const keys = Map.groupBy(columns, ({ table, key }) => JSON.stringify([table, key]));
  const broken: string[] = [];
  for (const parts of keys.values()) {
    const [first] = parts;
    if (!first || !wanted.has(plain(first.table))) continue;
    const why = await whyBroken(session, first, parts, signal);
    if (why !== undefined)
      broken.push(`foreign key ${first.key} of ${displayName(first.table)}: ${why} (${first.parent})`);
  }
  return broken;
}

async function whyBroken(
  session: Session,
  { table, parentDatabase, parent }: KeyColumn,
  parts: readonly KeyColumn[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const on = parts.map((one) => `c.${quoteName(one.column)} = p.${quoteName(one.parentColumn)}`);
  const set = parts.map(({ column }) => `c.${quoteName(column)} IS NOT NULL`);
  const sql = `SELECT 1 FROM ${quoteName(table)} c LEFT JOIN ${quoteName(parentDatabase)}.${quoteName(parent)} p ON ${on.join(' AND ')}
    WHERE ${set.join(' AND ')} AND p.${quoteName(parts[0]?.parentColumn ?? '')} IS NULL LIMIT 1`;
  try {
    const rows = await session.query(sql, signal, { object: table });
    return rows.length === 0 ? undefined : 'there are rows that refer to none, as in the backup';
  } catch (error) {
    if (!session.isOpen || !isNoTable(error)) throw error;
    return 'the table that it refers to is not there';
  }
}

function isNoTable(error: unknown): boolean {
  const details = error instanceof Error && 'details' in error ? error.details : {};
  return (details as { errorNumber?: unknown }).errorNumber === NO_TABLE;
}
