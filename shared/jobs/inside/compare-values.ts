import type { Fields, RowColumn } from '../../sources/rows.ts';

/** Orders values of these columns, the first column first: numbers as numbers, all else as text, NULL first. */
export function compareFields(columns: readonly RowColumn[]): (a: Fields, b: Fields) => number {
  return (a, b) => {
    for (const [place, { isNumber }] of columns.entries()) {
      const order = compareValues(a[place] ?? null, b[place] ?? null, isNumber);
      if (order !== 0) return order;
    }
    return 0;
  };
}

/** Below 0 if `a` comes first. Decimal numbers of any length are compared exactly; text by its code units. */
export function compareValues(a: string | null, b: string | null, isNumber: boolean): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  return isNumber ? compareNumbers(a, b) : inOrder(a, b);
}

/** Whether a text is a number as databases write them. */
export function isNumberText(text: string): boolean {
  return DECIMAL.test(text) || FLOAT.test(text) || SPECIAL.includes(text);
}

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d*))?$/;
const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** In PostgreSQL's order. */
const SPECIAL: readonly string[] = ['-Infinity', 'Infinity', 'NaN'];

/** The same text for the same decimal number, however many zeros were written. */
export function sameNumberText(text: string): string {
  const [, sign = '', whole = '0', fraction = ''] = DECIMAL.exec(text) ?? [];
  if (!DECIMAL.test(text)) return String(Number(text));
  const digits = fraction.replace(/0+$/, '');
  const value = `${BigInt(whole)}${digits && `.${digits}`}`;
  return sign === '-' && value !== '0' ? `-${value}` : value;
}

/** Decimal numbers of so few characters are different doubles if they are different (IEEE 754: 15 digits). */
const EXACT_CHARACTERS = 15;

function compareNumbers(a: string, b: string): number {
  if (a.length <= EXACT_CHARACTERS && b.length <= EXACT_CHARACTERS) {
    const [one, other] = [Number(a), Number(b)];
    if (!Number.isNaN(one) && !Number.isNaN(other)) return inOrder(one, other);
  }
  const [one, other] = [DECIMAL.exec(a), DECIMAL.exec(b)];
  if (one && other) {
    const digits = Math.max(one[3]?.length ?? 0, other[3]?.length ?? 0);
    return inOrder(scaled(one, digits), scaled(other, digits));
  }
  if (a === 'NaN' || b === 'NaN') return Number(a === 'NaN') - Number(b === 'NaN');
  return inOrder(Number(a), Number(b));
}

/** A decimal number as a whole one, scaled by this many digits after the point. */
function scaled([, sign, whole = '0', fraction = '']: RegExpExecArray, digits: number): bigint {
  const value = BigInt(whole + fraction.padEnd(digits, '0'));
  return sign === '-' ? -value : value;
}

function inOrder<T extends string | number | bigint>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
