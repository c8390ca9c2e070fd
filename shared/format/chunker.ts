import { FINGERPRINT_BYTES, fingerprint } from './fingerprint.ts';

/** Bounds of chunks; part of a repository, as other bounds would share nothing. */
export interface ChunkerParameters {
  readonly minBytes: number;
  readonly averageBytes: number;
  readonly maxBytes: number;
}

/** Decides from the bytes where a chunk may end; each version of the format has one. */
export interface CutTest {
  /**
   * The first byte of the record at which the chunk that begins at `start` may end, past the smallest size
   * and before `limit`.
   */
  propose(bytes: Buffer, start: number, limit: number): number | undefined;
}

/** What the chunker needs to know about a parent's chunk. */
export interface ParentCut {
  readonly plainBytes: number;
  readonly endsInside: boolean;
  readonly before: number;
  readonly after: number;
}

/** Where a chunk ends. */
export interface Cut {
  /** Where the chunk ends in the window given to `next`. */
  readonly end: number;
  readonly endsInside: boolean;
  readonly before: number;
  readonly after: number;
  /** Index of the parent's chunk to compare with; undefined if there is none. */
  readonly parentIndex: number | undefined;
}

/** The parent's chunks known so far, from `first` on; the chunker looks at most LOOKAHEAD ahead. */
export interface ParentWindow {
  readonly count: number;
  at(index: number): ParentCut | undefined;
}

/** How many parent cuts to search when the alignment is lost. */
export const LOOKAHEAD = 1024;

/** A followed chunk shorter than this share of the minimum is joined with the next one. */
const SMALLEST_FOLLOWED = 1 / 4;

/** Most chunks in a row that are compared with a parent's chunk whose end was not met. */
const MOST_OFFERS = 2;

const NEWLINE = 0x0a;

/**
 * Cuts a stream of records into chunks. docs/reference/format.md, "Where chunks end", is the normative text.
 *
 * Cuts depend on the stream, the parent's cuts, the cut test and the parameters only, never on how the bytes
 * arrive: a decision that bytes not yet seen could change is not made (`next` answers undefined).
 */
export class Chunker {
  readonly #parameters: ChunkerParameters;
  readonly #test: CutTest;
  readonly #parent: ParentWindow;
  /** Index of the parent's chunk expected to begin where the next chunk does. */
  #index = 0;
  #offers = 0;

  constructor(parameters: ChunkerParameters, test: CutTest, parent: ParentWindow) {
    this.#parameters = parameters;
    this.#test = test;
    this.#parent = parent;
  }

  /** The parent's chunk to look at next; earlier ones are not asked for again. */
  get parentIndex(): number {
    return this.#index;
  }

  /**
   * The end of the chunk that begins at `start` of `bytes[start, end)`; undefined if more bytes are needed.
   *
   * @param isLast no bytes follow `end`
   */
  next(bytes: Buffer, start: number, end: number, isLast: boolean): Cut | undefined {
    const view = new Window(bytes, start, end, isLast);
    const followed = this.#follow(view);
    if (followed === 'more') return undefined;
    if (followed) return followed;
    return this.#cutByContent(view);
  }

  /** Looks for the parent's next cut, then for the one after that. */
  #follow(view: Window): Cut | 'more' | undefined {
    let expected = view.start;
    for (let index = this.#index; index < this.#index + 2; index++) {
      const cut = this.#parent.at(index);
      // The parent's last cut is where its data ended, which says nothing about this stream.
      if (!cut || index + 1 >= this.#parent.count) return undefined;
      expected += cut.plainBytes;
      const found = this.#find(view, expected, cut);
      if (found === 'more') return 'more';
      if (found !== undefined && found - view.start >= this.#parameters.minBytes * SMALLEST_FOLLOWED) {
        return this.#take(view, found, cut.endsInside, index);
      }
    }
    return undefined;
  }

  /** Where `cut` is now: at `expected` if both sides are unchanged, else at the best match nearest to it. */
  #find(view: Window, expected: number, cut: ParentCut): number | 'more' | undefined {
    const reach = Math.max(this.#parameters.minBytes, Math.floor(cut.plainBytes / 2));
    const high = Math.min(expected + reach, view.start + this.#parameters.maxBytes);
    if (expected <= high) {
      if (!view.sees(expected)) return 'more';
      if (view.isCut(expected, cut.endsInside) && view.matches(expected, cut) === BOTH) return expected;
    }
    if (!view.sees(high)) return 'more';
    return cut.endsInside ? undefined : view.search(Math.min(expected, high, view.end), high, cut);
  }

  #cutByContent(view: Window): Cut | undefined {
    const { minBytes, maxBytes } = this.#parameters;
    const limit = Math.min(view.start + maxBytes, view.end);
    const proposed = this.#test.propose(view.bytes, view.start, limit);
    let end = proposed === undefined ? -1 : view.bytes.indexOf(NEWLINE, proposed) + 1;
    if (end === 0 || end > limit) end = -1;
    if (end === -1 && view.end - view.start < maxBytes && !view.isLast) return undefined;
    let endsInside = false;
    if (end === -1 && limit === view.end && view.isLast) end = limit;
    if (end === -1) {
      end = view.bytes.lastIndexOf(NEWLINE, limit - 1) + 1;
      endsInside = end <= view.start + minBytes;
      if (endsInside) end = limit;
    }
    if (!view.sees(end)) return undefined;
    return this.#take(view, end, endsInside, this.#realign(view, end));
  }

  /** The parent's chunk whose end looks like `end`, among the next LOOKAHEAD; else the expected one. */
  #realign(view: Window, end: number): number {
    const before = view.before(end);
    const after = view.after(end);
    for (let index = this.#index; index < this.#index + LOOKAHEAD; index++) {
      const cut = this.#parent.at(index);
      if (!cut || index + 1 >= this.#parent.count) break;
      if (cut.before === before && cut.after === after) return index;
    }
    return this.#index;
  }

  #take(view: Window, end: number, endsInside: boolean, index: number): Cut {
    const before = view.before(end);
    const after = view.after(end);
    const parent = this.#parent.at(index);
    const met = parent !== undefined && (parent.before === before || parent.after === after);
    const spanned = this.#mostOf(end - view.start, this.#index, index);
    const offered = parent !== undefined && (met || this.#offers < MOST_OFFERS);
    // A content cut that met no parent cut leaves the expectation where it was.
    this.#offers = met ? 0 : this.#offers + 1;
    if (met) this.#index = index + 1;
    return { end, endsInside, before, after, parentIndex: offered ? spanned : undefined };
  }

  /** Of the one or two parent's chunks that a chunk of this size covers, the one it has more of. */
  #mostOf(bytes: number, first: number, last: number): number {
    if (last !== first + 1) return last;
    const before = this.#parent.at(first)?.plainBytes ?? 0;
    const ofLast = Math.min(bytes, this.#parent.at(last)?.plainBytes ?? 0);
    // It ends where the last one does, and has no more of the one before than that one's end.
    return Math.min(before, bytes - ofLast) > ofLast ? first : last;
  }
}

/** The available bytes, and what they say about a cut. */
class Window {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly isLast: boolean;

  constructor(bytes: Buffer, start: number, end: number, isLast: boolean) {
    this.bytes = bytes.subarray(0, end);
    this.start = start;
    this.end = end;
    this.isLast = isLast;
  }

  /** Whether both fingerprints of a cut at `at` can be taken, or never will be better. */
  sees(at: number): boolean {
    return this.isLast || at + FINGERPRINT_BYTES <= this.end;
  }

  isCut(at: number, inside: boolean): boolean {
    return at > this.start && at <= this.end && (inside || this.bytes[at - 1] === NEWLINE);
  }

  before(at: number): number {
    return fingerprint(this.bytes, Math.max(this.start, at - FINGERPRINT_BYTES), at);
  }

  after(at: number): number {
    return fingerprint(this.bytes, at, Math.min(this.end, at + FINGERPRINT_BYTES));
  }

  /** Bit 0: the side before is unchanged; bit 1: the side after. */
  matches(at: number, cut: ParentCut): number {
    return (this.before(at) === cut.before ? 1 : 0) | (this.after(at) === cut.after ? 2 : 0);
  }

  /**
   * The record end nearest to `middle`, up to `high`, where both sides match; else the only one where the
   * side after does, else the only one where the side before does.
   */
  search(middle: number, high: number, cut: ParentCut): number | undefined {
    const singles = new Singles();
    let left = this.#endBefore(middle);
    let right = this.#endAfter(middle, high);
    for (;;) {
      const at = nearer(middle, left, right);
      if (at === undefined) return singles.only();
      const sides = this.matches(at, cut);
      if (sides === BOTH) return at;
      singles.add(sides, at);
      if (at === left) left = this.#endBefore(at - 1);
      else right = this.#endAfter(at, high);
    }
  }

  /** Last record end at or before `at`. */
  #endBefore(at: number): number | undefined {
    if (at <= this.start) return undefined;
    const newline = this.bytes.lastIndexOf(NEWLINE, at - 1);
    return newline >= this.start ? newline + 1 : undefined;
  }

  /** First record end after `at`, not past `high`. */
  #endAfter(at: number, high: number): number | undefined {
    const newline = this.bytes.indexOf(NEWLINE, at);
    return newline >= 0 && newline < Math.min(high, this.end) ? newline + 1 : undefined;
  }
}

const BEFORE = 1;
const AFTER = 2;
const BOTH = 3;

/** The left one on a tie. */
function nearer(middle: number, left: number | undefined, right: number | undefined): number | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return middle - left <= right - middle ? left : right;
}

/** Places where one side matches: meaningful only if there is exactly one. */
class Singles {
  readonly #places = { [BEFORE]: [] as number[], [AFTER]: [] as number[] };

  add(sides: number, at: number): void {
    if (sides === BEFORE || sides === AFTER) this.#places[sides].push(at);
  }

  only(): number | undefined {
    const { [BEFORE]: before, [AFTER]: after } = this.#places;
    if (after.length === 1) return after[0];
    return before.length === 1 ? before[0] : undefined;
  }
}
