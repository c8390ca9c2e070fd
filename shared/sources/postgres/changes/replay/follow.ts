import type pg from 'pg';
import { query } from '../../connection/connection.ts';
import { quoteIdent, quoteLiteral, quoteQualified } from '../../text/identifiers.ts';
import type { Relation, RelationColumn } from '../messages.ts';
import { findTable, type TargetColumn, type TargetTable } from './target-table.ts';

/** Types that every server has under the same id. */
const FIRST_USER_OBJECT = 16_384;

/** Types of the source that are not every server's, by id. */
export type TypeNames = ReadonlyMap<number, { readonly schema: string; readonly name: string }>;

/** A table after it follows the stream, and what has to be said of that. */
export interface Followed {
  /** Undefined if the target has no such table. */
  readonly table: TargetTable | undefined;
  readonly warnings: readonly string[];
}

/**
 * Brings the columns of a table of the target to what the stream says before a change: it lacks the statements that changed them. A
 * column that is gone there stays, so that no data is lost by a guess.
 *
 * @throws E_SOURCE_*, E_ABORTED
 */
export async function followRelation(
  client: pg.Client,
  relation: Relation,
  types: TypeNames,
  signal: AbortSignal,
): Promise<Followed> {
  const { schema, table: name } = relation;
  const table = await findTable(client, schema, name, signal);
  if (!table) return { table, warnings: [] };
  const changes = [
    ...relation.columns.flatMap((column) => columnChange(table, column, types)),
    ...table.columns.filter((column) => isGone(relation, column)).map((column) => goneChange(table, column)),
  ];
  if (changes.length === 0) return { table, warnings: [] };
  const place = quoteQualified(schema, name);
  for (const { sql } of changes) {
    const [formatted] = await query<{ sql: string }>(client, `SELECT ${sql} AS sql`, signal);
    await query(client, `ALTER TABLE ONLY ${place} ${formatted?.sql}`, signal, { object: table.name });
  }
  return {
    table: await findTable(client, schema, name, signal),
    warnings: changes.map(({ warning }) => warning),
  };
}

/** An expression that gives the action of an ALTER TABLE, and what to say of it. */
interface Change {
  readonly sql: string;
  readonly warning: string;
}

function columnChange(table: TargetTable, column: RelationColumn, types: TypeNames): readonly Change[] {
  const type = typeSql(column, types);
  if (type === undefined) return [];
  const found = table.columns.find(({ name }) => name === column.name);
  const named = quoteLiteral(quoteIdent(column.name));
  if (!found)
    return [
      {
        sql: `'ADD COLUMN ' || ${named} || ' ' || ${type}`,
        warning: `${table.name} got the column ${column.name} after the backup: rows not changed since then have NULL in it, whatever its default.`,
      },
    ];
  if (isSameType(found, column, types)) return [];
  return [
    {
      sql: `'ALTER COLUMN ' || ${named} || ' TYPE ' || ${type} || ' USING ' || ${named} || '::text::' || ${type}`,
      warning: `The column ${column.name} of ${table.name} got another type after the backup: in rows not changed since then, values were converted through their text.`,
    },
  ];
}

/** An expression that gives the name of a type. Undefined if nobody said which it is. */
function typeSql({ typeId, modifier }: RelationColumn, types: TypeNames): string | undefined {
  if (typeId < FIRST_USER_OBJECT) return `pg_catalog.format_type(${typeId}, ${modifier})`;
  const type = types.get(typeId);
  return type && quoteLiteral(quoteQualified(type.schema, type.name));
}

function isSameType(found: TargetColumn, { typeId, modifier }: RelationColumn, types: TypeNames): boolean {
  if (typeId < FIRST_USER_OBJECT) return found.typeId === typeId && found.modifier === modifier;
  const type = types.get(typeId);
  return type === undefined || (type.name === found.typeName && type.schema === found.typeSchema);
}

function isGone(relation: Relation, { name, isGenerated, isRequired }: TargetColumn): boolean {
  return isRequired && !isGenerated && !relation.columns.some((column) => column.name === name);
}

function goneChange(table: TargetTable, { name }: TargetColumn): Change {
  return {
    sql: `'ALTER COLUMN ' || ${quoteLiteral(quoteIdent(name))} || ' DROP NOT NULL'`,
    warning: `${table.name} lost the column ${name} after the backup: the column was kept, without its NOT NULL.`,
  };
}
