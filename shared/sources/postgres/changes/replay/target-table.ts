import type pg from 'pg';
import { query } from '../../connection/connection.ts';
import { displayName, quoteQualified } from '../../text/identifiers.ts';

/** A column of a table of the target. */
export interface TargetColumn {
  readonly name: string;
  readonly typeId: number;
  readonly modifier: number;
  /** Schema and name of its type, or of the type below a domain, whatever the ids of types are here. */
  readonly typeSchema: string;
  readonly typeName: string;
  /** Type of arrays of its values, such as `numeric(10,2)[]`. Of arrays and of what has no such type, `text[]`. */
  readonly arrayType: string;
  /** What values of `text[]` are cast to. */
  readonly castTo: string | undefined;
  readonly isGenerated: boolean;
  /** GENERATED ALWAYS AS IDENTITY: no UPDATE may set it. */
  readonly isAlways: boolean;
  /** An INSERT must give it. */
  readonly isRequired: boolean;
}

/** A unique index that can find every row. */
export interface TargetKey {
  readonly columns: readonly string[];
  /** By column, such as `OPERATOR(pg_catalog.=)`. */
  readonly equals: readonly string[];
}

/** A table of the target. */
export interface TargetTable {
  /** Quoted, with its schema. */
  readonly place: string;
  /** As datasets are named. */
  readonly name: string;
  readonly columns: readonly TargetColumn[];
  /** The primary key first. */
  readonly keys: readonly TargetKey[];
}

/** Domains are of the type below them: what is assigned to them is checked all the same. */
const COLUMNS = `
  WITH RECURSIVE types AS (
    SELECT a.attnum, a.atttypid AS id, a.atttypmod AS modifier
      FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT b.attnum, t.typbasetype, t.typtypmod
      FROM types b JOIN pg_catalog.pg_type t ON t.oid = b.id WHERE t.typtype = 'd')
  SELECT a.attname AS name, a.atttypid::int8::text AS "typeId", a.atttypmod AS modifier,
         n.nspname AS "typeSchema", t.typname AS "typeName",
         CASE WHEN t.typarray = 0 THEN 'text[]' ELSE pg_catalog.format_type(t.typarray, b.modifier) END AS "arrayType",
         CASE WHEN t.typarray = 0 THEN pg_catalog.format_type(t.oid, b.modifier) END AS "castTo",
         to_jsonb(a) ->> 'attgenerated' IN ('s', 'v') AS "isGenerated",
         to_jsonb(a) ->> 'attidentity' = 'a' AS "isAlways",
         a.attnotnull AND NOT a.atthasdef AND coalesce(to_jsonb(a) ->> 'attidentity', '') = '' AS "isRequired"
    FROM pg_catalog.pg_attribute a
    JOIN types b ON b.attnum = a.attnum
    JOIN pg_catalog.pg_type t ON t.oid = b.id AND t.typtype <> 'd'
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
   WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
   ORDER BY a.attnum`;

const KEYS = `
  SELECT i.indisprimary AS "isPrimary", i.indexrelid,
         json_agg(a.attname ORDER BY k.place) AS columns,
         json_agg(json_build_array(n.nspname, o.oprname) ORDER BY k.place) AS operators,
         bool_and(a.attnotnull) AS "isWhole"
    FROM pg_catalog.pg_index i
    CROSS JOIN LATERAL pg_catalog.generate_series(0, i.indnkeyatts - 1) AS k(place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.place]
    JOIN pg_catalog.pg_opclass c ON c.oid = i.indclass[k.place]
    JOIN pg_catalog.pg_am m ON m.oid = c.opcmethod AND m.amname = 'btree'
    JOIN pg_catalog.pg_amop p ON p.amopfamily = c.opcfamily AND p.amopstrategy = 3
     AND p.amoplefttype = c.opcintype AND p.amoprighttype = c.opcintype
    JOIN pg_catalog.pg_operator o ON o.oid = p.amopopr
    JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
   WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
   GROUP BY i.indexrelid, i.indisprimary, i.indnkeyatts
  HAVING count(*) = i.indnkeyatts
   ORDER BY i.indisprimary DESC, i.indexrelid`;

/** @returns undefined if the target has no such table @throws E_SOURCE_*, E_ABORTED */
export async function findTable(
  client: pg.Client,
  schema: string,
  table: string,
  signal: AbortSignal,
): Promise<TargetTable | undefined> {
  const [found] = await query<{ id: string }>(
    client,
    `SELECT c.oid::text AS id FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'r'`,
    signal,
    { values: [schema, table] },
  );
  if (!found) return undefined;
  const columns = await query<
    Omit<TargetColumn, 'typeId' | 'castTo'> & { typeId: string; castTo: string | null }
  >(client, COLUMNS, signal, { values: [found.id] });
  const keys = await query<{ columns: string[]; operators: [string, string][]; isWhole: boolean }>(
    client,
    KEYS,
    signal,
    { values: [found.id] },
  );
  return {
    place: quoteQualified(schema, table),
    name: displayName(schema, table),
    columns: columns.map((column) => ({
      ...column,
      typeId: Number(column.typeId),
      castTo: column.castTo ?? undefined,
    })),
    keys: keys
      .filter(({ isWhole }) => isWhole)
      .map((key) => ({
        columns: key.columns,
        // Operators are of symbols that need no quotes, schemas are quoted.
        equals: key.operators.map(
          ([inSchema, name]) => `OPERATOR("${inSchema.replaceAll('"', '""')}".${name})`,
        ),
      })),
  };
}
