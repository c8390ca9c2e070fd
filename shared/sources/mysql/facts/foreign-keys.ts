import { insideParentheses, leadingName, listParts, unquotedName } from '../../sql-lists.ts';
import type { ForeignKey } from '../../table-facts.ts';
import { displayName } from '../text/identifiers.ts';

/** A foreign key, and what the definition says behind it: `ON DELETE CASCADE`. */
export interface WrittenForeignKey extends ForeignKey {
  readonly actions: string;
}

const FOREIGN = /^CONSTRAINT (`(?:[^`]|``)*`) FOREIGN KEY (?:`(?:[^`]|``)*` )?(\(.*)$/s;

/** Those of a table. @param sql what SHOW CREATE TABLE gave */
export function foreignKeysOf(sql: string): readonly WrittenForeignKey[] {
  return listParts(insideParentheses(sql, '`').inside, '`').flatMap(foreignKeyIn);
}

/** @param line of such a definition; none if it is of something else */
export function foreignKeyIn(line: string): readonly WrittenForeignKey[] {
  const [, name, rest = ''] = FOREIGN.exec(line) ?? [];
  if (name === undefined) return [];
  const own = insideParentheses(rest, '`');
  const written = rest.slice(own.end).replace(/^ REFERENCES /, '');
  const referred = leadingName(written, '`');
  const isElsewhere = referred.rest.startsWith('.');
  const to = insideParentheses(referred.rest, '`');
  return [
    {
      name: unquotedName(name, '`'),
      columns: columnList(own.inside),
      table: isElsewhere ? undefined : displayName(referred.name),
      to: columnList(to.inside),
      actions: referred.rest.slice(to.end),
    },
  ];
}

function columnList(text: string): readonly string[] {
  return listParts(text, '`').map((part) => leadingName(part, '`').name);
}
