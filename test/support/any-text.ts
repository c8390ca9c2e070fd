import fc from 'fast-check';

const HALVES = { from: 0xd800, count: 0x800 };

/** Any code point but halves of pairs. `unit: 'binary'` makes a table of all million of them, which takes a second and 100 MB. */
const codePoint = fc
  .integer({ min: 0, max: 0x10_ffff - HALVES.count })
  .map((n) => String.fromCodePoint(n < HALVES.from ? n : n + HALVES.count));

/** Text of any characters. */
export function anyText(lengths: { readonly minLength?: number; readonly maxLength?: number } = {}) {
  return fc.string({ ...lengths, unit: codePoint });
}
