import { entryName, identityOf, type Toc, type TocEntry } from '../pg-dump/toc.ts';
import { displayName, quoteIdent, splitQualified } from '../text/identifiers.ts';
import { ATTACH, type TableName } from './choice.ts';
import { addNeeded } from './needs.ts';

/** Entries of a schema that belong to what was chosen. */
export interface SchemaSelection {
  readonly preData: readonly TocEntry[];
  readonly postData: readonly TocEntry[];
  readonly warnings: readonly string[];
}

/** What belongs to a table and is named after it first: `orders orders_pkey`. */
const OF_TABLE = new Set([
  'CONSTRAINT',
  'CHECK CONSTRAINT',
  'FK CONSTRAINT',
  'TRIGGER',
  'RULE',
  'POLICY',
  'DEFAULT',
  'ROW SECURITY',
]);
const VIEWS = new Set(['VIEW', 'MATERIALIZED VIEW']);
/** What is named as the table or view is. */
const RELATIONS = new Set(['TABLE', 'FOREIGN TABLE', ...VIEWS, 'MATERIALIZED VIEW DATA']);
/** Entries about an object: they follow their object. */
const ABOUT = new Set(['COMMENT', 'ACL', 'SECURITY LABEL']);

/** The entries that make the chosen tables, and what these need, as far as the target has it not. */
export function selectSchema(
  tables: readonly TableName[],
  {
    pre,
    post,
    has,
    rebuilt,
  }: {
    readonly pre: Toc;
    readonly post: Toc;
    readonly has: (entry: TocEntry) => boolean;
    /** Made too, with all that belongs to it. */
    readonly rebuilt: ReadonlySet<TocEntry>;
  },
): SchemaSelection {
  const views = [...rebuilt].filter(({ type }) => VIEWS.has(type));
  const names = [...tables, ...views.map(({ schema, name }) => ({ schema, table: name }))].map(writtenNames);
  const belonging = ({ entries }: Toc) =>
    entries.filter((entry) => rebuilt.has(entry) || names.some((table) => belongs(entry, table)));
  const own = belonging(pre);
  const ownPost = belonging(post);
  const chosen = new Set(own);
  const isLoose = ({ type }: TocEntry) => type === 'FK CONSTRAINT';
  if (own.length > 0)
    addNeeded(
      pre.entries.filter((entry) => !has(entry)),
      chosen,
      ownPost.filter((entry) => !isLoose(entry)),
    );
  const warnings = [...chosen]
    .filter((entry) => entry.type === 'TABLE' && !own.includes(entry))
    .map((entry) => `${entryName(entry)} is made without rows: something that is restored needs it`);
  const made = tablesOf([...chosen]);
  const there = tablesOf(pre.entries.filter(has));
  const isThere = (entry: TocEntry, table: string): boolean => {
    if (made.has(table) || there.has(table)) return true;
    warnings.push(`${entryName(entry)} is left out: ${table} is not there`);
    return false;
  };
  const attached = attachments(chosen, isThere);
  // A table that is there has indexes of its own: a partition joins it when it has the same.
  const late = new Set(attached.filter(({ parent }) => !made.has(parent)).map(({ entry }) => entry));
  const early = new Set(attached.map(({ entry }) => entry).filter((entry) => !late.has(entry)));
  const joined = new Set(attached.map(({ child }) => child));
  const postData = ownPost.filter((entry) =>
    isLoose(entry)
      ? isThere(entry, referredTable(entry))
      : !changesParentsTrigger(entry) || joined.has(shown(changedTable(entry))),
  );
  const objects = new Set([...chosen, ...postData].flatMap(objectKeys));
  const parts = new Set([...rebuilt].filter(({ type }) => OF_TABLE.has(type)).map(partKey));
  const isAbout = (entry: TocEntry) =>
    ABOUT.has(entry.type) && (objects.has(subjectKey(entry)) || parts.has(commentedPart(entry)));
  const indexes = new Set(postData.map(({ schema, name, type }) => indexName({ schema, name, type })));
  return {
    preData: pre.entries.filter((entry) =>
      entry.type === 'TABLE ATTACH' ? early.has(entry) : chosen.has(entry) || isAbout(entry),
    ),
    postData: afterIndexes(
      post.entries.filter(
        (entry) => postData.includes(entry) || isAbout(entry) || joinsIndexes(entry, indexes),
      ),
      [...late],
    ),
    warnings,
  };
}

/** Where pg_dump has triggers and keys, which may be those that a partition gets from its table. */
function afterIndexes(entries: readonly TocEntry[], late: readonly TocEntry[]): TocEntry[] {
  const found = entries.findIndex(({ type }) => type === 'TRIGGER' || type === 'FK CONSTRAINT');
  const at = found < 0 ? entries.length : found;
  return [...entries.slice(0, at), ...late, ...entries.slice(at)];
}

/** A partition has its table's triggers; pg_dump writes only whether they are enabled. */
function changesParentsTrigger({ type, sql }: TocEntry): boolean {
  return type === 'TRIGGER' && !/^\s*CREATE /.test(sql);
}

function changedTable({ sql }: TocEntry): string {
  return /ALTER TABLE (?:ONLY )?(.+?) (?:ENABLE|DISABLE) /s.exec(sql)?.[1] ?? '';
}

interface WrittenName extends TableName {
  /** Ways pg_dump may write it. */
  readonly quoted: readonly string[];
}

function writtenNames({ schema, table }: TableName): WrittenName {
  const ways = (name: string) => [name, quoteIdent(name)];
  return { schema, table, quoted: ways(schema).flatMap((s) => ways(table).map((t) => `${s}.${t}`)) };
}

function tablesOf(entries: readonly TocEntry[]): ReadonlySet<string> {
  return new Set(
    entries.filter(({ type }) => type === 'TABLE').map(({ schema, name }) => displayName(schema, name)),
  );
}

function shown(qualified: string): string {
  const [schema = '', name = ''] = splitQualified(qualified).names;
  return displayName(schema, name);
}

function referredTable({ sql }: TocEntry): string {
  return shown(/REFERENCES (.+?)\(/s.exec(sql)?.[1] ?? '');
}

/** The chosen TABLE ATTACH entries whose parent is there. */
function attachments(
  chosen: ReadonlySet<TocEntry>,
  isThere: (entry: TocEntry, table: string) => boolean,
): { readonly entry: TocEntry; readonly parent: string; readonly child: string }[] {
  return [...chosen]
    .filter(({ type }) => type === 'TABLE ATTACH')
    .map((entry) => {
      const [, parent = '', child = ''] = ATTACH.exec(entry.sql) ?? [];
      return { entry, parent: shown(parent), child: shown(child) };
    })
    .filter(({ entry, parent }) => isThere(entry, parent));
}

function belongs(entry: TocEntry, { schema, table, quoted }: WrittenName): boolean {
  if (entry.schema !== schema) return false;
  const { type, name, sql } = entry;
  if (RELATIONS.has(type)) return name === table;
  if (OF_TABLE.has(type)) return name === table || name.startsWith(`${table} `);
  const mentions = (before: string, after: string) =>
    quoted.some((way) => sql.includes(`${before}${way}${after}`));
  switch (type) {
    case 'INDEX':
    case 'STATISTICS':
      return mentions(' ON ', ' ') || mentions(' ON ONLY ', ' ') || mentions(' FROM ', ';');
    case 'COMMENT':
      return mentions(' ON ', ' IS');
    case 'TABLE ATTACH':
      return mentions('ATTACH PARTITION ', ' ');
    case 'SEQUENCE OWNED BY':
      return mentions('OWNED BY ', '.');
    case 'SEQUENCE SET':
    case 'SEQUENCE':
      return mentions('ALTER TABLE ', ' ALTER COLUMN');
    default:
      return false;
  }
}

/** Keys of what an entry makes, as `subjectKey` gives them. */
function objectKeys(entry: TocEntry): string[] {
  const written = identityOf(entry);
  if (written !== undefined) return [keyOf(written)];
  return entry.schema === '-' ? [] : [JSON.stringify([[entry.schema, entry.name], ''])];
}

/** Of the object that a comment, a privilege or a label is about; of a column, its table or type. */
function subjectKey({ sql }: TocEntry): string {
  const [, kind = '', subject = ''] =
    /^\s*(?:COMMENT|SECURITY LABEL .*?) ON ((?:[A-Z]+ )+)(.+?) IS /s.exec(sql) ??
    / ON ((?:[A-Z]+ )+)(.+?) (?:TO|FROM) /s.exec(sql) ??
    [];
  if (kind !== 'COLUMN ') return keyOf(subject);
  return JSON.stringify([splitQualified(subject).names.slice(0, 2), '']);
}

/** Of a constraint, policy, rule or trigger. */
function partKey({ schema, name, type }: TocEntry): string {
  return JSON.stringify([type.split(' ').at(-1), schema, name]);
}

/** Of what a comment is about, the same key; empty if it is about something else. */
function commentedPart({ sql }: TocEntry): string {
  const match = /^\s*COMMENT ON (CONSTRAINT|POLICY|RULE|TRIGGER) (.+?) ON (.+?) IS '/s.exec(sql);
  if (!match) return '';
  const [, type = '', name = '', relation = ''] = match;
  const [schema = '', table = ''] = splitQualified(relation).names;
  return JSON.stringify([type, schema, `${table} ${splitQualified(name).names[0] ?? ''}`]);
}

function keyOf(written: string): string {
  const { names, rest } = splitQualified(written);
  return JSON.stringify([names, rest.trim()]);
}

/** Of a constraint, the index that it makes. */
function indexName({ schema, name, type }: Pick<TocEntry, 'schema' | 'name' | 'type'>): string {
  return displayName(schema, type === 'CONSTRAINT' ? name.slice(name.lastIndexOf(' ') + 1) : name);
}

function joinsIndexes({ type, sql }: TocEntry, made: ReadonlySet<string>): boolean {
  const [, parent, child] =
    (type === 'INDEX ATTACH' && /ALTER INDEX (.+?) ATTACH PARTITION (.+?);/s.exec(sql)) || [];
  return parent !== undefined && child !== undefined && made.has(shown(parent)) && made.has(shown(child));
}
