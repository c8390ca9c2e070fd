import type pg from 'pg';
import { query } from '../connection/connection.ts';
import { entryName, identityOf, type TocEntry } from '../pg-dump/toc.ts';
import { quoteIdent, quoteLiteral, quoteQualified, splitQualified } from '../text/identifiers.ts';

/** Where the target keeps objects of a kind. */
interface Catalog {
  readonly catalog: string;
  readonly name: string;
  /** Column of the schema; undefined for objects that are in none. */
  readonly schema?: string;
  /** SQL for what tells objects of one name apart, written as pg_dump does. */
  readonly signature?: string;
  /** What DROP calls the kind. @default the type of the entry */
  readonly drop?: string;
}

const RELATION: Catalog = { catalog: 'pg_class', name: 'relname', schema: 'relnamespace' };
const TYPE: Catalog = { catalog: 'pg_type', name: 'typname', schema: 'typnamespace' };
const ROUTINE: Catalog = {
  catalog: 'pg_proc',
  name: 'proname',
  schema: 'pronamespace',
  signature: "'(' || pg_catalog.oidvectortypes(o.proargtypes) || ')'",
};
const using = (method: string) =>
  `'USING ' || (SELECT pg_catalog.quote_ident(amname) FROM pg_catalog.pg_am a WHERE a.oid = o.${method})`;
const typeOf = (column: string) => `pg_catalog.format_type(o.${column}, NULL)`;

/** What is looked up in the target before anything is changed. Of all other types, the target's own error tells. */
const CATALOGS: Readonly<Record<string, Catalog>> = {
  TABLE: RELATION,
  'FOREIGN TABLE': RELATION,
  VIEW: RELATION,
  'MATERIALIZED VIEW': RELATION,
  SEQUENCE: RELATION,
  TYPE,
  DOMAIN: TYPE,
  FUNCTION: ROUTINE,
  PROCEDURE: ROUTINE,
  AGGREGATE: ROUTINE,
  OPERATOR: {
    catalog: 'pg_operator',
    name: 'oprname',
    schema: 'oprnamespace',
    signature: `'(' || CASE o.oprleft WHEN 0 THEN 'NONE' ELSE ${typeOf('oprleft')} END || ', ' || ${typeOf('oprright')} || ')'`,
  },
  'OPERATOR CLASS': {
    catalog: 'pg_opclass',
    name: 'opcname',
    schema: 'opcnamespace',
    signature: using('opcmethod'),
  },
  'OPERATOR FAMILY': {
    catalog: 'pg_opfamily',
    name: 'opfname',
    schema: 'opfnamespace',
    signature: using('opfmethod'),
  },
  COLLATION: { catalog: 'pg_collation', name: 'collname', schema: 'collnamespace' },
  CONVERSION: { catalog: 'pg_conversion', name: 'conname', schema: 'connamespace' },
  STATISTICS: { catalog: 'pg_statistic_ext', name: 'stxname', schema: 'stxnamespace' },
  'TEXT SEARCH PARSER': { catalog: 'pg_ts_parser', name: 'prsname', schema: 'prsnamespace' },
  'TEXT SEARCH TEMPLATE': { catalog: 'pg_ts_template', name: 'tmplname', schema: 'tmplnamespace' },
  'TEXT SEARCH DICTIONARY': { catalog: 'pg_ts_dict', name: 'dictname', schema: 'dictnamespace' },
  'TEXT SEARCH CONFIGURATION': { catalog: 'pg_ts_config', name: 'cfgname', schema: 'cfgnamespace' },
  CAST: {
    catalog: 'pg_cast',
    name: `(${typeOf('castsource')} || ' AS ' || ${typeOf('casttarget')})`,
  },
  SCHEMA: { catalog: 'pg_namespace', name: 'nspname' },
  EXTENSION: { catalog: 'pg_extension', name: 'extname' },
  'PROCEDURAL LANGUAGE': { catalog: 'pg_language', name: 'lanname', drop: 'LANGUAGE' },
  'ACCESS METHOD': { catalog: 'pg_am', name: 'amname' },
  'FOREIGN DATA WRAPPER': { catalog: 'pg_foreign_data_wrapper', name: 'fdwname' },
  SERVER: { catalog: 'pg_foreign_server', name: 'srvname' },
  PUBLICATION: { catalog: 'pg_publication', name: 'pubname' },
  SUBSCRIPTION: {
    catalog:
      '(SELECT 0 AS oid, subname FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid WHERE d.datname = pg_catalog.current_database())',
    name: 'subname',
  },
  'EVENT TRIGGER': { catalog: 'pg_event_trigger', name: 'evtname' },
};
/** These may be there already: they are then used as they are. */
const SHARED = new Set(['SCHEMA', 'EXTENSION']);
const BATCH = 500;

/** An object of the target. */
export interface ObjectId {
  /** Where it is listed, such as `pg_catalog.pg_class`. */
  readonly catalog: string;
  readonly oid: string;
}

/** What of a backup the target has already. */
export interface Presence {
  /** Entries whose object the target has. */
  readonly present: ReadonlySet<TocEntry>;
  readonly ids: ReadonlyMap<TocEntry, ObjectId>;
}

/** Looks in the target for the objects of a dump, by name. */
export async function lookUp(
  client: pg.Client,
  entries: readonly TocEntry[],
  signal: AbortSignal,
): Promise<Presence> {
  const ids = new Map<TocEntry, ObjectId>();
  const asked = entries.flatMap((entry) => {
    const found = CATALOGS[entry.type];
    return found === undefined ? [] : [{ entry, catalog: found.catalog, sql: findSql(entry, found) }];
  });
  for (let at = 0; at < asked.length; at += BATCH) {
    const batch = asked.slice(at, at + BATCH);
    const selects = batch.map(({ sql }, i) => `SELECT ${i} AS i, o.oid::text AS oid FROM ${sql}`);
    const rows = await query<{ i: number; oid: string }>(client, selects.join(' UNION ALL '), signal);
    for (const { i, oid } of rows) {
      const found = batch[i];
      if (found) ids.set(found.entry, { catalog: found.catalog, oid });
    }
  }
  return { present: new Set(ids.keys()), ids };
}

/** Objects in the way: those that are there and cannot be shared. */
export function conflictsOf({ present }: Pick<Presence, 'present'>): string[] {
  return [...present].filter(({ type }) => !SHARED.has(type)).map(entryName);
}

/**
 * Statements that drop what is in the way: tables and views first, as they take their own sequences and types with
 * them, and nothing else can; otherwise the last made first.
 */
export function dropsOf({ present }: Pick<Presence, 'present'>, entries: readonly TocEntry[]): string[] {
  return entries
    .filter((entry) => present.has(entry) && !SHARED.has(entry.type))
    .toReversed()
    .toSorted((a, b) => Number(isRelation(b)) - Number(isRelation(a)))
    .map((entry) => {
      const cascade = entry.type === 'SUBSCRIPTION' ? '' : ' CASCADE';
      return `DROP ${CATALOGS[entry.type]?.drop ?? entry.type} IF EXISTS ${sqlName(entry)}${cascade}`;
    });
}

/** What those statements drop themselves; what depends on it goes too. */
export function rootsOf({ present, ids }: Presence): ObjectId[] {
  return [...present].flatMap((entry) => {
    const id = SHARED.has(entry.type) || entry.type === 'SUBSCRIPTION' ? undefined : ids.get(entry);
    return id === undefined ? [] : [id];
  });
}

/** Whether an entry's own statements are to be left out, as the target has the object and it is shared. */
export function isShared(entry: TocEntry, { present }: Pick<Presence, 'present'>): boolean {
  return entry.type === 'SCHEMA' && present.has(entry);
}

function isRelation({ type }: TocEntry): boolean {
  return CATALOGS[type] === RELATION && type !== 'SEQUENCE';
}

/** As statements name the object; a comment of the dump has line breaks changed. */
function sqlName(entry: TocEntry): string {
  if (entry.type === 'CAST') return entry.name.slice('CAST '.length);
  const written = identityOf(entry);
  if (written !== undefined) return written;
  return entry.schema === '-' ? quoteIdent(entry.name) : quoteQualified(entry.schema, entry.name);
}

/** Table and conditions that find the object; its alias is `o`. */
function findSql(entry: TocEntry, { catalog, name, schema, signature }: Catalog): string {
  const from = catalog.startsWith('(') ? catalog : `pg_catalog.${catalog}`;
  const column = name.startsWith('(') ? name : `o.${name}`;
  if (entry.type === 'CAST')
    return `${from} o WHERE ${column} = ${quoteLiteral(entry.name.slice('CAST ('.length, -1))}`;
  const { names, rest } = splitQualified(sqlName(entry));
  const conditions = [`${column} = ${quoteLiteral(names.at(-1) ?? '')}`];
  if (schema !== undefined)
    conditions.push(
      `o.${schema} = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = ${quoteLiteral(names[0] ?? '')})`,
    );
  if (signature !== undefined)
    conditions.push(
      `${signature} = ${quoteLiteral(CATALOGS[entry.type] === ROUTINE ? argumentTypes(entry, names.at(-1) ?? '') : rest.trim())}`,
    );
  return `${from} o WHERE ${conditions.join(' AND ')}`;
}

/** Of a routine, from the dump's comment, which has no names of arguments. */
function argumentTypes({ name }: TocEntry, bare: string): string {
  const types = name.slice(bare.length);
  return types === '(*)' ? '()' : types;
}
