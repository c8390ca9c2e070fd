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
  const probes = new Probes(check);
  if (isAll) {
    for (let place = 0; place < count; place++) await probes.at(place);
    return firstOf(probes.all);
  }
  const ends = await findEnds(probes, count);
  if (ends.holds === undefined || ends.fails === undefined)
    return { ...ends, probes: probes.all, isMonotone: isMonotone(probes.all) };
  const { holds, fails } = await halve(probes, ends.holds, ends.fails);
  for (const place of [...between(-1, holds), ...between(fails, count)]) await probes.at(place);
  return { holds, fails, probes: probes.all, isMonotone: isMonotone(probes.all) };
}

/** Each place is checked once. */
class Probes {
  readonly #known = new Map<number, Probed>();
  readonly #check: (place: number) => Promise<CheckOutcome>;

  constructor(check: (place: number) => Promise<CheckOutcome>) {
    this.#check = check;
  }

  get all(): readonly Probed[] {
    return [...this.#known.values()];
  }

  async at(place: number): Promise<CheckOutcome['outcome']> {
    const before = this.#known.get(place);
    if (before) return before.outcome;
    const found = { place, ...(await this.#check(place)) };
    this.#known.set(place, found);
    return found.outcome;
  }

  /** The nearest place that can be checked, from one on and before another. */
  async nearest(from: number, to: number): Promise<number | undefined> {
    const step = from <= to ? 1 : -1;
    for (let place = from; place !== to; place += step)
      if ((await this.at(place)) !== 'not checked') return place;
    return undefined;
  }
}

type Ends = Pick<Found, 'holds' | 'fails'>;

/** The last place, if it fails there, and the first, if it holds there. */
async function findEnds(probes: Probes, count: number): Promise<Ends> {
  const last = await probes.nearest(count - 1, -1);
  if (last === undefined || (await probes.at(last)) === 'holds') return { holds: last, fails: undefined };
  const first = await probes.nearest(0, last);
  if (first === undefined) return { holds: undefined, fails: last };
  return (await probes.at(first)) === 'holds'
    ? { holds: first, fails: last }
    : { holds: undefined, fails: first };
}

async function halve(
  probes: Probes,
  from: number,
  to: number,
): Promise<{ readonly holds: number; readonly fails: number }> {
  let [holds, fails] = [from, to];
  while (fails - holds > 1) {
    const middle = holds + Math.floor((fails - holds) / 2);
    const place = (await probes.nearest(middle, fails)) ?? (await probes.nearest(middle - 1, holds));
    if (place === undefined) break;
    if ((await probes.at(place)) === 'fails') fails = place;
    else holds = place;
  }
  return { holds, fails };
}

/** A few places strictly between two, evenly apart. */
function between(from: number, to: number): readonly number[] {
  const places = Array.from(
    { length: BESIDE },
    (_, i) => from + Math.round(((to - from) * (i + 1)) / (BESIDE + 1)),
  );
  return [...new Set(places)].filter((place) => place > from && place < to);
}

function firstOf(probes: readonly Probed[]): Found {
  const fails = probes.find(({ outcome }) => outcome === 'fails')?.place;
  const before = probes.filter(({ outcome, place }) => outcome === 'holds' && place < (fails ?? 0));
  return { holds: before.at(-1)?.place, fails, probes, isMonotone: isMonotone(probes) };
}

function isMonotone(probes: readonly Probed[]): boolean {
  const checked = probes
    .filter(({ outcome }) => outcome !== 'not checked')
    .toSorted((a, b) => a.place - b.place);
  const first = checked.findIndex(({ outcome }) => outcome === 'fails');
  return first < 0 || checked.slice(first).every(({ outcome }) => outcome === 'fails');
}
