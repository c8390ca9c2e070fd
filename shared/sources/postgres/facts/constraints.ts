import { insideParentheses, leadingName, listParts, namesMentioned } from '../../sql-lists.ts';
import type { CheckFacts, ForeignKey, KeyPart, UniqueKey } from '../../table-facts.ts';
import type { TocEntry } from '../pg-dump/toc.ts';
import { displayName, splitQualified } from '../text/identifiers.ts';

const ALTER = /^\s*ALTER TABLE (?:ONLY )?(.*?)\s+ADD CONSTRAINT (.*)$/s;
const UNIQUE_INDEX = /^\s*CREATE UNIQUE INDEX (.*?) ON (?:ONLY )?(.*?) USING (\w+) (.*)$/s;

/** The columns of a table. */
export interface TableColumns {
  /** Those with values of their own. */
  readonly names: readonly string[];
  /** Of a generated column, the columns that it is computed from. */
  readonly generated: ReadonlyMap<string, readonly string[]>;
}

/** The key that an entry of `post-data` adds to its table. */
export function uniqueKeyOf(entry: TocEntry, columns: TableColumns): UniqueKey | undefined {
  const index = entry.type === 'INDEX' ? UNIQUE_INDEX.exec(entry.sql) : null;
  if (index) {
    const [, name = '', , , rest = ''] = index;
    const { inside, end } = insideParentheses(rest, '"');
    const { inside: included } = /^\s*INCLUDE /.test(rest.slice(end))
      ? insideParentheses(rest, '"', end)
      : { inside: '' };
    const where = /\bWHERE\b(.*)$/s.exec(rest.slice(end + included.length))?.[1] ?? '';
    return {
      name: leadingName(name, '"').name,
      isPrimary: false,
      isNullOne: /^\s*NULLS NOT DISTINCT|\)\s*NULLS NOT DISTINCT/.test(rest.slice(end)),
      parts: [
        ...listParts(inside, '"').flatMap((part) => partsOf(part, columns)),
        ...expressionOf(where, columns),
      ],
    };
  }
  const [, , added = ''] = (entry.type === 'CONSTRAINT' && ALTER.exec(entry.sql)) || [];
  const { name, rest } = leadingName(added, '"');
  const [, primary] = /^\s*(PRIMARY KEY|UNIQUE(?: NULLS NOT DISTINCT)?) \(/.exec(rest) ?? [];
  if (primary !== undefined)
    return {
      name,
      isPrimary: primary === 'PRIMARY KEY',
      isNullOne: primary.endsWith('NOT DISTINCT'),
      parts: listParts(insideParentheses(rest, '"').inside, '"').flatMap((part) => partsOf(part, columns)),
    };
  if (!/^\s*EXCLUDE /.test(rest)) return undefined;
  return { name, isPrimary: false, parts: expressionOf(rest, columns) };
}

/** One of a key's columns or expressions. */
function partsOf(part: string, columns: TableColumns): readonly KeyPart[] {
  const { name, rest } = leadingName(part, '"');
  const { names } = columns;
  if (names.includes(name) && !rest.trimStart().startsWith('(')) return [{ column: name, use: 'plain' }];
  const [, inner] = /^(?:lower|upper)\(\(?((?:"(?:[^"]|"")*"|\w+))\)?(?:::[\w ]+)?\)/.exec(part) ?? [];
  const cased = inner === undefined ? '' : leadingName(inner, '"').name;
  if (names.includes(cased)) return [{ column: cased, use: 'case' }];
  return expressionOf(part, columns);
}

function expressionOf(sql: string, { names, generated }: TableColumns): readonly KeyPart[] {
  const mentioned = namesMentioned(sql, [...names, ...generated.keys()], '"');
  return mentioned
    .flatMap((name) => generated.get(name) ?? [name])
    .map((column) => ({ column, use: 'expression' }));
}

/** The table that an entry of `post-data` is about. */
export function tableOf({ type, sql }: TocEntry): string | undefined {
  const written = type === 'INDEX' ? UNIQUE_INDEX.exec(sql)?.[2] : ALTER.exec(sql)?.[1];
  if (written === undefined) return undefined;
  return nameOf(written);
}

/** @param written with its schema */
export function nameOf(written: string): string {
  const [schema = '', table = ''] = splitQualified(written).names;
  return displayName(schema, table);
}

const FOREIGN = /^\s*FOREIGN KEY \(/;

export function foreignKeyOf(entry: TocEntry): ForeignKey | undefined {
  const [, , added = ''] = (entry.type === 'FK CONSTRAINT' && ALTER.exec(entry.sql)) || [];
  const { name, rest } = leadingName(added, '"');
  if (!FOREIGN.test(rest)) return undefined;
  const own = insideParentheses(rest, '"');
  const after = rest.slice(own.end).replace(/^\s*REFERENCES /, '');
  const { names, rest: others } = splitQualified(after);
  const [schema = '', table = ''] = names;
  const to = insideParentheses(others === '' ? after : others, '"');
  return {
    name,
    columns: columnList(own.inside),
    table: displayName(schema, table),
    to: columnList(to.inside),
    isFull: /\bMATCH FULL\b/.test(rest),
  };
}

function columnList(text: string): readonly string[] {
  return listParts(text, '"').map((part) => leadingName(part.replace(/^PERIOD /, ''), '"').name);
}

/** `CONSTRAINT name CHECK (…)`. @param value what stands for the column in the condition of a domain */
export function checkOf(line: string, columns: readonly string[], value?: string): CheckFacts | undefined {
  const [, written = ''] = /^CONSTRAINT (.*)$/s.exec(line) ?? [];
  const { name, rest } = leadingName(written, '"');
  if (!/^\s*CHECK /.test(rest)) return undefined;
  const sql = insideParentheses(rest, '"').inside;
  if (value !== undefined)
    return { name, sql: sql.replaceAll(/\bVALUE\b/g, `"${value.replaceAll('"', '""')}"`), columns: [value] };
  return { name, sql, columns: namesMentioned(sql, columns, '"') };
}
