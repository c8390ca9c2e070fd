import { decimalBytes } from '../log/column-types.ts';

/** Of a DOUBLE, the decimal point of a number without an exponent stands no further from its first digit, unless digits follow it. */
const MOST_PLAIN = 15;
const LEAST_PLAIN = -14;
const GROUP_DIGITS = 9;
const GROUP_BYTES = 4;

/** A floating-point number as the server writes a DOUBLE: the fewest digits that mean it, `1e15`, `-0`. */
export function doubleText(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [, sign = '', first = '', rest = '', exponent = '0'] =
    /^(-?)(\d)(?:\.(\d+))?e\+?(-?\d+)$/.exec(value.toExponential()) ?? [];
  const digits = first + rest;
  const point = Number(exponent) + 1;
  if (point < LEAST_PLAIN || (point > MOST_PLAIN && digits.length <= point))
    return `${sign}${first}${rest === '' ? '' : `.${rest}`}e${exponent}`;
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (digits.length <= point) return `${sign}${digits.padEnd(point, '0')}`;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/**
 * A DECIMAL as the log has it: groups of nine digits in four bytes, shorter ones at both ends; the first bit is 1 unless it is
 * negative, and all bits of a negative one are turned round.
 */
export function decimalText(raw: Buffer, precision: number, scale: number): string {
  const bytes = Buffer.from(raw);
  const isNegative = ((bytes[0] ?? 0) & 0x80) === 0;
  bytes[0] = (bytes[0] ?? 0) ^ 0x80;
  if (isNegative) for (let i = 0; i < bytes.length; i++) bytes[i] = ~(bytes[i] ?? 0) & 0xff;
  const wholeBytes = decimalBytes(precision - scale);
  const whole = digitsOf(bytes.subarray(0, wholeBytes), precision - scale, 'start').replace(/^0+(?=\d)/, '');
  const fraction = digitsOf(bytes.subarray(wholeBytes), scale, 'end');
  return `${isNegative ? '-' : ''}${whole === '' ? '0' : whole}${scale === 0 ? '' : `.${fraction}`}`;
}

/** @param shortAt where the group is that has fewer digits */
function digitsOf(bytes: Buffer, digits: number, shortAt: 'start' | 'end'): string {
  const short = digits % GROUP_DIGITS;
  const groups = Array.from({ length: (digits - short) / GROUP_DIGITS }, () => GROUP_DIGITS);
  if (short > 0) groups[shortAt === 'start' ? 'unshift' : 'push'](short);
  let at = 0;
  return groups
    .map((size) => {
      const length = size === GROUP_DIGITS ? GROUP_BYTES : decimalBytes(size);
      const value = bytes.readUIntBE(at, length);
      at += length;
      return String(value).padStart(size, '0');
    })
    .join('');
}
