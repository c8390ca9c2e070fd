/** docs/reference/format.md, "Shapes". */
export const TAB = 0x09;
/** What ends a line. */
export const NEWLINE = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** What is shape outside of quotes, beside these: `{}[]:,` and spaces. */
const IS_SHAPE = new Uint8Array(256);
for (const byte of Buffer.from('{}[]:, "')) IS_SHAPE[byte] = 1;

/** The shape of lines that are one value: what is rare, and what is no JSON. */
export const WHOLE_LINE = '\t';
/** Lines of more shapes than this are not told apart. */
export const MOST_SHAPES = 255;
/** Rows of a rarer shape are kept whole. */
const LEAST_ROWS = 16;

/** Lines of one shape. */
export interface ShapedRows {
  /** As bytes in latin1, a tab in the place of each value. */
  readonly shape: string;
  /** The values of each line, with tabs between them and a newline behind them. */
  readonly values: Buffer;
}

/** Lines, each with the group of its shape. */
export interface SplitLines {
  readonly rows: number;
  readonly groups: readonly ShapedRows[];
  /** For each line, the number of its group. */
  readonly numbers: Uint8Array;
}

/**
 * Takes lines apart into shapes, which are the signs of JSON, and values: what is between quotes, and numbers, `true`, `false`
 * and `null`. Names are values too: those that are the same on every line take next to nothing as columns.
 *
 * @param plain whole lines
 * @returns undefined if most of it is no JSON, or has a tab in it
 */
export function splitLines(plain: Uint8Array): SplitLines | undefined {
  if (plain.at(-1) !== NEWLINE || plain.includes(TAB)) return undefined;
  const lines = scan(plain);
  const counts = new Map<string, number>();
  for (const shape of lines.shapes) counts.set(shape, (counts.get(shape) ?? 0) + 1);
  const kept = [...counts]
    .filter(([shape, count]) => count >= LEAST_ROWS && shape !== WHOLE_LINE && shape.includes(WHOLE_LINE))
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, MOST_SHAPES - 1)
    .map(([shape]) => shape);
  const isKept = new Set(kept);
  const groupOf = lines.shapes.map((shape) => (isKept.has(shape) ? shape : WHOLE_LINE));
  const keptRows = kept.reduce((sum, shape) => sum + (counts.get(shape) ?? 0), 0);
  if (keptRows * 2 < lines.shapes.length) return undefined;
  return group(plain, lines, {
    groupOf,
    shapes: keptRows === lines.shapes.length ? kept : [...kept, WHOLE_LINE],
  });
}

interface ScannedLines {
  /** Of each line. */
  readonly shapes: readonly string[];
  /** Values of all lines, one after the other. */
  readonly values: Buffer;
  readonly valueEnds: readonly number[];
  readonly lineEnds: readonly number[];
}

/** Of the lines that were scanned last; one thread scans one chunk at a time. */
let scratch: { readonly values: Buffer; readonly shape: Buffer } | undefined;

function scratchFor(bytes: number): NonNullable<typeof scratch> {
  if (scratch && scratch.shape.length >= bytes) return scratch;
  scratch = { values: Buffer.allocUnsafe(bytes), shape: Buffer.allocUnsafe(bytes) };
  return scratch;
}

/** Goes through lines byte by byte. */
class Scanner {
  readonly values: Buffer;
  readonly #plain: Uint8Array;
  /** Of the line that is read. */
  readonly #shape: Buffer;
  #at = 0;
  #out = 0;
  #signs = 0;

  constructor(plain: Uint8Array) {
    this.#plain = plain;
    // Each byte is a value of its own at most, with a tab behind it.
    const { values, shape } = scratchFor(2 * plain.length + 2);
    this.values = values;
    this.#shape = shape;
  }

  get at(): number {
    return this.#at;
  }

  get valueEnd(): number {
    return this.#out;
  }

  /** Goes past a line and its newline. @returns its shape */
  line(): string {
    const plain = this.#plain;
    const first = this.#out;
    this.#signs = 0;
    for (let byte = plain[this.#at]; byte !== NEWLINE; byte = plain[this.#at])
      if (byte === QUOTE) this.#quoted();
      else if (IS_SHAPE[byte ?? 0] === 1) this.#sign();
      else this.#word();
    this.#at++;
    if (this.#out > first) this.values[this.#out - 1] = NEWLINE;
    return this.#shape.toString('latin1', 0, this.#signs);
  }

  #sign(): void {
    this.#shape[this.#signs++] = this.#plain[this.#at++] ?? 0;
  }

  /** What is between quotes; the closing one may be missing at the end of a line. */
  #quoted(): void {
    const plain = this.#plain;
    this.#sign();
    let at = this.#at;
    let out = this.#out;
    let byte = plain[at] ?? 0;
    while (byte !== QUOTE && byte !== NEWLINE) {
      this.values[out++] = byte;
      if (byte === BACKSLASH && plain[at + 1] !== NEWLINE) this.values[out++] = plain[++at] ?? 0;
      byte = plain[++at] ?? 0;
    }
    this.#at = at;
    this.#out = out;
    this.#endValue();
    if (byte === QUOTE) this.#sign();
  }

  /** A number, `true`, `false`, `null`, or what is no JSON. */
  #word(): void {
    const plain = this.#plain;
    let byte = plain[this.#at] ?? 0;
    while (byte !== NEWLINE && IS_SHAPE[byte] === 0) {
      this.values[this.#out++] = byte;
      byte = plain[++this.#at] ?? 0;
    }
    this.#endValue();
  }

  #endValue(): void {
    this.values[this.#out++] = TAB;
    this.#shape[this.#signs++] = TAB;
  }
}

function scan(plain: Uint8Array): ScannedLines {
  const scanner = new Scanner(plain);
  const shapes: string[] = [];
  const valueEnds: number[] = [];
  const lineEnds: number[] = [];
  while (scanner.at < plain.length) {
    shapes.push(scanner.line());
    valueEnds.push(scanner.valueEnd);
    lineEnds.push(scanner.at);
  }
  return { shapes, values: scanner.values, valueEnds, lineEnds };
}

function group(
  plain: Uint8Array,
  { values, valueEnds, lineEnds }: ScannedLines,
  { groupOf, shapes }: { readonly groupOf: readonly string[]; readonly shapes: readonly string[] },
): SplitLines {
  const number = new Map(shapes.map((shape, i) => [shape, i]));
  const numbers = Uint8Array.from(groupOf, (shape) => number.get(shape) ?? 0);
  const parts: Uint8Array[][] = shapes.map(() => []);
  const whole = number.get(WHOLE_LINE);
  for (const [row, at] of numbers.entries()) {
    const [from, ends] = at === whole ? [plain, lineEnds] : [values, valueEnds];
    parts[at]?.push(from.subarray(row === 0 ? 0 : ends[row - 1], ends[row]));
  }
  const groups = shapes.map((shape, i) => ({ shape, values: Buffer.concat(parts[i] ?? []) }));
  return { rows: numbers.length, groups, numbers };
}
