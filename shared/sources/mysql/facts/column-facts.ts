import type { ColumnFacts } from '../../table-facts.ts';
import type { ColumnAttributes } from '../datasets/attributes.ts';

const INTEGER_BITS: Readonly<Record<string, number>> = {
  tinyint: 7,
  smallint: 15,
  mediumint: 23,
  int: 31,
  integer: 31,
  bigint: 63,
};
const TEXT_BYTES: Readonly<Record<string, number>> = {
  tinytext: 255,
  tinyblob: 255,
  text: 65_535,
  blob: 65_535,
};
/** Most bytes of a character of utf8mb4; masks write ASCII, and what a user gives is checked as characters. */
const CHARACTER_BYTES = 4;
/** Sets whose characters are bytes of ASCII where they are ASCII. */
const NOT_ASCII = /^(ucs2|utf16|utf16le|utf32)$/;

/**
 * @param definition the line of SHOW CREATE TABLE, after the column's name
 * @param collation of the table's texts if the column says none
 */
export function columnFacts(
  { name, type, class: kindOfClass, charset }: ColumnAttributes,
  definition: string,
  collation: string,
): ColumnFacts {
  const clause = definition.replaceAll(/'(?:[^'\\]|\\.|'')*'/g, "''");
  return {
    name,
    type,
    isNullable: !/\bNOT NULL\b/i.test(clause),
    isCounted: /\bAUTO_INCREMENT\b|nextval\(/i.test(clause),
    ...(/\bzerofill\b/i.test(type)
      ? { kind: 'other' }
      : (numbersOf(type) ?? timesOf(type) ?? lettersOf({ type, kindOfClass, charset, clause, collation }))),
  };
}

type Values = Omit<ColumnFacts, 'name' | 'type' | 'isNullable' | 'isCounted'>;

/** The word of a type, and the number behind it. */
function wordOf(type: string): { readonly word: string; readonly length: number | undefined } {
  const [, word = '', size] = /^(\w+)(?:\((\d+)(?:,\d+)?\))?/.exec(type.toLowerCase()) ?? [];
  return { word, length: size === undefined ? undefined : Number(size) };
}

function numbersOf(type: string): Values | undefined {
  const { word } = wordOf(type);
  const bits = INTEGER_BITS[word];
  if (bits !== undefined) return { kind: 'integer', bits: bits + (/\bunsigned\b/i.test(type) ? 1 : 0) };
  if (word === 'decimal' || word === 'numeric') return { kind: 'decimal', wholeDigits: wholeDigits(type) };
  if (word === 'float') return { kind: 'float', digits: 6, isWidened: true };
  return word === 'double' || word === 'real' ? { kind: 'float', digits: 15 } : undefined;
}

const TIMES: Readonly<Record<string, Values>> = {
  date: { kind: 'date', years: [1000, 9999] },
  datetime: { kind: 'date', years: [1000, 9999] },
  timestamp: { kind: 'date', years: [1971, 2037] },
  uuid: { kind: 'uuid' },
  inet4: { kind: 'ip' },
  inet6: { kind: 'ip' },
};

function timesOf(type: string): Values | undefined {
  return TIMES[wordOf(type).word];
}

function lettersOf({
  type,
  kindOfClass,
  charset,
  clause,
  collation,
}: {
  readonly type: string;
  readonly kindOfClass: ColumnAttributes['class'];
  readonly charset: string | null;
  readonly clause: string;
  readonly collation: string;
}): Values {
  const { word, length } = wordOf(type);
  if (kindOfClass === 'json' || /\bjson_valid\(/i.test(clause)) return { kind: 'json' };
  if (kindOfClass === 'text' && !/^(enum|set)$/.test(word) && !NOT_ASCII.test(charset ?? ''))
    return { kind: 'text', most: mostCharacters(word, length), isCaseless: isCaseless(clause, collation) };
  if (/^(binary|varbinary|(tiny|medium|long)?blob)$/.test(word))
    return { kind: 'bytes', most: TEXT_BYTES[word] ?? length, isPadded: word === 'binary' };
  return { kind: 'other' };
}

function wholeDigits(type: string): number {
  const [, precision = '10', scale = '0'] = /\((\d+)(?:,(\d+))?\)/.exec(type) ?? [];
  return Number(precision) - Number(scale);
}

function mostCharacters(word: string, length: number | undefined): number | undefined {
  const bytes = TEXT_BYTES[word];
  return bytes === undefined ? length : Math.floor(bytes / CHARACTER_BYTES);
}

/** Collations compare without case, unless their names say otherwise. */
function isCaseless(clause: string, ofTable: string): boolean {
  const own = /\bCOLLATE[ =](\w+)/i.exec(clause)?.[1] ?? ofTable;
  return !/(_bin|_cs)$/i.test(own);
}
