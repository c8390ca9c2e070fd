import {
  type Backup,
  bitsOf,
  changed,
  end,
  isListed,
  type Model,
  NEVER,
  NOBODY,
  type Prune,
  packsOf,
  type State,
  type Step,
} from './prune-model-state.ts';

/** Of one prune: what it does next, by where it is. */
type PruneStep = (what: string, change: (prune: Prune, after: State) => void) => Step;

/** What a prune may do next. */
export function* pruneSteps(state: State, i: number, model: Model): Generator<Step> {
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
