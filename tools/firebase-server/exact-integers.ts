import { randomUUID } from 'node:crypto';

/** Begins the text that stands for an integer in Google's nodes, which keep doubles only. No text of a test has it. */
const MARK = `integer ${randomUUID()} `;
const INTEGER = /^-?[1-9]\d*$/;
const LARGEST = 2n ** 63n - 1n;
const SMALLEST = -(2n ** 63n);

/** Parses JSON; integers of up to 64 bits that no double holds become texts that `jsonOf` writes digit for digit. */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, (_, value: unknown, { source = '' }: { source?: string } = {}) =>
    typeof value === 'number' && isExact(source) ? MARK + source : value,
  );
}

/** The same of a value that was not parsed here, in which such integers are bigints. */
export function marked(value: unknown): unknown {
  if (typeof value === 'bigint') return isExact(String(value)) ? MARK + value : Number(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(marked);
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, marked(child)]));
}

/** JSON of what a leaf or a priority holds, `{".value", ".priority"}` too. */
export function jsonOf(value: unknown): string {
  return withDigits(JSON.stringify(value));
}

/** JSON in which marked texts become the integers that they stand for. */
export function withDigits(json: string): string {
  return json.includes(MARK) ? json.replaceAll(MARKED, '$1') : json;
}
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, 'g');

/** Parses what `jsonOf` wrote; integers that no double holds are bigints. */
export function unmarked(text: string): unknown {
  return JSON.parse(text, (_, value: unknown, { source = '' }: { source?: string } = {}) =>
    typeof value === 'number' && isExact(source) ? BigInt(source) : value,
  );
}

function isExact(digits: string): boolean {
  if (!INTEGER.test(digits) || Number.isSafeInteger(Number(digits))) return false;
  const integer = BigInt(digits);
  return integer >= SMALLEST && integer <= LARGEST;
}
