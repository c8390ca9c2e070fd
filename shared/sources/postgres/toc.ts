/** One object of a dump: pg_dump's table of contents entry, from the comment that it writes before each. */
export interface TocEntry {
  /** As in the comment: line breaks are spaces, no quotes. */
  readonly name: string;
  /** Such as `TABLE`, `FK CONSTRAINT`, `ACL`. */
  readonly type: string;
  /** `-` where the object has none. */
  readonly schema: string;
  readonly owner: string;
  /** The statements, without the comment. */
  readonly sql: string;
  /** `SET default_tablespace …` and the like that stand after it and hold for what follows. */
  readonly settings: string;
}

export interface Toc {
  /** The settings that the script begins with. */
  readonly preamble: string;
  readonly entries: readonly TocEntry[];
}

const HEADER =
  /^--\n-- Name: (.*); Type: ([A-Z ]+); Schema: (.*?); Owner: (.*?)(?:; Tablespace: .*)?\n--\n\n/gm;
const TRAILING_SETTINGS = /(?:^SET [a-z_]+ = [^;\n]*;\n+)+$/m;
const END_COMMENT = /^--\n-- PostgreSQL database dump complete\n--\n+$/m;
const OWNER_STATEMENT = /^ALTER [^\n]* OWNER TO (?:"(?:[^"]|"")+"|[^\s;]+);\n+$/m;

/** Cuts a plain dump (`--section=pre-data` or `post-data`) at pg_dump's comments. */
export function parseToc(script: string): Toc {
  const text = script.replace(END_COMMENT, '');
  const headers = [...text.matchAll(HEADER)];
  const entries = headers.map((match, i) => {
    const [whole, name = '', type = '', schema = '-', owner = ''] = match;
    const slice = text.slice(match.index + whole.length, headers[i + 1]?.index ?? text.length);
    const settings = TRAILING_SETTINGS.exec(slice)?.[0] ?? '';
    return { name, type, schema, owner, sql: slice.slice(0, slice.length - settings.length), settings };
  });
  return { preamble: text.slice(0, headers[0]?.index ?? text.length), entries };
}

/** The entry's statements, without the last one where that sets the owner. */
export function withoutOwner({ sql }: TocEntry): string {
  return sql.replace(OWNER_STATEMENT, '');
}

export function isPrivilege({ type }: TocEntry): boolean {
  return type === 'ACL' || type === 'DEFAULT ACL';
}

/** For messages: `TABLE public.orders`. */
export function entryName({ name, type, schema }: TocEntry): string {
  return `${type} ${schema === '-' ? '' : `${schema}.`}${name}`;
}

const ROLE = /(?:\bTO|\bFROM|\bFOR ROLE|\bGRANTED BY|\bFOR USER) ("(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)/g;

/** Roles that an entry names: its owner, and whom its privileges are of. */
export function rolesOf(
  entry: TocEntry,
  { owners, privileges }: { readonly owners: boolean; readonly privileges: boolean },
): string[] {
  const roles: string[] = [];
  if (owners && OWNER_STATEMENT.test(entry.sql)) roles.push(entry.owner);
  if (privileges && isPrivilege(entry)) {
    for (const [, role = ''] of entry.sql.matchAll(ROLE))
      roles.push(role.replace(/^"|"$/g, '').replaceAll('""', '"'));
  }
  return roles.filter((role) => role !== '' && role !== 'PUBLIC' && role !== 'public');
}
