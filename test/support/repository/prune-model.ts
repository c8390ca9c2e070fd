/**
 * The protocol between writers and prunes of docs/reference/format.md, "Prune", in the small: each step of each actor as one change of a
 * state, and time that passes between any two of them. All orders are gone through. It shares nothing with the code that it
 * speaks of: what is checked is the page, and that the page needs every one of its conditions.
 *
 * Nobody is made to go on: an actor that takes no further step has crashed. An answer that is lost is a step that was taken by one
 * who takes no further.
 */
export interface Model {
  /** In ticks; half, a quarter and an eighth of it are given apart, as they must be whole. */
  readonly grace: number;
  readonly half: number;
  readonly quarter: number;
  readonly eighth: number;
  /** Ticks after which nothing is looked at. */
  readonly horizon: number;
  /** 1 or 2. The second may take the first's backup for its parent. */
  readonly writers: number;
  readonly prunes: number;
  /** Whether somebody holds the backup that was there. */
  readonly holds: boolean;
  /** A prune's list may lack manifests that were stored so many ticks ago, or fewer. */
  readonly lag: number;
  /** What is left out. */
  readonly without?: Mutation | undefined;
}

export type Mutation =
  /** Of a writer: its own packs are near each other. */
  | 'span'
  /** Of a writer: the backups that it names packs of are listed, or were until lately. */
  | 'others'
  /** Of a writer: its parent was not listed long after its last pack. */
  | 'parent'
  /** Of a prune: it removes nothing by a view of long ago. */
  | 'view'
  /** Of a writer: the look after the manifest was stored. */
  | 'last look'
  /** Of that: what passed between the last pack and the look before the manifest. */
  | 'stall before'
  /** Of a prune: a copy keeps what it names. */
  | 'copies'
  /** Of a prune: `backups/` is listed before `expired/`. */
  | 'order'
  /** Of a prune: packs younger than the grace stay. */
  | 'age'
  /** Of a prune: a backup is taken out soon after the clock was read. */
  | 'deadline'
  /** Of a prune: the copy of a held backup keeps what it names. */
  | 'held copies';

/** When something happened that did not. */
const NEVER = -1000;
const NOBODY = -1;

interface Backup {
  listedAt: number;
  isHeld: boolean;
  /** When copies below `expired/` were stored. */
  copies: number[];
}

interface Writer {
  at: 'begin' | 'first' | 'last' | 'check' | 'manifest' | 'look' | 'done' | 'ended';
  parent: number;
  beganAt: number;
  checkedAt: number;
}

interface Prune {
  at: 'begin' | 'copy' | 'delay' | 'remove' | 'list' | 'list more' | 'sweep' | 'forget' | 'ended';
  now: number;
  victim: number;
  deadline: number;
  /** Backups, of what it listed first; bits. */
  seen: number;
  /** Packs to remove; bits. */
  sweep: number;
}

interface State {
  now: number;
  backups: Backup[];
  /** When each was stored: the first backup's, then two of each writer. */
  packs: number[];
  writers: Writer[];
  prunes: Prune[];
  holder: 'begin' | 'look' | 'done' | 'ended';
}

export interface Explored {
  readonly states: number;
  /** The fewest steps to a listed backup that lacks a pack; undefined if there is no such way. */
  readonly counterexample: readonly string[] | undefined;
  /** Whether some prune removed a pack while a writer was at work: else nothing was tried. */
  readonly hasSwept: boolean;
}

type Step = readonly [what: string, after: State];

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

function packsOf(backup: number, { writers }: State): number[] {
  const writer = writers[backup - 1];
  if (!writer) return [0];
  const own = [2 * backup - 1, 2 * backup];
  return writer.parent === NOBODY ? own : [...own, ...packsOf(writer.parent, { writers } as State)];
}

const isListed = ({ listedAt }: Backup) => listedAt > NEVER;

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

/** What nobody asks for any more is forgotten, so that fewer states differ. */
function end(prune: Prune): void {
  Object.assign(prune, { at: 'ended', now: NEVER, victim: NOBODY, deadline: NEVER, seen: 0, sweep: 0 });
}

function structuredCloneOf({ now, backups, packs, writers, prunes, holder }: State): State {
  return {
    now,
    backups: backups.map((one) => ({ ...one, copies: [...one.copies] })),
    packs: [...packs],
    writers: writers.map((one) => ({ ...one })),
    prunes: prunes.map((one) => ({ ...one })),
    holder,
  };
}

/** A step: a copy of the state that was changed. */
function changed(what: string, state: State, change: (after: State) => void): Step {
  const after = structuredCloneOf(state);
  change(after);
  return [what, after];
}

/** Of a backup that never will be listed nobody asks for packs: without them fewer states differ. */
function giveUp(state: State, i: number): void {
  Object.assign(state.writers[i] as Writer, { at: 'ended', beganAt: NEVER, checkedAt: NEVER });
  (state.backups[i + 1] as Backup).listedAt = NEVER;
  const isNamed = state.writers.some(({ parent }) => parent === i + 1);
  if (!isNamed && (state.backups[i + 1] as Backup).copies.length === 0)
    state.packs.fill(NEVER, 2 * i + 1, 2 * i + 3);
}

function* writerSteps(state: State, i: number, model: Model): Generator<Step> {
  const { now } = state;
  const name = `writer ${i + 1}`;
  const backup = i + 1;
  const step = (what: string, change: (writer: Writer, after: State) => void) =>
    changed(`${name} ${what}`, state, (after) => change(after.writers[i] as Writer, after));
  switch (state.writers[i]?.at) {
    case 'begin':
      for (const [parent, one] of state.backups.entries())
        if (isListed(one) && parent < backup && mayBeParent(state, parent, model))
          yield step(`takes backup ${parent} for its parent`, (writer) =>
            Object.assign(writer, { at: 'first', parent, beganAt: now }),
          );
      return;
    case 'first':
    case 'last': {
      const isFirst = state.writers[i]?.at === 'first';
      const pack = 2 * backup - (isFirst ? 1 : 0);
      yield step(`stores pack ${pack}`, (writer, after) => {
        after.packs[pack] = now;
        writer.at = isFirst ? 'last' : 'check';
      });
      return;
    }
    case 'check': {
      const isSure = mayList(state, i, model);
      yield step(isSure ? 'is sure' : 'gives up', (writer, after) => {
        if (isSure) Object.assign(writer, { at: 'manifest', beganAt: NEVER, checkedAt: now });
        else giveUp(after, i);
        if (model.without !== 'stall before') writer.checkedAt = NEVER;
      });
      return;
    }
    case 'manifest':
      yield step('lists its backup', (writer, after) => {
        (after.backups[backup] as Backup).listedAt = now;
        writer.at = 'look';
      });
      return;
    case 'look': {
      const isStalled = hasStalled(state, i, model);
      yield step(isStalled ? 'takes its backup back' : 'is done', (writer, after) => {
        if (isStalled) giveUp(after, i);
        else Object.assign(writer, { at: 'done', checkedAt: NEVER });
      });
      return;
    }
    default:
  }
}

/** A backup that was listed long after its last pack may lack some: its packs are named by nothing new. */
function mayBeParent({ packs, backups }: State, parent: number, { quarter, without }: Model): boolean {
  if (parent === 0 || without === 'parent') return true;
  const last = packs[2 * parent] ?? NEVER;
  return last > NEVER && (backups[parent] as Backup).listedAt - last <= quarter;
}

/** "A writer, just before it puts its manifest, makes sure that". */
function mayList(state: State, i: number, { half, eighth, without }: Model): boolean {
  const { now, packs, backups } = state;
  const { parent, beganAt } = state.writers[i] as Writer;
  const [first = NEVER, last = NEVER] = [packs[2 * i + 1], packs[2 * i + 2]];
  if (now - beganAt <= eighth) return true;
  if (without !== 'span' && last - first > half) return false;
  if (first <= NEVER || last <= NEVER) return false;
  const other = backups[parent] as Backup;
  if (without === 'others' || isListed(other)) return true;
  return other.copies.some((at) => last - at <= half);
}

/** "When the manifest is stored and read back, the writer looks at its watch again." */
function hasStalled(state: State, i: number, { quarter, eighth, without }: Model): boolean {
  const { now, packs, backups } = state;
  const last = packs[2 * i + 2] ?? NEVER;
  const since = without === 'stall before' ? (state.writers[i] as Writer).checkedAt : last;
  if (without === 'last look' || now - since <= eighth) return false;
  return last <= NEVER || (backups[i + 1] as Backup).listedAt - last > quarter;
}

/** Of one prune: what it does next, by where it is. */
type PruneStep = (what: string, change: (prune: Prune, after: State) => void) => Step;

function* pruneSteps(state: State, i: number, model: Model): Generator<Step> {
  const step: PruneStep = (what, change) =>
    changed(`prune ${i + 1} ${what}`, state, (after) => change(after.prunes[i] as Prune, after));
  const prune = state.prunes[i] as Prune;
  switch (prune.at) {
    case 'begin':
      return yield* beginnings(state, step);
    case 'copy':
    case 'delay':
    case 'remove':
      return yield takingOut(state, prune, { step, model });
    case 'list':
      return yield* firstListing(state, prune, { step, model });
    case 'list more':
      return yield* secondListing(state, prune, { step, model });
    case 'sweep':
      return yield sweeping(prune, step);
    case 'forget':
      return yield step('removes old copies', (one, after) => {
        for (const backup of after.backups)
          if (!backup.isHeld) backup.copies = backup.copies.filter((at) => one.now - at < model.grace);
        end(one);
      });
    default:
  }
}

function* beginnings({ now, backups }: State, step: PruneStep): Generator<Step> {
  yield step('reads the clock, to take nothing out', (one) => Object.assign(one, { at: 'list', now }));
  for (const [victim, one] of backups.entries())
    if (isListed(one) && !one.isHeld)
      yield step(`reads the clock, to take backup ${victim} out`, (it) =>
        Object.assign(it, { at: 'copy', now, victim }),
      );
}

interface With {
  readonly step: PruneStep;
  readonly model: Model;
}

function takingOut({ now, backups }: State, prune: Prune, { step, model }: With): Step {
  const { victim } = prune;
  if (prune.at === 'copy')
    return step(`copies backup ${victim}`, (one, after) => {
      if (backups[victim] && isListed(backups[victim])) after.backups[victim]?.copies.push(now);
      one.at = 'delay';
    });
  if (prune.at === 'delay') {
    const isLate = model.without !== 'deadline' && now - prune.now > model.quarter;
    return step(isLate ? 'is too late' : 'may remove it', (one) => {
      if (isLate) end(one);
      else Object.assign(one, { at: 'remove', deadline: now + model.quarter });
    });
  }
  return step(`takes backup ${victim} out`, (one, after) => {
    (after.backups[victim] as Backup).listedAt = NEVER;
    Object.assign(one, { at: 'list', victim: NOBODY, deadline: NEVER });
  });
}

function sweeping(prune: Prune, step: PruneStep): Step {
  const pack = 31 - Math.clz32(prune.sweep);
  return step(`removes pack ${pack}`, (one, after) => {
    after.packs[pack] = NEVER;
    one.sweep &= ~(1 << pack);
    if (one.sweep === 0) Object.assign(one, { at: 'forget', deadline: NEVER });
  });
}

function* firstListing(state: State, prune: Prune, { step, model }: With): Generator<Step> {
  const { now } = state;
  const { quarter, without } = model;
  const isSwapped = without === 'order';
  for (const seen of isSwapped ? [copiesOf(state, prune, model)] : listings(state, model))
    yield step(`lists ${isSwapped ? 'copies' : 'backups'}`, (one) =>
      Object.assign(one, { at: 'list more', seen, deadline: without === 'view' ? NEVER : now + quarter }),
    );
}

/** The other folder; lists held backups again, and knows what to remove. */
function* secondListing(state: State, prune: Prune, { step, model }: With): Generator<Step> {
  const { grace, without } = model;
  for (const more of without === 'order' ? listings(state, model) : [copiesOf(state, prune, model)]) {
    const needed = new Set(
      state.backups.flatMap((_, n) => ((prune.seen | more) & (1 << n) ? packsOf(n, state) : [])),
    );
    const isOld = (storedAt: number) => without === 'age' || prune.now - storedAt >= grace;
    const sweep = bitsOf(state.packs, (at, n) => at > NEVER && !needed.has(n) && isOld(at));
    yield step('lists the rest', (one, after) => {
      for (const backup of after.backups)
        if (backup.isHeld && !isListed(backup) && backup.copies.length > 0) backup.listedAt = state.now;
      if (sweep === 0) Object.assign(one, { at: 'forget', seen: 0, deadline: NEVER });
      else Object.assign(one, { at: 'sweep', seen: 0, sweep });
    });
  }
}

/** What a list of `backups/` may show: all, or all but what was stored just now. */
function listings({ now, backups }: State, { lag }: Model): number[] {
  const all = bitsOf(backups, isListed);
  const old = bitsOf(backups, (one) => isListed(one) && now - one.listedAt > lag);
  return lag > 0 && old !== all ? [all, old] : [all];
}

/** Backups whose copies keep what they name, for a prune of that time. */
function copiesOf({ backups }: State, { now }: Prune, { grace, without }: Model): number {
  return bitsOf(backups, ({ copies, isHeld }) => {
    const isYoung = without !== 'copies' && copies.some((at) => now - at < grace);
    return isYoung || (without !== 'held copies' && isHeld && copies.length > 0);
  });
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

function bitsOf<T>(items: readonly T[], is: (item: T, index: number) => boolean): number {
  return items.reduce((bits, item, n) => (is(item, n) ? bits | (1 << n) : bits), 0);
}
