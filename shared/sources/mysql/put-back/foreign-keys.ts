import type { Session } from '../connection/connection.ts';
import { quoteName, quoteText } from '../text/identifiers.ts';
import type { Staged } from './stage.ts';

/** A foreign key of the target. */
export interface ForeignKey {
  readonly name: string;
  /** Names of tables; of another database with its name. */
  readonly from: string;
  readonly to: string;
  /** Quoted. */
  readonly fromPlace: string;
  readonly toPlace: string;
  readonly columns: readonly string[];
  readonly others: readonly string[];
}

type KeyColumn = {
  readonly key: string;
  readonly database: string;
  readonly table: string;
  readonly column: string;
  readonly otherDatabase: string;
  readonly other: string;
  readonly otherColumn: string;
  readonly own: string;
};

/** Foreign keys that refer from or to staged tables. @throws E_SOURCE_* */
export async function findForeignKeys(
  session: Session,
  all: readonly Staged[],
  signal: AbortSignal,
): Promise<readonly ForeignKey[]> {
  const names = all.map(({ table }) => quoteText(table.name)).join(', ');
  const columns = await session.query<KeyColumn>(
    `SELECT CONSTRAINT_NAME AS \`key\`, TABLE_SCHEMA AS \`database\`, TABLE_NAME AS \`table\`, COLUMN_NAME AS \`column\`,
            REFERENCED_TABLE_SCHEMA AS otherDatabase, REFERENCED_TABLE_NAME AS other, REFERENCED_COLUMN_NAME AS otherColumn,
            DATABASE() AS own
       FROM information_schema.KEY_COLUMN_USAGE
      WHERE REFERENCED_TABLE_NAME IS NOT NULL
        AND ((TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN (${names}))
          OR (REFERENCED_TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME IN (${names})))
      ORDER BY TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION`,
    signal,
  );
  const keys = Map.groupBy(columns, ({ database, table, key }) => JSON.stringify([database, table, key]));
  return [...keys.values()].flatMap((parts) => {
    const [first] = parts;
    if (!first) return [];
    const named = (database: string, table: string) =>
      database.toLowerCase() === first.own.toLowerCase() ? table : `${database}.${table}`;
    return {
      name: first.key,
      from: named(first.database, first.table),
      to: named(first.otherDatabase, first.other),
      fromPlace: `${quoteName(first.database)}.${quoteName(first.table)}`,
      toPlace: `${quoteName(first.otherDatabase)}.${quoteName(first.other)}`,
      columns: parts.map(({ column }) => column),
      others: parts.map(({ otherColumn }) => otherColumn),
    };
  });
}
