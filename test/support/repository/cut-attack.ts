import { reduceBasis } from './lll.ts';
import { seededRandom } from './rows.ts';

/**
 * An attack on where chunks end, by who puts rows into a database, knows the sizes in `repository.json`, and sees how
 * long chunks are: cuts in rows of one digit give the table of a gear hash back, and with it the cuts of what others
 * put there. It knows the rules of docs/reference/format.md and nothing of the code.
 *
 * A gear hash of 16 rows `digit newline` is h = Σ 2^(2k+1) T[digit k rows back] + constant (mod 2^32). Each cut says of
 * one such sum that it is below a bound: an instance of the hidden number problem, which a lattice of small dimension
 * solves (Truong et al., "Breaking and Fixing Content-Defined Chunking", CCS 2025).
 */
export interface Victim {
  readonly minBytes: number;
  readonly averageBytes: number;
  /** Where the chunks of `stream` end, but the last one. */
  readonly cut: (stream: Buffer) => number[];
}

const ROWS = 16;
const DIGITS = 10;
const MODULUS = 2 ** 32;
/** Of those that a newline proposed: enough that only the table fits. */
const CUTS = 30;

/** Rows of one random digit. */
export function digitRows(bytes: number, seed: number): Buffer {
  const random = seededRandom(seed);
  return Buffer.from(Array.from({ length: bytes / 2 }, () => `${Math.floor(random() * DIGITS)}\n`).join(''));
}

/** Digits of the last rows before `end`, newest first. */
function windowAt(stream: Buffer, end: number): number[] {
  return Array.from({ length: ROWS }, (_, k) => (stream[end - 2 - 2 * k] as number) - 0x30);
}

/** A digit's share of the hash; `isByNewline` whether the newline or the digit before it is the last byte of it. */
const weight = (k: number, isByNewline: boolean): number => 2 ** (2 * k + (isByNewline ? 1 : 0));

/** What the table says of two windows: how far their hashes are apart, modulo 2^32 from -2^31 on. */
function difference(
  table: readonly number[],
  window: readonly number[],
  from: readonly number[],
  isByNewline: boolean,
): number {
  let sum = 0;
  for (let k = 0; k < ROWS; k++) {
    const apart = (table[window[k] as number] ?? 0) - (table[from[k] as number] ?? 0);
    sum = (sum + Math.imul(apart, weight(k, isByNewline))) | 0;
  }
  return sum;
}

/** Without the top bit, from -2^30 on. */
const withoutTop = (n: number): number => (n << 1) >> 1;

/** What a window must be for a cut, as far as is known. */
interface Range {
  readonly from: readonly number[];
  readonly least: number;
  readonly most: number;
}

export interface Knowledge {
  readonly table: readonly number[];
  readonly newline: Range;
  readonly digit: Range;
  /** Last digits of which the top bit of the table is another than of the window that all is compared with. */
  readonly flipped: ReadonlySet<number>;
}

/** Learns the table from cuts in rows that the attacker made. */
export function learn({ minBytes, averageBytes, cut }: Victim, seed: number): Knowledge {
  const bound = MODULUS / (averageBytes - minBytes);
  const stream = digitRows(2 * 2.6 * CUTS * averageBytes, seed);
  const newline: number[][] = [];
  const digit: number[][] = [];
  let start = 0;
  for (const end of cut(stream)) {
    // With a longer last row, a cut that the digit proposed stays; one that the newline proposed is gone.
    const longer = [stream.subarray(start, end - 1), Buffer.from('x\n'), digitRows(2048, seed + end)];
    const stays = cut(Buffer.concat(longer))[0] === end - start + 1;
    (stays ? digit : newline).push(windowAt(stream, end));
    start = end;
  }
  const table = solve(newline.slice(0, CUTS), bound);
  const differences = (windows: readonly number[][], isByNewline: boolean): number[] =>
    windows.map((window) => difference(table, window, windows[0] ?? [], isByNewline));
  const rangeOf = (windows: readonly number[][], all: readonly number[]): Range => ({
    from: windows[0] ?? [],
    least: Math.min(...all),
    most: Math.max(...all),
  });
  const byDigit = differences(digit, false);
  const flipped = digit.filter((_, i) => byDigit[i] !== withoutTop(byDigit[i] ?? 0));
  return {
    table,
    newline: rangeOf(newline, differences(newline, true)),
    digit: rangeOf(digit, byDigit.map(withoutTop)),
    flipped: new Set(flipped.map((window) => window[0] as number)),
  };
}

/** The table's entries, less that of 9, up to the sign and the top bit: a short vector of a lattice. */
function solve(windows: readonly number[][], bound: number): number[] {
  const [first = [], ...others] = windows;
  const share = (window: readonly number[], digit: number) =>
    window.reduce((sum, of, k) => sum + (of === digit ? weight(k, true) : 0), 0);
  const unknowns = Array.from({ length: DIGITS - 1 }, (_, digit) => digit);
  // A hash differs by less than the bound, an entry by less than 2^30: both are to count alike.
  const scale = Math.max(1, 2 ** 30 / bound);
  const unit = (size: number, i: number, value: number) =>
    Array.from({ length: size }, (_, j) => (i === j ? value : 0));
  const basis = [
    ...others.map((_, i) => [...unit(others.length, i, MODULUS * scale), ...unknowns.map(() => 0)]),
    ...unknowns.map((digit) => [
      ...others.map((window) => ((share(window, digit) - share(first, digit)) | 0) * scale),
      ...unit(unknowns.length, digit, 1),
    ]),
  ];
  // Weights are even, so that 2^31 in an entry changes nothing: those vectors are short too, and say nothing.
  const size = (row: readonly number[]) => Math.hypot(...row.slice(0, others.length));
  const [shortest = []] = reduceBasis(basis)
    .filter((row) => size(row) > 0)
    .sort((a, b) => size(a) - size(b));
  return [...shortest.slice(others.length), 0];
}

/** Where a chunk that begins at `start` ends, by what was learnt; undefined where nothing is expected. */
export function predict(
  { table, newline, digit, flipped }: Knowledge,
  stream: Buffer,
  start: number,
  minBytes: number,
): number | undefined {
  const isIn = (of: number, { least, most }: Range) => of >= least && of <= most;
  for (let end = start + minBytes + 2; end <= stream.length; end += 2) {
    const window = windowAt(stream, end);
    const byDigit = difference(table, window, digit.from, false);
    const byNewline = difference(table, window, newline.from, true);
    const isFlipped = byDigit !== withoutTop(byDigit);
    if (isIn(byNewline, newline)) return end;
    if (isIn(withoutTop(byDigit), digit) && isFlipped === flipped.has(window[0] as number)) return end;
  }
  return undefined;
}
