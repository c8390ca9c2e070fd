import type pg from 'pg';
import { query } from '../connection/connection.ts';
import { displayName, quoteQualified } from '../text/identifiers.ts';
import type { Staged } from './stage.ts';

/** A table that a foreign key refers from or to. */
export interface KeyEnd {
  readonly oid: string;
  /** Quoted; with ONLY unless rows lie in parts of it. */
  readonly place: string;
  readonly dataset: string;
}

/** A foreign key of the target. */
export interface ForeignKey {
  readonly name: string;
  readonly from: KeyEnd;
  readonly to: KeyEnd;
  readonly columns: readonly string[];
  readonly others: readonly string[];
}

type KeyRow = {
  readonly name: string;
  readonly from: string;
  readonly fromSchema: string;
  readonly fromTable: string;
  readonly fromKind: string;
  readonly to: string;
  readonly toSchema: string;
  readonly toTable: string;
  readonly toKind: string;
  readonly columns: string[];
  readonly others: string[];
};

/** Foreign keys that refer from or to staged tables. @throws E_SOURCE_* */
export async function findForeignKeys(
  client: pg.Client,
  all: readonly Staged[],
  signal: AbortSignal,
): Promise<readonly ForeignKey[]> {
  const [server] = await query<{ version: string }>(
    client,
    `SELECT pg_catalog.current_setting('server_version_num') AS version`,
    signal,
  );
  // One that refers to a partitioned table has others for each partition, which hold only together.
  const isWhole =
    Number(server?.version) < 110_000
      ? ''
      : 'AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint u WHERE u.oid = k.conparentid AND u.conrelid = k.conrelid)';
  const rows = await query<KeyRow>(client, SQL.replace('IS_WHOLE', isWhole), signal, {
    values: [all.flatMap(({ table }) => table.oids)],
  });
  return rows.map((row) => ({
    name: row.name,
    from: end(row.from, row.fromSchema, row.fromTable, row.fromKind),
    to: end(row.to, row.toSchema, row.toTable, row.toKind),
    columns: row.columns,
    others: row.others,
  }));
}

function end(oid: string, schema: string, table: string, kind: string): KeyEnd {
  const place = quoteQualified(schema, table);
  return { oid, place: kind === 'p' ? place : `ONLY ${place}`, dataset: displayName(schema, table) };
}

const namesOf = (numbers: string, table: string) => `
  ARRAY(SELECT a.attname::text
          FROM pg_catalog.unnest(${numbers}) WITH ORDINALITY AS n (attnum, place)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = ${table} AND a.attnum = n.attnum ORDER BY n.place)`;

const SQL = `
  SELECT k.conname AS name, f.oid::text AS from, fn.nspname AS "fromSchema", f.relname AS "fromTable", f.relkind AS "fromKind",
         t.oid::text AS to, tn.nspname AS "toSchema", t.relname AS "toTable", t.relkind AS "toKind",
         ${namesOf('k.conkey', 'k.conrelid')} AS columns, ${namesOf('k.confkey', 'k.confrelid')} AS others
    FROM pg_catalog.pg_constraint k
    JOIN pg_catalog.pg_class f ON f.oid = k.conrelid JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace
    JOIN pg_catalog.pg_class t ON t.oid = k.confrelid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
   WHERE k.contype = 'f' AND (k.conrelid = ANY ($1::oid[]) OR k.confrelid = ANY ($1::oid[])) IS_WHOLE
   ORDER BY fn.nspname, f.relname, k.conname`;
