import { identityOf, type TocEntry } from '../pg-dump/toc.ts';
import { splitQualified } from '../text/identifiers.ts';

/** What a table may need before it can be made, found by name in the statements of what needs it. */
const NEEDED = new Set([
  'TYPE',
  'SHELL TYPE',
  'DOMAIN',
  'SEQUENCE',
  'FUNCTION',
  'PROCEDURE',
  'AGGREGATE',
  'COLLATION',
  'OPERATOR',
  'OPERATOR CLASS',
  'OPERATOR FAMILY',
  'TEXT SEARCH PARSER',
  'TEXT SEARCH TEMPLATE',
  'TEXT SEARCH DICTIONARY',
  'TEXT SEARCH CONFIGURATION',
]);
/** As above, but not for the text of a function's body: that needs no table to be stored. */
const RELATIONS = new Set(['TABLE', 'VIEW']);
/** These are named without a schema, in ways that are not worth to look for: always. */
const GLOBAL = new Set(['EXTENSION', 'PROCEDURAL LANGUAGE', 'ACCESS METHOD']);

/**
 * What the chosen entries need, directly or not, and what the needed ones need; entries of `candidates` only.
 *
 * @param also statements that will be run too, without being chosen here
 */
export function addNeeded(
  candidates: readonly TocEntry[],
  chosen: Set<TocEntry>,
  also: readonly TocEntry[],
): void {
  for (const entry of candidates) if (GLOBAL.has(entry.type)) chosen.add(entry);
  const index = indexByName(candidates);
  const open = [...chosen, ...also];
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    const found = namedIn(entry, index).filter((one) => !chosen.has(one));
    for (const one of found) {
      chosen.add(one);
      open.push(one);
    }
    if (open.length === 0) for (const cast of addCasts(candidates, chosen)) open.push(cast);
  }
  const schemas = new Set([...chosen].map(schemaOf));
  for (const entry of candidates) if (entry.type === 'SCHEMA' && schemas.has(entry.name)) chosen.add(entry);
}

/** An extension is in none, but its objects are. */
function schemaOf({ schema, type, sql }: TocEntry): string {
  const written = type === 'EXTENSION' ? / WITH SCHEMA (.+?);/s.exec(sql)?.[1] : undefined;
  return written === undefined ? schema : (splitQualified(written).names[0] ?? '');
}

type Index = ReadonlyMap<string, readonly TocEntry[]>;

function indexByName(entries: readonly TocEntry[]): Index {
  const index = new Map<string, TocEntry[]>();
  for (const entry of entries) {
    if (!NEEDED.has(entry.type) && !RELATIONS.has(entry.type)) continue;
    for (const key of keysOf(entry)) index.set(key, [...(index.get(key) ?? []), entry]);
  }
  return index;
}

function namedIn({ sql }: TocEntry, index: Index): TocEntry[] {
  const found = new Set<TocEntry>();
  for (const { key, isInBody } of namesIn(sql)) {
    for (const entry of index.get(key) ?? []) if (!isInBody || !RELATIONS.has(entry.type)) found.add(entry);
  }
  return [...found];
}

/** Casts between chosen types; types outside this backup do not matter. @returns what was added */
function addCasts(candidates: readonly TocEntry[], chosen: Set<TocEntry>): TocEntry[] {
  const types = new Set(
    [...chosen].filter(({ type }) => type === 'TYPE' || type === 'DOMAIN').flatMap(keysOf),
  );
  const casts = candidates.filter((entry) => {
    if (entry.type !== 'CAST' || chosen.has(entry)) return false;
    const names = [...namesIn(entry.name)];
    return names.length > 0 && names.every(({ key }) => types.has(key));
  });
  for (const cast of casts) chosen.add(cast);
  return casts;
}

function keysOf(entry: TocEntry): string[] {
  const { schema, name, type, sql } = entry;
  const written = identityOf(entry);
  const names = written === undefined ? [schema, name] : splitQualified(written).names;
  const multirange = type === 'TYPE' ? /multirange_type_name = (.+?),?$/m.exec(sql)?.[1] : undefined;
  return [keyOf(names), ...(multirange ? [keyOf(splitQualified(multirange).names)] : [])];
}

const keyOf = (names: readonly string[]): string => JSON.stringify(names.slice(0, 2));

const BODY = /(\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$).*?\1/gs;
const IDENTIFIER = String.raw`(?:"(?:[^"]|"")*"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`;
const QUALIFIED = new RegExp(String.raw`(${IDENTIFIER})\.(${IDENTIFIER}|[-+*/<>=~!@#%^&|?\u0060]+)`, 'g');

/** Names with a schema, inside of strings too (`nextval('shop.s'::regclass)`). */
function* namesIn(sql: string): Generator<{ readonly key: string; readonly isInBody: boolean }> {
  const bodies = sql.match(BODY) ?? [];
  for (const [text, isInBody] of [
    [sql.replaceAll(BODY, ''), false],
    [bodies.join('\n'), true],
  ] as const) {
    for (const [, schema = '', name = ''] of text.matchAll(QUALIFIED))
      yield { key: keyOf([unquoted(schema), unquoted(name)]), isInBody };
  }
}

function unquoted(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier;
}
