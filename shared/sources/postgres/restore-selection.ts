import type { StoredDataset } from '../target.ts';
import { isTableAttributes } from './datasets-attributes.ts';
import { quoteIdent } from './identifiers.ts';
import { entryName, type Toc, type TocEntry } from './toc.ts';

export interface SchemaSelection {
  readonly preData: readonly TocEntry[];
  readonly postData: readonly TocEntry[];
  readonly warnings: readonly string[];
}

/** What a table may need before it can be made. */
const NEEDED = new Set([
  'SCHEMA',
  'EXTENSION',
  'TYPE',
  'DOMAIN',
  'SEQUENCE',
  'FUNCTION',
  'COLLATION',
  'TABLE',
  'OPERATOR CLASS',
  'ACCESS METHOD',
]);
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

/** The entries that make the chosen tables, and what these need, as far as the target has it not. */
export function selectSchema(
  tables: readonly StoredDataset[],
  { pre, post, has }: { readonly pre: Toc; readonly post: Toc; readonly has: (entry: TocEntry) => boolean },
): SchemaSelection {
  const names = tables.flatMap(({ attributes }) =>
    isTableAttributes(attributes) ? [tableName(attributes.schema, attributes.table)] : [],
  );
  const chosen = new Set<TocEntry>();
  const warnings: string[] = [];
  for (const entry of pre.entries) if (names.some((table) => belongs(entry, table))) chosen.add(entry);
  addNeeded(pre.entries, chosen, has);
  const made = [...chosen]
    .filter(({ type }) => type === 'TABLE')
    .map(({ schema, name }) => tableName(schema, name));
  const available = (qualified: string): boolean =>
    made.some(({ quoted }) => quoted.includes(qualified)) ||
    pre.entries.some((entry) => isTable(entry, qualified) && has(entry));
  const postData = post.entries.filter((entry) => {
    if (!names.some((table) => belongs(entry, table))) return false;
    const referred = entry.type === 'FK CONSTRAINT' ? /REFERENCES (.+?)\(/.exec(entry.sql)?.[1] : undefined;
    if (referred === undefined || available(referred)) return true;
    warnings.push(`${entryName(entry)} is left out: ${referred} is not there`);
    return false;
  });
  const preData = pre.entries.filter((entry) => {
    const parent =
      entry.type === 'TABLE ATTACH' ? /ALTER TABLE (?:ONLY )?(.+?) ATTACH/.exec(entry.sql)?.[1] : undefined;
    if (!chosen.has(entry) || parent === undefined || available(parent)) return chosen.has(entry);
    warnings.push(`${entryName(entry)} is left out: ${parent} is not there`);
    return false;
  });
  return { preData, postData, warnings };
}

interface TableName {
  readonly schema: string;
  readonly table: string;
  /** Ways pg_dump may write it. */
  readonly quoted: readonly string[];
}

function tableName(schema: string, table: string): TableName {
  const ways = (name: string) => [name, quoteIdent(name)];
  return { schema, table, quoted: ways(schema).flatMap((s) => ways(table).map((t) => `${s}.${t}`)) };
}

function isTable({ type, schema, name }: TocEntry, qualified: string): boolean {
  return type === 'TABLE' && tableName(schema, name).quoted.includes(qualified);
}

function belongs(entry: TocEntry, { schema, table, quoted }: TableName): boolean {
  if (entry.schema !== schema) return false;
  const { type, name, sql } = entry;
  if (type === 'TABLE') return name === table;
  if (OF_TABLE.has(type)) return name === table || name.startsWith(`${table} `);
  const mentions = (before: string, after: string) =>
    quoted.some((way) => sql.includes(`${before}${way}${after}`));
  switch (type) {
    case 'INDEX':
    case 'STATISTICS':
      return mentions(' ON ', ' ') || mentions(' ON ONLY ', ' ') || mentions(' FROM ', ';');
    case 'COMMENT':
      return (
        mentions('COMMENT ON TABLE ', ' IS') || mentions('COMMENT ON COLUMN ', '.') || mentions(' ON ', ' IS')
      );
    case 'ACL':
      return mentions(' ON TABLE ', ' ');
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

/** Adds, until nothing is missing, what the chosen entries name and the target has not. */
function addNeeded(
  entries: readonly TocEntry[],
  chosen: Set<TocEntry>,
  has: (entry: TocEntry) => boolean,
): void {
  const candidates = entries.filter((entry) => NEEDED.has(entry.type) && !has(entry));
  for (let size = -1; size !== chosen.size; ) {
    size = chosen.size;
    const text = [...chosen].map(({ sql }) => sql).join('\n');
    const schemas = new Set([...chosen].map(({ schema }) => schema));
    for (const entry of candidates) {
      if (chosen.has(entry)) continue;
      const isNeeded =
        entry.type === 'SCHEMA'
          ? schemas.has(entry.name)
          : entry.type === 'EXTENSION' || names(entry).some((way) => text.includes(way));
      if (isNeeded) chosen.add(entry);
    }
  }
}

/** How other statements write the name of an object; functions without their arguments. */
function names({ schema, name, type }: TocEntry): readonly string[] {
  const bare = type === 'FUNCTION' ? `${name.slice(0, name.indexOf('('))}` : name;
  return tableName(schema, bare).quoted.map((way) => (type === 'FUNCTION' ? `${way}(` : way));
}
