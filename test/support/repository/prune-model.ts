/**
 * The protocol between writers and prunes of docs/reference/format.md, "Prune", in the small: each step of each actor as one change of a
 * state, and time that passes between any two of them. All orders are gone through. It shares nothing with the code that it
 * speaks of: what is checked is the page, and that the page needs every one of its conditions.
 *
 * Nobody is made to go on: an actor that takes no further step has crashed. An answer that is lost is a step that was taken by one
 * who takes no further.
 */
import { pruneSteps } from './prune-model-prune.ts';
import {
  type Backup,
  changed,
  end,
  isListed,
  type Model,
  NEVER,
  NOBODY,
  packsOf,
  type State,
  type Step,
  structuredCloneOf,
} from './prune-model-state.ts';
import { writerSteps } from './prune-model-writer.ts';

export interface Explored {
  readonly states: number;
  /** The fewest steps to a listed backup that lacks a pack; undefined if there is no such way. */
  readonly counterexample: readonly string[] | undefined;
  /** Whether some prune removed a pack while a writer was at work: else nothing was tried. */
  readonly hasSwept: boolean;
}

interface Trail {
  readonly step: string;
  readonly before: Trail | undefined;
}

/** Goes through every state, those of fewer steps first. */
export function explore(model: Model): Explored {
  const first = initial(model);
  const seen = new Set<string>([keyOf(first, model)]);
  let edge: { readonly state: State; readonly trail: Trail | undefined }[] = [
    { state: first, trail: undefined },
  ];
  let hasSwept = false;
  while (edge.length > 0) {
    const next: typeof edge = [];
    for (const { state, trail } of edge) {
      for (const [what, after] of stepsFrom(state, model)) {
        const key = keyOf(after, model);
        if (seen.has(key)) continue;
        seen.add(key);
        hasSwept ||= what.includes('removes pack') && state.writers.some(({ at }) => at === 'check');
        const to = { step: `${after.now}: ${what}`, before: trail };
        if (isWrong(after, model)) return { states: seen.size, counterexample: stepsOf(to), hasSwept };
        next.push({ state: after, trail: to });
      }
    }
    edge = next;
  }
  return { states: seen.size, counterexample: undefined, hasSwept };
}

function stepsOf(trail: Trail): string[] {
  const steps: string[] = [];
  for (let one: Trail | undefined = trail; one; one = one.before) steps.unshift(one.step);
  return steps;
}

/** One backup, listed for longer than anybody asks. */
function initial({ writers, prunes, horizon }: Model): State {
  const of = <T>(count: number, make: () => T) => Array.from({ length: count }, make);
  return {
    now: 0,
    backups: [
      { listedAt: -horizon, isHeld: false, copies: [] },
      ...of(writers, () => ({ listedAt: NEVER, isHeld: false, copies: [] })),
    ],
    packs: [-horizon, ...of(2 * writers, () => NEVER)],
    writers: of(writers, () => ({ at: 'begin', parent: NOBODY, beganAt: NEVER, checkedAt: NEVER })),
    prunes: of(prunes, () => ({
      at: 'begin',
      now: NEVER,
      victim: NOBODY,
      deadline: NEVER,
      seen: 0,
      sweep: 0,
    })),
    holder: 'begin',
  };
}

/** What a state is but for when it is: times before now, as far as they still matter; prunes that are alike in one order. */
function keyOf({ now, backups, packs, writers, prunes, holder }: State, { eighth, lag }: Model): string {
  const ago = (at: number, most = 99) => (at <= NEVER ? '-' : String(Math.min(now - at, most)));
  const listed = ({ listedAt }: Backup, i: number) =>
    ago(listedAt, writers[i - 1]?.at === 'look' ? undefined : lag + 1);
  return [
    backups
      .map((one, i) => `${listed(one, i)}${one.isHeld ? 'h' : ''}${one.copies.map((at) => ago(at))}`)
      .join('|'),
    packs.slice(1).map((at) => ago(at)),
    packs[0] === NEVER,
    writers.map((one) => `${one.at}${one.parent}${ago(one.beganAt, eighth + 1)}.${ago(one.checkedAt)}`),
    prunes
      .map((one) => `${one.at}${ago(one.now)}.${one.victim}.${ago(one.deadline)}.${one.seen}.${one.sweep}`)
      .sort(),
    holder,
  ].join('/');
}

/** Whether a backup that counts as made, or that is held, lacks a pack. */
function isWrong(state: State, { quarter }: Model): boolean {
  const lacks = (backup: number) =>
    packsOf(backup, state).some((pack) => (state.packs[pack] ?? NEVER) <= NEVER);
  if (state.holder === 'done' && lacks(0)) return true;
  return state.backups.some((backup, i) => {
    if (!isListed(backup) || !lacks(i)) return false;
    const writer = state.writers[i - 1];
    if (!writer || writer.at === 'done') return true;
    // Whoever stalls between the last look and the manifest says of no success before another look; and did not crash as well.
    return writer.at === 'look' && backup.listedAt - (state.packs[2 * i] ?? 0) <= quarter;
  });
}

function* stepsFrom(state: State, model: Model): Generator<Step> {
  if (mayTick(state, model)) yield ['time passes', tick(state)];
  for (const i of state.writers.keys()) yield* writerSteps(state, i, model);
  for (const i of state.prunes.keys()) yield* pruneSteps(state, i, model);
  if (model.holds) yield* holderSteps(state);
}

function mayTick(state: State, { horizon }: Model): boolean {
  const times = [
    ...state.packs.slice(1),
    ...state.backups.flatMap(({ copies }) => copies),
    ...state.prunes.flatMap(({ now }) => [now]),
  ].filter((at) => at > NEVER);
  return times.length > 0 && state.now - Math.min(...times) < horizon;
}

function tick(state: State): State {
  const after = structuredCloneOf(state);
  after.now++;
  // A call that takes longer than it may never came to the store; a prune whose view is old removes nothing by it.
  for (const prune of after.prunes) if (prune.deadline > NEVER && after.now > prune.deadline) end(prune);
  return after;
}

function* holderSteps(state: State): Generator<Step> {
  const [first] = state.backups;
  if (!first) return;
  if (state.holder === 'begin' && isListed(first))
    yield changed('somebody holds backup 0', state, (after) => {
      (after.backups[0] as Backup).isHeld = true;
      after.holder = 'look';
    });
  if (state.holder === 'look')
    yield changed(isListed(first) ? 'and sees that it is listed' : 'and fails', state, (after) => {
      after.holder = isListed(first) ? 'done' : 'ended';
    });
}
