import type { SchemaComparison } from '../../scratch.ts';
import { entryName, isPrivilege, parseToc, type TocEntry, withoutOwner } from '../pg-dump/toc.ts';

/** The schema scripts of one side. */
export interface SchemaScripts {
  readonly preData: string;
  readonly postData: string;
  /** Product and version, such as `PostgreSQL 18.4`. */
  readonly server: string;
}

/** What is left out when two schemas are compared. */
export interface SchemaCompareOptions {
  /** Owners and privileges were not restored. */
  readonly withoutRoles: boolean;
  /** Tablespaces were not restored. */
  readonly withoutTablespaces: boolean;
  /** What was not restored, as it names roles that are missing. */
  readonly leftOut: readonly TocEntry[];
}

/** Entries whose settings say something: where and how rows are kept. */
const STORED = new Set(['TABLE', 'INDEX', 'CONSTRAINT', 'MATERIALIZED VIEW']);
/** Not told by name alone: what they say is in the statement, and servers differ in what they write. */
const UNNAMED = new Set(['ACL', 'DEFAULT ACL', 'COMMENT', 'SECURITY LABEL', 'SCHEMA']);

/**
 * Compares two schemas as pg_dump writes them, object by object; the order of objects does not matter.
 * Servers of different major versions write the same object differently: between those, if texts differ,
 * every object must be there by its name, and that is all that is said.
 */
export function compareSchemas(
  backup: SchemaScripts,
  target: SchemaScripts,
  options: SchemaCompareOptions,
): SchemaComparison {
  const wanted = definitions(backup, options);
  const found = definitions(target, options);
  const missing = [...wanted.keys()].filter((name) => !found.has(name));
  const unexpected = [...found.keys()].filter((name) => !wanted.has(name));
  const changed = [...wanted].filter(([name, text]) => found.has(name) && found.get(name) !== text);
  const difference = {
    objects: wanted.size,
    missing: shown(missing),
    unexpected: shown(unexpected),
    changed: shown(changed.map(([name]) => name)),
  };
  if (missing.length + unexpected.length + changed.length === 0) return { outcome: 'equal', ...difference };
  if (majorOf(backup.server) === majorOf(target.server)) return { outcome: 'different', ...difference };
  const lost = missing.filter((name) => !UNNAMED.has(name.split('\t')[0] ?? ''));
  if (lost.length > 0) return { outcome: 'different', ...difference, missing: shown(lost) };
  const why = `${backup.server} and ${target.server} write definitions differently: objects were compared by name only`;
  return { outcome: 'names', why, ...difference };
}

/** What each object is defined as, by type, schema and name. */
function definitions(
  { preData, postData }: SchemaScripts,
  options: SchemaCompareOptions,
): ReadonlyMap<string, string> {
  const found = new Map<string, string[]>();
  const leftOut = new Set(options.leftOut.map(({ sql }) => sql));
  for (const entry of [...parseToc(preData).entries, ...parseToc(postData).entries]) {
    // Every database has it from the start, and a restore leaves it as it is.
    if (isOfPublic(entry) || (options.withoutRoles && isPrivilege(entry)) || leftOut.has(entry.sql)) continue;
    const name = [entry.type, entryName(entry), entry.schema].join('\t');
    const texts = found.get(name) ?? [];
    found.set(name, texts);
    texts.push(definition(entry, options));
  }
  return new Map([...found].map(([name, texts]) => [name, texts.sort().join('\n')]));
}

function definition(entry: TocEntry, { withoutRoles, withoutTablespaces }: SchemaCompareOptions): string {
  const sql = columnsInOrder((withoutRoles ? withoutOwner(entry) : entry.sql).trim());
  if (!STORED.has(entry.type)) return sql;
  const settings = withoutTablespaces
    ? entry.settings.replaceAll(/^SET default_tablespace = .*$/gm, '')
    : entry.settings;
  return `${settings.trim()}\n${sql}`;
}

const INHERITING = /^(CREATE (?:UNLOGGED )?TABLE [^\n]* \(\n)([\s\S]*?)(\n\)\nINHERITS \()/;

/** A table that inherits gets its parents' columns first when it is made again, whatever became of them since. */
function columnsInOrder(sql: string): string {
  return sql.replace(INHERITING, (_, head: string, columns: string, tail: string) => {
    return head + columns.split(',\n').sort().join(',\n') + tail;
  });
}

function isOfPublic({ type, name }: TocEntry): boolean {
  return (type === 'SCHEMA' && name === 'public') || name === 'SCHEMA public';
}

function shown(names: readonly string[]): string[] {
  return names.map((name) => name.split('\t')[1] ?? name).sort();
}

function majorOf(server: string): string {
  const [, first = '', second = ''] = /(\d+)(?:\.(\d+))?/.exec(server) ?? [];
  return Number(first) >= 10 ? first : `${first}.${second}`;
}
