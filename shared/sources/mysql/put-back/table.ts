import { HoldfastError } from '../../../core/errors.ts';
import type { Session } from '../connection/connection.ts';
import { ignoresCase } from '../connection/names-case.ts';
import { isTransactional, listTables, type TableInfo } from '../datasets/tables.ts';
import { displayName, quoteText } from '../text/identifiers.ts';

/** A column as the target has it. */
export type TargetColumn = {
  readonly name: string;
  /** As definitions have it. */
  readonly type: string;
  readonly charset: string | null;
  readonly collation: string | null;
  readonly isRequired: boolean;
  readonly hasDefault: boolean;
};

/** A column that both have. */
export interface SharedColumn {
  readonly name: string;
  readonly class: TableInfo['columns'][number]['class'];
  /** In the target. */
  readonly charset: string | null;
  /** Of the staged text: that of the backup. */
  readonly stagedCharset: string | null;
}

/** A table that rows are put back into. */
export interface TargetTable extends Pick<TableInfo, 'name' | 'key'> {
  /** Without generated ones. */
  readonly columns: readonly (TargetColumn & Pick<TableInfo['columns'][number], 'class'>)[];
  /** How much of a key's column counts, if not all of it. */
  readonly prefixes: ReadonlyMap<string, string>;
  readonly triggers: readonly string[];
}

/** Looks a table up. @throws E_ROWS_REFUSED if the target lacks it, or if its rows cannot be matched, or not be undone */
export async function lookUpTable(session: Session, name: string, signal: AbortSignal): Promise<TargetTable> {
  const table = await findTable(session, name, signal);
  refuse(table);
  const named = quoteText(table.name);
  const columns = await session.query<ColumnRow>(COLUMNS.replace('NAMED', named), signal);
  const parts = await session.query<{ column: string; part: string }>(
    `SELECT COLUMN_NAME AS \`column\`, SUB_PART AS part FROM information_schema.STATISTICS
      WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = BINARY ${named} AND INDEX_NAME = ${quoteText(table.keyName)} AND SUB_PART IS NOT NULL`,
    signal,
  );
  const triggers = await session.query<{ name: string }>(
    `SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS
      WHERE TRIGGER_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = BINARY ${named} ORDER BY 1`,
    signal,
  );
  const details = new Map(columns.map((column) => [column.name, column]));
  return {
    name: table.name,
    key: table.key,
    columns: table.columns.map((column) => {
      const { collation = null, nullable, fallback, extra } = details.get(column.name) ?? {};
      const isRequired = nullable === 'NO';
      const hasDefault = fallback !== null || /auto_increment|DEFAULT_GENERATED/i.test(extra ?? '');
      const { name: own, type, charset, class: kind } = column;
      return { name: own, type, charset, collation, isRequired, hasDefault, class: kind };
    }),
    prefixes: new Map(parts.map(({ column, part }) => [column, part])),
    triggers: triggers.map((trigger) => trigger.name),
  };
}

type ColumnRow = {
  readonly name: string;
  readonly collation: string | null;
  readonly nullable: string;
  readonly fallback: string | null;
  readonly extra: string;
};

const COLUMNS = `
  SELECT COLUMN_NAME AS name, COLLATION_NAME AS collation, IS_NULLABLE AS nullable, COLUMN_DEFAULT AS fallback, EXTRA AS extra
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = BINARY NAMED`;

async function findTable(session: Session, name: string, signal: AbortSignal): Promise<TableInfo> {
  const isCaseless = await ignoresCase(session, signal);
  const plain = (text: string) => (isCaseless ? text.toLowerCase() : text);
  const found = (await listTables(session, signal)).find((table) => plain(table.name) === plain(name));
  if (found) return found;
  throw new HoldfastError('E_ROWS_REFUSED', `the target has no table ${displayName(name)}`, {
    hint: 'Restore the whole table with --dataset, or only these rows with --beside NAME.',
  });
}

function refuse(table: TableInfo): void {
  const why = whyNot(table);
  if (why === undefined) return;
  throw new HoldfastError('E_ROWS_REFUSED', `${table.dataset} ${why}`, {
    hint: 'Put the rows into a new table beside it: --beside NAME.',
  });
}

function whyNot(table: TableInfo): string | undefined {
  if (table.isVersioned) return 'keeps its history in the target, so rows cannot be put back as they were';
  if (!isTransactional(table))
    return `is a table of ${table.engine} in the target: a failure halfway could not be undone`;
  if (table.key.length === 0) return 'has no primary key in the target, so rows cannot be matched';
  return undefined;
}
