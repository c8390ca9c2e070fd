import path from 'node:path';
import { expect, it } from 'vitest';
import { seededRandom } from './rows.ts';

/**
 * How much a test tries: a sample in `npm test`, and in CI (HOLDFAST_TEST_CI=1) of what starts something outside; nearly
 * everything that is finite in the full form (HOLDFAST_TEST_FULL=1); many random cases in `npm run torture`, which sets these
 * variables (tools/torture.ts). What fails can be run again with the seed that is printed.
 */
const share = Number(process.env['TORTURE_SHARE'] ?? '0');

/** Whether this is the long form. */
export const isTorture = share > 0;

/** Whether nearly everything is tried that can be counted: in the full form and the long form. */
export const isFull = isTorture || process.env['HOLDFAST_TEST_FULL'] === '1';

const isCi = process.env['HOLDFAST_TEST_CI'] === '1';

/** Of random cases: the same seed gives the same ones. */
export const testSeed = Number(process.env['HOLDFAST_TEST_SEED'] ?? '1');

/** Of samples: another one in each run (vitest.config.ts), which says it if a test fails. */
const sampleSeed = Number(process.env['HOLDFAST_SAMPLE_SEED'] ?? '1');

/** Random cases: `short` in `npm test`, `full` in the full form; in the long form `long`, or the share of it that was asked for. */
export function cases(short: number, full: number, long: number): number {
  if (isTorture) return Math.max(1, Math.round(long * share));
  return isFull ? full : short;
}

/** So many of the items, chosen by a seed, in their order; all of them in the full and the long form. */
export function sample<T>(items: readonly T[], count: number): readonly T[] {
  return isFull ? items : sampleInFull(items, count);
}

/** So many of the items in the full form too: what takes minutes and differs little. */
export function sampleInFull<T>(items: readonly T[], count: number): readonly T[] {
  if (isTorture || items.length <= count) return items;
  const random = seededRandom(sampleSeed + items.length);
  const places = items.map((_, place) => ({ place, at: random() })).toSorted((a, b) => a.at - b.at);
  const chosen = new Set(places.slice(0, count).map(({ place }) => place));
  return items.filter((_, place) => chosen.has(place));
}

/** For `it(name, test, timeout)` of a test with a long form: it ends one that hangs, not one on a busy machine. */
export const tortureTimeoutMs = isTorture ? 4 * 3600 * 1000 : 300_000;

/** 1, 2, 3 and so on, such as the calls of a store; in `npm test` each `stride`-th of them, from a place that a seed chooses. */
export function* strides(stride: number): Generator<number> {
  const step = isFull ? 1 : stride;
  for (let at = 1 + Math.floor(seededRandom(sampleSeed + stride)() * step); ; at += step) yield at;
}

/**
 * An `it` for files of slow tests that know nothing of each other: in `npm test` one of `n` has its turn, as a seed says, and the
 * others are skipped.
 *
 * @param inFull of so many one has its turn in the full form; all in the long form @default 1
 */
export function turns(n: number, inFull = 1): typeof it {
  const of = isFull ? inFull : n;
  const first = turnOfFile(of);
  let at = 0;
  return onlyIf(() => isTorture || at++ % of === first);
}

/**
 * An `it` for a file whose tests are one: in `npm test` they all have their turn in one run of `n`, as a seed says; in the full form in
 * each.
 */
export function turnOfAll(n: number): typeof it {
  const isWanted = isFull || turnOfFile(n) === 0;
  return onlyIf(() => isWanted);
}

/** A number below `n` that the seed chooses for the test file that is being read: others get others. */
function turnOfFile(n: number): number {
  const file = path.relative('.', expect.getState().testPath ?? '');
  const ofFile = [...file].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000_003, 7);
  return Math.floor(seededRandom(sampleSeed + ofFile)() * n);
}

/** Of `n` groups of slow files one has its turn in `npm test`, as a seed says. @param place of the group, from 0 */
export function hasTurn(place: number, n: number): boolean {
  return isFull || sampleSeed % n === place;
}

/** An `it` for what takes too long for `npm test`, and is tried in the full form; in CI, in one file of two. */
export const itInFull: typeof it = onlyIf(() => isFull || (isCi && turnOfFile(2) === 0));

/** An `it` for what takes too long for the full form, and is tried in the long form. */
export const itInLong: typeof it = onlyIf(() => isTorture);

function onlyIf(isWanted: () => boolean): typeof it {
  const next = () => (isWanted() ? it : it.skip);
  // Options of a test would be heeded before `skip` is.
  const mine = (...test: Parameters<typeof it>) => (isWanted() ? it(...test) : it.skip(test[0], () => {}));
  return Object.assign(mine, {
    each: (...rows: Parameters<typeof it.each>) => next().each(...rows),
    runIf: (condition: unknown) => (condition ? next() : it.skip),
    skipIf: (condition: unknown) => (condition ? it.skip : next()),
  }) as unknown as typeof it;
}
