import { createHash } from 'node:crypto';
import type pg from 'pg';
import { query } from '../connection/connection.ts';
import { displayName } from '../text/identifiers.ts';
import { DDL_SCHEMA } from './names.ts';

/** What a publication has, and how all of the database is defined. */
export interface Definitions {
  /** Names of datasets. */
  readonly published: readonly string[];
  /** Tables that hold rows and are not published. */
  readonly left: readonly string[];
  /** Differs if anything was defined anew that a replay on an older base would miss. */
  readonly fingerprint: string;
}

const USER_SCHEMA = `n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '${DDL_SCHEMA}')`;

function ofUserTable(id: string): string {
  return `JOIN pg_catalog.pg_class c ON c.oid = ${id} JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relpersistence <> 't' AND ${USER_SCHEMA}`;
}

/**
 * Ids and transaction ids of catalog rows are in it: a table that was made again, a column that was rewritten and a table that left
 * the publication and came back all lost changes, although they look as before. Statistics are not in it, nor
 * owners and privileges of tables.
 */
const PARTS: readonly { readonly sql: string }[] = [
  {
    sql: `SELECT c.oid, c.relname, c.relnamespace, c.relkind, c.relpersistence, c.relreplident, c.reloftype, c.relispartition,
                 pg_catalog.md5(coalesce(c.relpartbound::text, ''))
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't' AND ${USER_SCHEMA}`,
  },
  {
    sql: `SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attisdropped, a.xmin
            FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           WHERE a.attnum > 0 AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND ${USER_SCHEMA}`,
  },
  {
    sql: `SELECT d.oid, d.adrelid, d.adnum, d.xmin FROM pg_catalog.pg_attrdef d ${ofUserTable('d.adrelid')}`,
  },
  {
    sql: `SELECT i.indexrelid, i.indrelid, i.indisunique, i.indisprimary, i.indimmediate, i.indisvalid, i.indisreplident
            FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relpersistence <> 't' AND ${USER_SCHEMA}`,
  },
  {
    sql: `SELECT k.oid, k.xmin FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace WHERE ${USER_SCHEMA}`,
  },
  {
    sql: `SELECT p.oid, p.xmin FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE ${USER_SCHEMA}`,
  },
  {
    sql: `SELECT t.oid, t.typname, t.xmin FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
           WHERE t.typrelid = 0 AND t.typelem = 0 AND ${USER_SCHEMA}`,
  },
  { sql: 'SELECT e.oid, e.enumlabel, e.enumsortorder FROM pg_catalog.pg_enum e' },
  {
    sql: `SELECT t.oid, t.xmin FROM pg_catalog.pg_trigger t ${ofUserTable('t.tgrelid')} AND NOT t.tgisinternal`,
  },
  {
    sql: `SELECT r.oid, r.xmin FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE ${USER_SCHEMA}`,
  },
  { sql: `SELECT p.oid, p.xmin FROM pg_catalog.pg_policy p ${ofUserTable('p.polrelid')}` },
  { sql: `SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace n WHERE ${USER_SCHEMA}` },
  { sql: 'SELECT p.oid, p.xmin FROM pg_catalog.pg_publication p WHERE p.pubname = $1' },
  {
    sql: `SELECT r.oid, r.xmin FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
           WHERE p.pubname = $1`,
  },
];

/** @throws E_SOURCE_*, E_ABORTED */
export async function readDefinitions(
  client: pg.Client,
  publication: string,
  signal: AbortSignal,
): Promise<Definitions> {
  const tables = await listPublished(client, publication, signal);
  const sums = PARTS.map(
    ({ sql }, i) =>
      `(SELECT pg_catalog.md5(coalesce(pg_catalog.string_agg(x::text, E'\\n' ORDER BY x::text COLLATE "C"), '')) FROM (${sql}) x) AS s${i}`,
  );
  const [row = {}] = await query<Record<string, string>>(
    client,
    `SELECT ${sums.join(', ')} FROM (SELECT $1::name) p`,
    signal,
    {
      values: [publication],
    },
  );
  const hash = createHash('sha256');
  for (const i of PARTS.keys()) hash.update(`${row[`s${i}`]}\n`);
  const names = (isPublished: boolean) =>
    tables
      .filter((table) => table.isPublished === isPublished)
      .map(({ schema, name }) => displayName(schema, name));
  return { published: names(true), left: names(false), fingerprint: hash.digest('hex').slice(0, 32) };
}

/** All tables that hold rows of their own, in the order of their names' bytes. */
async function listPublished(
  client: pg.Client,
  publication: string,
  signal: AbortSignal,
): Promise<readonly { schema: string; name: string; isPublished: boolean }[]> {
  return query(
    client,
    `SELECT n.nspname AS schema, c.relname AS name,
            EXISTS (SELECT FROM pg_catalog.pg_publication_tables t
                     WHERE t.pubname = $1 AND t.schemaname = n.nspname AND t.tablename = c.relname) AS "isPublished"
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND ${USER_SCHEMA}
      ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C"`,
    signal,
    { values: [publication] },
  );
}
