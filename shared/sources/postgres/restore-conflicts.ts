import type pg from 'pg';
import { query } from './connection.ts';
import { quoteIdent, quoteQualified } from './identifiers.ts';
import { entryName, type TocEntry } from './toc.ts';

/** What is looked up in the target by name, and how it is dropped. Of all other types, the target's own error tells. */
const LOOKED_UP: Readonly<
  Record<string, { readonly by: 'relation' | 'type' | 'routine'; readonly drop: string }>
> = {
  TABLE: { by: 'relation', drop: 'TABLE' },
  'FOREIGN TABLE': { by: 'relation', drop: 'FOREIGN TABLE' },
  VIEW: { by: 'relation', drop: 'VIEW' },
  'MATERIALIZED VIEW': { by: 'relation', drop: 'MATERIALIZED VIEW' },
  SEQUENCE: { by: 'relation', drop: 'SEQUENCE' },
  TYPE: { by: 'type', drop: 'TYPE' },
  DOMAIN: { by: 'type', drop: 'DOMAIN' },
  FUNCTION: { by: 'routine', drop: 'ROUTINE' },
  PROCEDURE: { by: 'routine', drop: 'ROUTINE' },
  AGGREGATE: { by: 'routine', drop: 'ROUTINE' },
};
const GLOBAL: Readonly<Record<string, { readonly catalog: string; readonly column: string }>> = {
  SCHEMA: { catalog: 'pg_namespace', column: 'nspname' },
  EXTENSION: { catalog: 'pg_extension', column: 'extname' },
  PUBLICATION: { catalog: 'pg_publication', column: 'pubname' },
  'EVENT TRIGGER': { catalog: 'pg_event_trigger', column: 'evtname' },
};
/** These may be there already: they are then used as they are. */
const SHARED = new Set(['SCHEMA', 'EXTENSION']);
const BATCH = 500;

export interface Presence {
  /** Entries whose object the target has. */
  readonly present: ReadonlySet<TocEntry>;
}

/** Looks in the target for the objects of a dump, by name. */
export async function lookUp(
  client: pg.Client,
  entries: readonly TocEntry[],
  signal: AbortSignal,
): Promise<Presence> {
  const present = new Set<TocEntry>();
  const asked = entries.flatMap((entry) => {
    const sql = lookUpSql(entry);
    return sql === undefined ? [] : [{ entry, sql }];
  });
  for (let at = 0; at < asked.length; at += BATCH) {
    const batch = asked.slice(at, at + BATCH);
    const selects = batch.map(({ sql }, i) => `SELECT ${i} AS i WHERE ${sql}`);
    for (const { i } of await query<{ i: number }>(client, selects.join(' UNION ALL '), signal)) {
      const found = batch[i]?.entry;
      if (found) present.add(found);
    }
  }
  return { present };
}

/** Objects in the way: those that are there and cannot be shared. */
export function conflictsOf({ present }: Presence): string[] {
  return [...present].filter(({ type }) => !SHARED.has(type)).map(entryName);
}

/**
 * Statements that drop what is in the way: tables and views first, as they take their own sequences and types with
 * them, and nothing else can; otherwise the last made first.
 */
export function dropsOf({ present }: Presence, entries: readonly TocEntry[]): string[] {
  return entries
    .filter((entry) => present.has(entry) && !SHARED.has(entry.type))
    .toReversed()
    .toSorted((a, b) => Number(isRelation(b)) - Number(isRelation(a)))
    .map((entry) => {
      const global = GLOBAL[entry.type];
      if (global) return `DROP ${entry.type} IF EXISTS ${quoteIdent(entry.name)} CASCADE`;
      const { by, drop } = LOOKED_UP[entry.type] ?? { by: 'relation', drop: entry.type };
      const name = by === 'routine' ? routineName(entry) : quoteQualified(entry.schema, entry.name);
      return `DROP ${drop} IF EXISTS ${name} CASCADE`;
    });
}

/** Whether an entry's own statements are to be left out, as the target has the object and it is shared. */
export function isShared(entry: TocEntry, { present }: Presence): boolean {
  return entry.type === 'SCHEMA' && present.has(entry);
}

function isRelation({ type }: TocEntry): boolean {
  return LOOKED_UP[type]?.by === 'relation' && type !== 'SEQUENCE';
}

function lookUpSql(entry: TocEntry): string | undefined {
  const global = GLOBAL[entry.type];
  if (global)
    return `EXISTS (SELECT FROM pg_catalog.${global.catalog} WHERE ${global.column} = ${literal(entry.name)})`;
  const kind = LOOKED_UP[entry.type];
  if (!kind) return undefined;
  const of = `n.nspname = ${literal(entry.schema)}`;
  const join = (catalog: string, namespace: string) =>
    `EXISTS (SELECT FROM pg_catalog.${catalog} o JOIN pg_catalog.pg_namespace n ON n.oid = o.${namespace} WHERE ${of} AND`;
  if (kind.by === 'relation')
    return `${join('pg_class', 'relnamespace')} o.relname = ${literal(entry.name)})`;
  if (kind.by === 'type') return `${join('pg_type', 'typnamespace')} o.typname = ${literal(entry.name)})`;
  const bare = entry.name.slice(0, entry.name.indexOf('('));
  const wanted = entry.name.slice(bare.length);
  return `${join('pg_proc', 'pronamespace')} o.proname = ${literal(bare)} AND '(' || pg_catalog.pg_get_function_identity_arguments(o.oid) || ')' = ${literal(wanted)})`;
}

function routineName({ schema, name }: TocEntry): string {
  const open = name.indexOf('(');
  return `${quoteQualified(schema, name.slice(0, open))}${name.slice(open)}`;
}

function literal(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
