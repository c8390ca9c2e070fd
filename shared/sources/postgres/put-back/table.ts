import type pg from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import { query } from '../connection/connection.ts';
import type { TableAttributes } from '../datasets/attributes.ts';
import { displayName, quoteQualified } from '../text/identifiers.ts';

/** A column of a table that rows are put back into. */
export interface TargetColumn {
  readonly name: string;
  readonly type: string;
  /** Quoted; empty for the type's own. */
  readonly collation: string;
  readonly isRequired: boolean;
  readonly hasDefault: boolean;
  readonly isGenerated: boolean;
  /** The server gives its values, and takes no other by UPDATE. */
  readonly isIdentity: boolean;
}

/** A table as the target has it. */
export interface TargetTable {
  readonly oid: string;
  /** Itself, and the tables that it is a part of. */
  readonly oids: readonly string[];
  /** Quoted. */
  readonly place: string;
  readonly columns: readonly TargetColumn[];
  /** Names of the columns of the primary key; empty if there is none. */
  readonly key: readonly string[];
  readonly triggers: readonly string[];
}

/** Looks a table up. @throws E_ROWS_REFUSED if the target lacks it */
export async function lookUpTable(
  client: pg.Client,
  { schema, table }: TableAttributes,
  signal: AbortSignal,
): Promise<TargetTable> {
  const place = quoteQualified(schema, table);
  const [found] = await query<{ oid: string; version: string }>(
    client,
    `SELECT c.oid::text AS oid, pg_catalog.current_setting('server_version_num') AS version
       FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind = 'r'`,
    signal,
    { values: [place] },
  );
  if (!found)
    throw new HoldfastError('E_ROWS_REFUSED', `the target has no table ${displayName(schema, table)}`, {
      hint: `Restore the whole table with --dataset, or only these rows with --beside NAME.`,
    });
  const about = { values: [found.oid] };
  const columns = await query<TargetColumn & pg.QueryResultRow>(
    client,
    columnsSql(Number(found.version)),
    signal,
    about,
  );
  const key = await query<{ name: string }>(client, KEY, signal, about);
  const ancestors = await query<{ oid: string }>(client, ANCESTORS, signal, about);
  const triggers = await query<{ name: string }>(client, TRIGGERS, signal, about);
  return {
    oid: found.oid,
    oids: [found.oid, ...ancestors.map(({ oid }) => oid)],
    place,
    columns,
    key: key.map(({ name }) => name),
    triggers: triggers.map(({ name }) => name),
  };
}

/** @param version as `server_version_num` counts */
function columnsSql(version: number): string {
  const generated = version < 120_000 ? 'false' : "a.attgenerated <> ''";
  const identity = version < 100_000 ? "''" : 'a.attidentity';
  return `
    SELECT a.attname AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
           CASE WHEN a.attcollation <> t.typcollation
                THEN (SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(l.collname)
                        FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace
                       WHERE l.oid = a.attcollation)
                ELSE '' END AS collation,
           a.attnotnull AS "isRequired", a.atthasdef OR ${identity} <> '' AS "hasDefault",
           ${generated} AS "isGenerated", ${identity} = 'a' AS "isIdentity"
      FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
     WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;
}

const KEY = `
  SELECT a.attname AS name
    FROM pg_catalog.pg_constraint p CROSS JOIN LATERAL pg_catalog.unnest(p.conkey) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = p.conrelid AND a.attnum = k.attnum
   WHERE p.conrelid = $1::oid AND p.contype = 'p' ORDER BY k.place`;

const ANCESTORS = `
  WITH RECURSIVE above (oid) AS (
    SELECT inhparent FROM pg_catalog.pg_inherits WHERE inhrelid = $1::oid
     UNION SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN above ON above.oid = i.inhrelid)
  SELECT oid::text AS oid FROM above`;

const TRIGGERS = `
  SELECT tgname AS name FROM pg_catalog.pg_trigger
   WHERE tgrelid = $1::oid AND NOT tgisinternal AND tgenabled <> 'D' ORDER BY tgname`;
