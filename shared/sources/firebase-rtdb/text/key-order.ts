const INTEGER = /^-?0*\d{1,10}$/;
const LEAST = -(2 ** 31);
const MOST = 2 ** 31 - 1;

/**
 * The order of Firebase's keys: 32-bit integers first, by value, then all others by UTF-16 code units. The same rule as
 * Google's client has (`nameCompare` of firebase-js-sdk), whatever order JSON came in.
 */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  const left = integerOf(a);
  const right = integerOf(b);
  if (left !== undefined && right !== undefined) return left - right || a.length - b.length;
  if (left !== undefined || right !== undefined) return left !== undefined ? -1 : 1;
  return a < b ? -1 : 1;
}

/** The order of records: by path, what a node says of itself (`.priority`) after its children. */
export function comparePaths(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const left = a[i] ?? '';
    const right = b[i] ?? '';
    if (left === right) continue;
    const own = Number(left.startsWith('.')) - Number(right.startsWith('.'));
    return own || compareKeys(left, right);
  }
  return a.length - b.length;
}

function integerOf(key: string): number | undefined {
  const first = key.charCodeAt(0);
  // Most keys begin with a letter: those are told apart without a regular expression.
  if ((first > 0x39 || first < 0x30) && first !== 0x2d) return undefined;
  if (!INTEGER.test(key)) return undefined;
  const value = Number(key);
  return value >= LEAST && value <= MOST ? value : undefined;
}
