import { scanSql, splitStatements } from './statements.ts';

/** One object of a dump: pg_dump's table of contents entry, from the comment that it writes before each. */
export interface TocEntry {
  /** As in the comment: line breaks are spaces, no quotes. */
  readonly name: string;
  /** Such as `TABLE`, `FK CONSTRAINT`, `ACL`. */
  readonly type: string;
  /** `-` if the object has none. */
  readonly schema: string;
  readonly owner: string;
  /** The statements, without the comment. */
  readonly sql: string;
  /** `SET default_tablespace …` and the like that hold for it: to be run before it, in whatever session. */
  readonly settings: string;
}

/** The parts of a script of pg_dump's. */
export interface Toc {
  /** The settings that the script begins with, but for those of its first entry. */
  readonly preamble: string;
  readonly entries: readonly TocEntry[];
}

const HEADER =
  /--\n-- Name: ([^\n]*); Type: ([A-Z ]+); Schema: ([^\n]*?); Owner: ([^\n]*?)(?:; Tablespace: [^\n]*)?\n--\n\n/y;
/** What pg_dump writes between two entries, for the later one. */
const SETTING = /^\s*SET default_(?:tablespace|table_access_method|with_oids) = [^;]*;\s*$/;
const END_COMMENT = /--\n-- PostgreSQL database dump complete\n--\s*$/;
const OWNER_STATEMENT = /^\s*ALTER .* OWNER TO (?:"(?:[^"]|"")+"|[^\s;"]+);\s*$/s;

/**
 * Cuts a plain dump (`--section=pre-data` or `post-data`) at pg_dump's comments; what looks like one inside a
 * function's body or a string is not.
 */
export function parseToc(script: string): Toc {
  const text = script.replace(END_COMMENT, '');
  const headers = findHeaders(text);
  const head = text.slice(0, headers[0]?.at ?? text.length);
  const first = lastStatements(head, SETTING);
  let settings = withSettings('', first);
  const entries = headers.map(({ end, fields }, i) => {
    const [name = '', type = '', schema = '-', owner = ''] = fields;
    const slice = text.slice(end, headers[i + 1]?.at ?? text.length);
    const next = lastStatements(slice, SETTING);
    const entry = { name, type, schema, owner, sql: slice.slice(0, slice.length - next.length), settings };
    settings = withSettings(settings, next);
    return entry;
  });
  return { preamble: head.slice(0, head.length - first.length), entries };
}

/** The settings that hold after some more: the last of each name. */
function withSettings(before: string, more: string): string {
  const byName = new Map(
    splitStatements(before + more)
      .map((statement) => statement.trim())
      .filter((statement) => statement !== '')
      .map((statement) => [statement.split(' ', 2)[1], statement]),
  );
  return [...byName.values()].map((statement) => `${statement}\n`).join('');
}

interface Header {
  readonly at: number;
  readonly end: number;
  readonly fields: readonly string[];
}

/** A header stands between statements. */
function findHeaders(text: string): readonly Header[] {
  const header = new RegExp(HEADER);
  const headers: Header[] = [];
  let end = 0;
  for (const mark of scanSql(text)) {
    if (mark.kind === 'end') end = mark.at;
    else if (mark.at >= end && text.slice(end, mark.at).trim() === '') {
      header.lastIndex = mark.at;
      const match = header.exec(text);
      if (!match) continue;
      end = header.lastIndex;
      headers.push({ at: mark.at, end, fields: match.slice(1) });
    }
  }
  return headers;
}

/** The run of statements at the end that are such, as one text. */
function lastStatements(text: string, such: RegExp): string {
  const statements = splitStatements(text);
  const space = statements.at(-1)?.trim() === '' ? (statements.pop() ?? '') : '';
  const found: string[] = [];
  while (such.test(statements.at(-1) ?? '')) found.unshift(statements.pop() ?? '');
  return found.length === 0 ? '' : found.join('') + space;
}

/** The statement that gives the object its owner; pg_dump writes it last. Empty if there is none. */
export function ownerStatement(sql: string): string {
  const statements = splitStatements(sql);
  if (statements.at(-1)?.trim() === '') statements.pop();
  const last = statements.at(-1) ?? '';
  return OWNER_STATEMENT.test(last) ? last : '';
}

/**
 * The object as the statement writes it that sets its owner, such as `shop.add(a integer, b integer)`;
 * undefined if there is no such statement.
 */
export function identityOf({ sql }: TocEntry): string | undefined {
  return /^\s*ALTER (?:[A-Z]+ )+(.*) OWNER TO /s.exec(ownerStatement(sql))?.[1];
}

/** The entry's statements, without the last one if that sets the owner. */
export function withoutOwner({ sql }: TocEntry): string {
  const owner = ownerStatement(sql);
  return owner === '' ? sql : sql.slice(0, sql.lastIndexOf(owner));
}

/** Whether an entry grants something. */
export function isPrivilege({ type }: TocEntry): boolean {
  return type === 'ACL' || type === 'DEFAULT ACL';
}

/** For messages: `TABLE public.orders`. */
export function entryName({ name, type, schema }: TocEntry): string {
  if (name.startsWith(`${type} `)) return name;
  return `${type} ${schema === '-' ? '' : `${schema}.`}${name}`;
}
