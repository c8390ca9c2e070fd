import type { Token } from './statements.ts';

/** Columns of these take values from a sequence, in an order that only the source knows. */
const SERIALS = new Set(['serial', 'bigserial', 'smallserial', 'serial2', 'serial4', 'serial8']);
/** Functions without parentheses. */
const OF_SESSION =
  /^(?:current_(?:timestamp|date|time|user|role|catalog|schema)|local(?:time|timestamp)|session_user|system_user|user)$/;
/** Constants that mean another moment each day. */
const MOMENTS = /\b(?:now|today|tomorrow|yesterday)\b/i;
/** Types that are written with parentheses, and functions whose values depend on nothing else. */
const STEADY = new Set(
  `numeric decimal varchar char character varying bit timestamp timestamptz time timetz interval float
   cast coalesce nullif lower upper trim btrim ltrim rtrim left right substring replace round floor ceil abs length`.split(
    /\s+/,
  ),
);
/** Before DEFAULT: rows get no value. */
const NO_VALUE = new Set(['set', 'drop', 'by']);
const END_OF_DEFAULT = new Set([
  'not',
  'constraint',
  'check',
  'unique',
  'primary',
  'references',
  'collate',
  'generated',
]);

/**
 * Why an ALTER TABLE gave rows values that the stream does not have and that cannot be computed again: part of a sentence. It
 * rather says so once too often.
 *
 * @param hasDefaults a column's type is a domain with a default
 */
export function unseenValues(tokens: readonly Token[], hasDefaults: boolean): string | undefined {
  const words = tokens.map(({ kind, value }) => (kind === 'word' ? value : ''));
  const follow = (...wanted: readonly string[]) =>
    words.some((_, at) => wanted.every((word, i) => words[at + i] === word));
  if (follow('set', 'logged') || follow('set', 'unlogged')) return 'it changed whether the log has its rows';
  if (follow('attach', 'partition') || follow('detach', 'partition')) return 'it moved a partition';
  const adds = words.includes('add');
  if (adds && (follow('as', 'identity') || words.some((word) => SERIALS.has(word))))
    return 'it numbered rows';
  if (adds && hasDefaults) return 'a column may have got the default of its type';
  return computedValues(tokens, words);
}

function computedValues(tokens: readonly Token[], words: readonly string[]): string | undefined {
  for (const [at, word] of words.entries()) {
    const isDefault = word === 'default' && !NO_VALUE.has(words[at - 1] ?? '');
    const isUsing = word === 'using' && words.slice(0, at).includes('type');
    if (isDefault && !isSteady(expressionFrom(tokens, at + 1, END_OF_DEFAULT)))
      return 'it gave rows a default that is computed';
    if (isUsing && !isSteady(expressionFrom(tokens, at + 1))) return 'it computed values by a function';
  }
  return undefined;
}

/** Up to the comma or the word that ends it. */
function expressionFrom(
  tokens: readonly Token[],
  from: number,
  ends: ReadonlySet<string> = new Set(),
): readonly Token[] {
  let depth = 0;
  for (let at = from; at < tokens.length; at++) {
    const { kind, value } = tokens[at] as Token;
    if (depth === 0 && (kind === 'sign' ? value === ',' : kind === 'word' && at > from && ends.has(value)))
      return tokens.slice(from, at);
    if (kind === 'sign' && value === '(') depth++;
    if (kind === 'sign' && value === ')') depth--;
  }
  return tokens.slice(from);
}

function isSteady(expression: readonly Token[]): boolean {
  return expression.every(({ kind, value }, i) => {
    const next = expression[i + 1];
    const isCalled = next?.kind === 'sign' && next.value === '(';
    if (kind === 'text') return !MOMENTS.test(value);
    if (kind === 'name') return !isCalled;
    return kind !== 'word' || (isCalled ? STEADY.has(value) : !OF_SESSION.test(value));
  });
}
