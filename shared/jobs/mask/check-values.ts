/** A value in a condition; null is neither true nor false. */
export type Value = string | number | boolean | null;

/** What of a condition is not known here. */
export class UnknownPart extends Error {}

/** Gives up unless it is so. @throws UnknownPart */
export function must(isSo: boolean): boolean {
  if (isSo) return true;
  throw new UnknownPart();
}

/** NOT. */
export function negated(value: Value): Value {
  must(value === null || typeof value === 'boolean');
  return value === null ? null : !value;
}

/** Two values, by an operator of SQL. @throws UnknownPart */
export function compared(sign: string, left: Value, right: Value): Value {
  if (left === null || right === null) return null;
  if (sign.includes('~')) return matches(sign, String(left), String(right));
  const [a, b] = alike(left, right);
  switch (sign) {
    case '=':
      return a === b;
    case '<':
      return a < b;
    case '>':
      return a > b;
    case '<=':
      return a <= b;
    case '>=':
      return a >= b;
    default:
      return a !== b;
  }
}

function alike(
  left: Exclude<Value, null>,
  right: Exclude<Value, null>,
): readonly [string | number, string | number] {
  if (typeof left === 'boolean' || typeof right === 'boolean') {
    must(typeof left === typeof right);
    return [Number(left), Number(right)];
  }
  if (typeof left === typeof right) return [left, right];
  const numbers = [Number(left), Number(right)] as const;
  must(!Number.isNaN(numbers[0]) && !Number.isNaN(numbers[1]));
  return numbers;
}

function matches(sign: string, text: string, pattern: string): boolean {
  const flags = sign.endsWith('*') ? 'isu' : 'su';
  const source = sign.includes('~~') ? likePattern(pattern) : pattern;
  // Classes and marks that JavaScript does not know, or knows as something else.
  must(sign.includes('~~') || !/\[\[:|\\[mMyYAZbB]|\(\?/.test(pattern));
  return expression(source, flags).test(text) !== sign.startsWith('!');
}

function expression(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags);
  } catch {
    throw new UnknownPart();
  }
}

function likePattern(pattern: string): string {
  const parts = [...pattern.matchAll(/\\(.)|%|_|[^\\%_]+/gsu)].map(([whole, escaped]) => {
    if (whole === '%') return '.*';
    if (whole === '_') return '.';
    return (escaped ?? whole).replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
  });
  return `^${parts.join('')}$`;
}
