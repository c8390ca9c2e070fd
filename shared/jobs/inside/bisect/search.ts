import type { CheckOutcome } from './run-check.ts';

/** The outcome at a place. */
export interface Probed extends CheckOutcome {
  readonly place: number;
}

/** Where a check begins to fail. */
export interface Found {
  /** The last place before where it holds; undefined if it fails from the first place on that could be checked. */
  readonly holds: number | undefined;
  /** The first place where it fails; undefined if it holds at the last. */
  readonly fails: number | undefined;
  /** In the order in which they were tried. */
  readonly probes: readonly Probed[];
  /** What was tried says that it failed once, and then did not; or held after it failed. */
  readonly isMonotone: boolean;
}

/** Places on either side of the one that was found that are tried too: a check that comes and goes shows mostly. */
const BESIDE = 2;

/**
 * Finds the first of `count` places where a check fails, by halving: about log2(count) checks, and a few beside to see whether it fails
 * from there on and held up to there.
 *
 * @param check at a place from 0
 * @param isAll tries every place
 */
export async function search(
  count: number,
  check: (place: number) => Promise<CheckOutcome>,
  { isAll = false }: { readonly isAll?: boolean } = {},
): Promise<Found> {
  const known = new Map<number, Probed>();
  const at = async (place: number): Promise<CheckOutcome['outcome']> => {
    const before = known.get(place);
    if (before) return before.outcome;
    const found = { place, ...(await check(place)) };
    known.set(place, found);
    return found.outcome;
  };
  /** The nearest place that can be checked, from one on and before another. */
  const checkable = async (from: number, to: number, step: 1 | -1) => {
    for (let place = from; place !== to; place += step) if ((await at(place)) !== 'not checked') return place;
    return undefined;
  };
  if (isAll) {
    for (let place = 0; place < count; place++) await at(place);
    return firstOf([...known.values()]);
  }
  const last = await checkable(count - 1, -1, -1);
  let fails = last !== undefined && (await at(last)) === 'fails' ? last : undefined;
  let holds: number | undefined;
  if (fails !== undefined) {
    const first = await checkable(0, fails, 1);
    if (first !== undefined && (await at(first)) === 'holds') holds = first;
    else fails = first ?? fails;
  }
  while (holds !== undefined && fails !== undefined && fails - holds > 1) {
    const middle: number = holds + Math.floor((fails - holds) / 2);
    const place: number | undefined =
      (await checkable(middle, fails, 1)) ?? (await checkable(middle - 1, holds, -1));
    if (place === undefined) break;
    if ((await at(place)) === 'fails') fails = place;
    else holds = place;
  }
  if (holds !== undefined && fails !== undefined)
    for (const place of [...between(-1, holds), ...between(fails, count)]) await at(place);
  const probes = [...known.values()];
  return { holds, fails, probes, isMonotone: isMonotone(probes) };
}

/** A few places strictly between two, evenly apart. */
function between(from: number, to: number): readonly number[] {
  const places = Array.from({ length: BESIDE }, (_, i) => from + Math.round(((to - from) * (i + 1)) / (BESIDE + 1)));
  return [...new Set(places)].filter((place) => place > from && place < to);
}

function firstOf(probes: readonly Probed[]): Found {
  const fails = probes.find(({ outcome }) => outcome === 'fails')?.place;
  const before = probes.filter(({ outcome, place }) => outcome === 'holds' && place < (fails ?? 0));
  return { holds: before.at(-1)?.place, fails, probes, isMonotone: isMonotone(probes) };
}

function isMonotone(probes: readonly Probed[]): boolean {
  const checked = probes.filter(({ outcome }) => outcome !== 'not checked').toSorted((a, b) => a.place - b.place);
  const first = checked.findIndex(({ outcome }) => outcome === 'fails');
  return first < 0 || checked.slice(first).every(({ outcome }) => outcome === 'fails');
}
