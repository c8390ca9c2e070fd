import type { LogItem } from '../log/items.ts';
import { tokensOf } from '../log/sql-text.ts';
import type { ObjectName } from '../log/statement.ts';

/** What a definition does to the rows of tables. */
export interface TableEffects {
  /** Their rows are gone. */
  readonly emptied: readonly ObjectName[];
  /** All tables are gone. */
  readonly isAllEmptied?: boolean;
  /** Their rows may be others now, or mean something else, and the log does not say how. */
  readonly altered: readonly ObjectName[];
  /** What a backup says of them does not go for rows that come. */
  readonly redefined: readonly ObjectName[];
}

const NONE: TableEffects = { emptied: [], altered: [], redefined: [] };
/** Words of a statement in which the name of a second table may be. */
const MOST_WORDS = 4000;

export function effectsOf({ query, statement }: Extract<LogItem, { kind: 'query' }>): TableEffects {
  const { kind, verb, object, objects } = statement;
  if (kind === 'database') return verb === 'DROP' ? { ...NONE, isAllEmptied: true } : NONE;
  if (kind !== 'definition') return NONE;
  if (verb === 'TRUNCATE') return { ...NONE, emptied: objects };
  if (object !== 'TABLE' && object !== 'TABLES') return NONE;
  const sql = query.sql.toString('utf8');
  switch (verb) {
    case 'DROP':
      return { ...NONE, emptied: objects, redefined: objects };
    case 'CREATE':
      return { ...NONE, emptied: /\bOR\s+REPLACE\b/i.test(head(sql)) ? objects : [], redefined: objects };
    default: {
      const all = [...objects, ...otherTables(sql)];
      return { ...NONE, altered: all, redefined: all };
    }
  }
}

function head(sql: string): string {
  const [, start = ''] = /^([\s\S]*?)\bTABLE\b/i.exec(sql) ?? [];
  return start;
}

/** `RENAME TO b`, `EXCHANGE PARTITION p WITH TABLE b`. */
function otherTables(sql: string): readonly ObjectName[] {
  const tokens = tokensOf(sql, MOST_WORDS);
  const word = (i: number) => (tokens[i]?.kind === 'word' ? tokens[i].text.toUpperCase() : '');
  const nameAt = (i: number): readonly ObjectName[] => {
    const [first, dot, second] = tokens.slice(i, i + 3);
    if (!first || first.kind === 'sign') return [];
    const isWhole = dot?.kind === 'sign' && dot.text === '.' && second !== undefined;
    return [
      isWhole ? { database: first.text, name: second.text } : { database: undefined, name: first.text },
    ];
  };
  return tokens.flatMap((_, i) => {
    if (word(i) === 'WITH' && word(i + 1) === 'TABLE') return nameAt(i + 2);
    if (i === 0 || word(i) !== 'RENAME') return [];
    if (['COLUMN', 'INDEX', 'KEY', 'CONSTRAINT'].includes(word(i + 1))) return [];
    return nameAt(['TO', 'AS'].includes(word(i + 1)) ? i + 2 : i + 1);
  });
}
