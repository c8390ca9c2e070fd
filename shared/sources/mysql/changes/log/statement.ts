import { isQualifier, type Token, tokensOf } from './sql-text.ts';

/** A name as a statement has it. */
export interface ObjectName {
  /** Undefined if the one in use is meant. */
  readonly database: string | undefined;
  readonly name: string;
}

/**
 * What a statement of the log does:
 *
 * - `begin`, `commit`, `rollback`, `savepoint`: the frame of a transaction; `xa …` of one in two phases
 * - `definition`: makes, alters, empties or drops what a database holds, named in `objects`
 * - `database`: the same of a whole database
 * - `data`: changes rows and is in the log as text
 * - `upkeep`: changes nothing that a backup holds: users, statistics, caches
 */
export type StatementKind =
  | 'begin'
  | 'commit'
  | 'rollback'
  | 'savepoint'
  | 'xa start'
  | 'xa end'
  | 'xa commit'
  | 'xa rollback'
  | 'definition'
  | 'database'
  | 'data'
  | 'upkeep';

export interface Statement {
  readonly kind: StatementKind;
  readonly objects: readonly ObjectName[];
  /** Databases that are named anywhere in it, as a name before a dot. */
  readonly mentions: readonly string[];
  /** Done twice it comes to the same. */
  readonly isRepeatable: boolean;
  /** Of a definition: `ALTER`, and what it is of, such as `TABLE`; empty for others. */
  readonly verb: string;
  readonly object: string;
}

const FRAMES: Readonly<Record<string, StatementKind>> = {
  BEGIN: 'begin',
  COMMIT: 'commit',
  SAVEPOINT: 'savepoint',
  RELEASE: 'savepoint',
};
const XA: Readonly<Record<string, StatementKind>> = {
  START: 'xa start',
  BEGIN: 'xa start',
  END: 'xa end',
  COMMIT: 'xa commit',
  ROLLBACK: 'xa rollback',
};
const DATA = new Set(['INSERT', 'UPDATE', 'DELETE', 'REPLACE', 'LOAD', 'CALL', 'DO', 'WITH', 'SELECT']);
const UPKEEP = new Set([
  'GRANT',
  'REVOKE',
  'FLUSH',
  'ANALYZE',
  'OPTIMIZE',
  'REPAIR',
  'CHECK',
  'INSTALL',
  'UNINSTALL',
  'SET',
]);
const DEFINES = new Set(['CREATE', 'ALTER', 'DROP', 'RENAME', 'TRUNCATE']);
/** What is defined; of an index the table that it is on. */
const OBJECTS = new Set(
  'TABLE TABLES VIEW SEQUENCE TRIGGER PROCEDURE FUNCTION EVENT PACKAGE INDEX DATABASE SCHEMA USER ROLE SERVER TABLESPACE LOGFILE'.split(
    ' ',
  ),
);
const SERVER_WIDE = new Set(['USER', 'ROLE', 'SERVER', 'TABLESPACE', 'LOGFILE']);
/** Words of a statement that say what it does; none is so long before its first name. */
const MOST_HEAD = 4000;

/** Reads a statement as far as it matters here. */
export function readStatement(sql: string): Statement {
  const tokens = tokensOf(sql, MOST_HEAD);
  const words = skipPrefix(tokens);
  const first = upper(words[0]);
  const second = upper(words[1]);
  const mentions = mentioned(tokens);
  const plain = (kind: StatementKind): Statement => ({ ...NOTHING, kind, mentions });
  if (first === 'ROLLBACK')
    return plain(second === 'TO' || upper(words[2]) === 'TO' ? 'savepoint' : 'rollback');
  if (first === 'START') return plain('begin');
  if (first === 'XA') return plain(XA[second] ?? 'upkeep');
  const frame = FRAMES[first];
  if (frame) return plain(frame);
  if (DATA.has(first)) return plain('data');
  if (UPKEEP.has(first)) return plain('upkeep');
  if (!DEFINES.has(first)) return plain('definition');
  return readDefinition(first, words, mentions);
}

const NOTHING = { objects: [], isRepeatable: false, verb: '', object: '' };

function readDefinition(verb: string, words: readonly Token[], mentions: readonly string[]): Statement {
  const at = words.findIndex((word, i) => i > 0 && word.kind === 'word' && OBJECTS.has(upper(word)));
  const object = at < 0 ? '' : upper(words[at]);
  if (SERVER_WIDE.has(object)) return { ...NOTHING, kind: 'upkeep', mentions, isRepeatable: true };
  const isTruncate = verb === 'TRUNCATE';
  const isCertain = words.slice(0, 12).some((word, i) => {
    const next = [upper(words[i + 1]), upper(words[i + 2])];
    return (
      (upper(word) === 'IF' && (next[0] === 'EXISTS' || next.join(' ') === 'NOT EXISTS')) ||
      (upper(word) === 'OR' && next[0] === 'REPLACE')
    );
  });
  const isDatabase = object === 'DATABASE' || object === 'SCHEMA';
  const onAt = words.findIndex((word, i) => i > at && upper(word) === 'ON' && word.kind === 'word');
  const isOn = (object === 'INDEX' || object === 'TRIGGER') && onAt > 0;
  const start = isOn ? onAt + 1 : isTruncate && at !== 1 ? 1 : at + 1;
  const isList = verb === 'DROP' || verb === 'RENAME';
  const objects = readNames(words, skipConditions(words, start), { isList });
  const isTemporary = words.slice(0, at).some((word) => upper(word) === 'TEMPORARY');
  return {
    kind: isDatabase ? 'database' : isTemporary ? 'upkeep' : 'definition',
    objects: verb === 'ALTER' ? [...objects, ...newNames(words, at)] : objects,
    mentions,
    isRepeatable: isTruncate || isCertain,
    verb,
    object,
  };
}

/** Where `ALTER TABLE … RENAME TO other.orders` moves a table to. */
function newNames(words: readonly Token[], from: number): readonly ObjectName[] {
  const at = words.findIndex((word, i) => i > from && upper(word) === 'RENAME');
  if (at < 0) return [];
  const start = ['TO', 'AS'].includes(upper(words[at + 1])) ? at + 2 : at + 1;
  return readNames(words, start, { isList: false }).filter(({ database }) => database !== undefined);
}

/** `a`, `a.b`, and with `isList` all of `a TO b.c, d`. */
function readNames(
  words: readonly Token[],
  start: number,
  { isList }: { readonly isList: boolean },
): readonly ObjectName[] {
  const names: ObjectName[] = [];
  for (let i = start; i < words.length; ) {
    const word = words[i];
    if (!word || word.kind === 'sign') break;
    const second = words[i + 2];
    const isWhole = words[i + 1]?.text === '.' && words[i + 1]?.kind === 'sign' && second !== undefined;
    names.push(
      isWhole ? { database: word.text, name: second.text } : { database: undefined, name: word.text },
    );
    i += isWhole ? 3 : 1;
    const next = words[i];
    if (!isList || !(next?.text === ',' || upper(next) === 'TO')) break;
    i++;
  }
  return names;
}

/** `SET STATEMENT x=1 FOR` before what is meant. */
function skipPrefix(tokens: readonly Token[]): readonly Token[] {
  if (upper(tokens[0]) !== 'SET' || upper(tokens[1]) !== 'STATEMENT') return tokens;
  const end = tokens.findIndex((token) => upper(token) === 'FOR');
  return end < 0 ? tokens : tokens.slice(end + 1);
}

const CONDITIONS = new Set(['IF', 'NOT', 'EXISTS', 'BODY']);

function skipConditions(words: readonly Token[], start: number): number {
  let at = start;
  while (words[at]?.kind === 'word' && CONDITIONS.has(upper(words[at]))) at++;
  return at;
}

function mentioned(tokens: readonly Token[]): readonly string[] {
  const found = new Set<string>();
  for (const [i, token] of tokens.entries()) {
    if (isQualifier(tokens, i)) found.add(token.text);
  }
  return [...found];
}

function upper(token: Token | undefined): string {
  return token?.kind === 'word' ? token.text.toUpperCase() : '';
}
