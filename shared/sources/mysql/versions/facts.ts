import type { Definition } from './definition.ts';
import type { Release } from './release.ts';

/** Something that a definition can have and not every server takes. From the manuals of both products. */
export interface Fact {
  /** As a sentence has it, of several objects: `sequences`. */
  readonly what: string;
  isIn(definition: Definition): boolean;
  /** First release of each product that knows it; without one, none does. */
  readonly since: Partial<Readonly<Record<Release['product'], number>>>;
  /** First release that no longer knows it. */
  readonly until?: Partial<Readonly<Record<Release['product'], number>>>;
  /** What becomes of it on a server that does not know it. @default the server refuses the definition */
  readonly becomes?: string;
}

const isTable = ({ object }: Definition) => object.type === 'table';
const inTables = (pattern: RegExp) => (definition: Definition) =>
  isTable(definition) && pattern.test(definition.text);

/** A column of such a type. */
const ofType = (type: string) => inTables(new RegExp(`^\\s*\`\` ${type}\\b`, 'im'));

/** MariaDB writes the expression of a default without parentheses around it, which MySQL asks for. */
const BARE_DEFAULT = /\bDEFAULT (?!NULL\b|current_timestamp\b)[a-z_]\w*\(/i;
const MARIADB_OPTIONS = new Set([
  'encrypted',
  'encryption_key_id',
  'page_compressed',
  'page_compression_level',
]);

export const FACTS: readonly Fact[] = [
  { what: 'sequences', isIn: ({ object }) => object.type === 'sequence', since: { mariadb: 100_300 } },
  {
    what: 'packages',
    isIn: ({ object }) => object.type.startsWith('package'),
    since: { mariadb: 100_305 },
  },
  {
    what: 'aggregate functions',
    isIn: ({ object, text }) => object.type === 'function' && /^CREATE\b.*?\bAGGREGATE FUNCTION\b/.test(text),
    since: { mariadb: 100_303 },
  },
  {
    what: 'tables with system versions',
    isIn: inTables(/\bWITH SYSTEM VERSIONING\b/),
    since: { mariadb: 100_304 },
  },
  { what: 'tables with periods', isIn: inTables(/\bPERIOD FOR ``/), since: { mariadb: 100_400 } },
  { what: 'columns of UUID', isIn: ofType('uuid'), since: { mariadb: 100_700 } },
  { what: 'columns of INET6', isIn: ofType('inet6'), since: { mariadb: 100_500 } },
  { what: 'columns of INET4', isIn: ofType('inet4'), since: { mariadb: 101_000 } },
  { what: 'columns of VECTOR', isIn: ofType('vector'), since: { mysql: 90_000, mariadb: 110_700 } },
  {
    what: 'columns of JSON',
    isIn: ofType('json'),
    since: { mysql: 50_708 },
    becomes: 'are LONGTEXT there, with the same text',
  },
  { what: 'keys of expressions', isIn: inTables(/\bKEY [^\n]*\(\(/), since: { mysql: 80_013 } },
  {
    what: 'keys in descending order',
    isIn: inTables(/\bKEY [^\n]* DESC\b/),
    since: { mysql: 80_000, mariadb: 100_800 },
    becomes: 'are in ascending order there',
  },
  { what: 'ignored indexes', isIn: inTables(/\bKEY [^\n]* IGNORED\b/), since: { mariadb: 100_600 } },
  {
    what: 'defaults that are expressions',
    isIn: inTables(/\bDEFAULT \(/),
    since: { mysql: 80_013, mariadb: 100_201 },
  },
  {
    what: 'defaults that are expressions, as MariaDB writes them',
    isIn: inTables(BARE_DEFAULT),
    since: { mariadb: 100_201 },
  },
  {
    what: 'invisible columns',
    isIn: inTables(/\bINVISIBLE\b/),
    since: { mysql: 80_023, mariadb: 100_303 },
  },
  {
    what: 'check constraints',
    isIn: inTables(/\bCHECK \(/),
    since: { mysql: 80_016, mariadb: 100_201 },
    becomes: 'are not kept there',
  },
  {
    what: 'options of Aria',
    isIn: inTables(/\b(?:PAGE_CHECKSUM|TRANSACTIONAL)=\d/),
    since: { mariadb: 100_000 },
  },
  {
    what: 'options of MariaDB for compressed or encrypted tables',
    isIn: ({ options }) => options.some((name) => MARIADB_OPTIONS.has(name.toLowerCase())),
    since: { mariadb: 100_100 },
  },
  {
    what: 'pages compressed by MySQL (COMPRESSION)',
    isIn: inTables(/\bCOMPRESSION=''/),
    since: { mysql: 50_708 },
  },
  {
    what: 'partitions of another engine than InnoDB',
    isIn: ({ object }) =>
      object.type === 'table' &&
      /\bPARTITION BY\b/.test(object.sql) &&
      !/\bENGINE\s*=\s*InnoDB\b/i.test(object.sql),
    since: { mysql: 50_100, mariadb: 100_000 },
    until: { mysql: 80_000 },
  },
];

export function isKnownTo({ since, until = {} }: Fact, { product, number }: Release): boolean {
  const from = since[product];
  return from !== undefined && number >= from && number < (until[product] ?? Number.POSITIVE_INFINITY);
}

/** MariaDB passes over comments of MySQL from 5.7 on, as both count alike. */
const FIRST_OF_MYSQL = 50_700;
const LAST_OF_MYSQL = 99_999;

/** Whether a server takes such a comment for SQL: `/*!80023 INVISIBLE *\/`, `/*M!100301 COMPRESSED*\/`. */
export function takesComment(comment: string, { product, number }: Release): boolean {
  const [, mark = '', digits = '0'] = /^\/\*(M?)!(\d*)/.exec(comment) ?? [];
  const wanted = Number(digits);
  if (mark === 'M') return product === 'mariadb' && number >= wanted;
  if (product === 'mariadb' && wanted >= FIRST_OF_MYSQL && wanted <= LAST_OF_MYSQL) return false;
  return number >= wanted && !(product === 'mysql' && wanted > LAST_OF_MYSQL);
}
