import { DEFAULT_KEEP_MS } from '../../config/continuous.ts';
import type { NamedSource } from '../../config/named-source.ts';
import type { BackupKey } from '../../core/ids.ts';
import { parallel } from '../../core/parallel.ts';
import { DAY_MS } from '../../core/units.ts';
import { CHANGES, changesFolder, parseChangeKey } from '../../format/change-keys.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import { sameInBundles } from './bundled-changes.ts';
import type { BundledChange, StoredChange } from './stored-change.ts';

/** Objects removed at once. */
const AT_ONCE = 8;
/** A base may need segments from shortly before it: those of transactions that were ending. */
const MARGIN_MS = DAY_MS;
/** What is bundled stays for the grace, and no longer than this: no restore takes longer to read what it has listed. */
const MOST_BUNDLED_MS = DAY_MS;

/** A backup that changes can be applied to, as prune knows it: without any key. */
export interface ListedBase {
  readonly key: BackupKey;
  readonly source: { readonly kind: string; readonly name: string };
  /** Number of the newest segment before it was begun. */
  readonly after: number;
  /** By the store's clock. */
  readonly storedAt: Date;
  /** Nobody knows of damage, and it is not suspect. */
  readonly isGood: boolean;
}

/** How long moments are kept, by source. */
export interface MomentRule {
  readonly source: { readonly kind: string; readonly name: string };
  readonly keepMs: number;
}

/** Which changes go, and which backups must stay for those that do not. */
export interface ChangesPlan {
  readonly remove: readonly StoredChange[];
  readonly bundled: readonly BundledChange[];
  /** Each with why it stays. */
  readonly bases: ReadonlyMap<BackupKey, string>;
  /** Bytes of all changes. */
  readonly storedBytes: number;
}

/** What the plan of changes is made from. */
export interface ChangesInventory {
  readonly now: Date;
  readonly bases: readonly ListedBase[];
  readonly changes: readonly StoredChange[];
}

/**
 * Which changes no kept moment needs. Pure. Moments younger than the rule's age are kept: so are the newest good base that is older than
 * that (the anchor), all younger ones, and every segment that may lie behind the anchor. Without an anchor everything stays. Of a source
 * without a rule no change goes, as another configuration may know it, and bases stay by the default age.
 *
 * @param graceMs nothing that was stored more recently is removed
 */
export function planChanges(
  { now, bases, changes }: ChangesInventory,
  { rules, graceMs }: { readonly rules: readonly MomentRule[]; readonly graceMs: number },
): ChangesPlan {
  const ruleOf = new Map(rules.map(({ source, keepMs }) => [changesFolder(source), keepMs]));
  const basesIn = Map.groupBy(bases, ({ source }) => changesFolder(source));
  const planned = [...Map.groupBy(changes, ({ folder }) => folder)].map(([folder, ofFolder]) => {
    const keepMs = ruleOf.get(folder) ?? DEFAULT_KEEP_MS;
    const about = { now, bases: basesIn.get(folder) ?? [], changes: ofFolder };
    const plan = planSource(about, { keepMs, graceMs });
    return ruleOf.has(folder) ? plan : { ...plan, remove: [], bundled: [] };
  });
  return {
    remove: planned.flatMap(({ remove }) => remove),
    bundled: planned.flatMap(({ bundled, remove }) =>
      bundled.filter(({ change }) => !remove.includes(change)),
    ),
    bases: new Map(planned.flatMap(({ stay }) => stay)),
    storedBytes: bytesOf(changes),
  };
}

/** The same of one source. */
function planSource(
  { now, bases, changes }: ChangesInventory,
  { keepMs, graceMs }: { readonly keepMs: number; readonly graceMs: number },
) {
  const ageOf = ({ storedAt }: { readonly storedAt: Date }) => now.getTime() - storedAt.getTime();
  const anchor = bases.filter((base) => base.isGood && ageOf(base) > keepMs).reduce(newer, undefined);
  const stay = bases
    .filter((base) => base === anchor || ageOf(base) <= keepMs)
    .map(({ key }) => [key, key === anchor?.key ? OLDEST : NEEDED] as const);
  const bundled = bundledIn(changes, (one) => ageOf(one) > Math.min(graceMs, MOST_BUNDLED_MS));
  if (!anchor) return { stay, remove: [], bundled };
  const leastMs = Math.max(keepMs, graceMs, ageOf(anchor) + MARGIN_MS);
  return {
    stay,
    remove: changes.filter((one) => one.number <= anchor.after && ageOf(one) > leastMs),
    bundled,
  };
}

/** What lies in a larger bundle too that is old enough: who began to read before it was stored is done. */
function bundledIn(
  changes: readonly StoredChange[],
  isOld: (bundle: StoredChange) => boolean,
): readonly BundledChange[] {
  const bundles = changes.filter((one) => one.first !== undefined && isOld(one));
  return changes.flatMap((change) => {
    if (change.isPack) return [];
    const begin = change.first ?? change.number;
    const bundle = bundles.find(
      ({ key, first = 0, number }) => key !== change.key && first <= begin && number >= change.number,
    );
    return bundle ? [{ change, bundle }] : [];
  });
}

const OLDEST = 'the oldest moments that can be restored begin with it';
const NEEDED = 'moments that can be restored begin with it';

function newer(newest: ListedBase | undefined, base: ListedBase): ListedBase | undefined {
  return newest && newest.after >= base.after ? newest : base;
}

/** Reads what there is, and plans. Of repositories without bases nothing is read. @throws E_STORE_* */
export async function readChangesPlan(
  store: ObjectStore,
  { now, bases }: Pick<ChangesInventory, 'now' | 'bases'>,
  given: Parameters<typeof planChanges>[1] & { readonly signal: AbortSignal },
): Promise<ChangesPlan> {
  const changes = bases.length === 0 ? [] : await readChanges(store, given.signal);
  const plan = planChanges({ now, bases, changes }, given);
  const remove = [...plan.remove, ...(await sameInBundles(store, plan.bundled, given.signal))];
  return { ...plan, remove, bundled: [] };
}

/** All objects of segments, of all sources; what has another name is nobody's business. @throws E_STORE_* */
export async function readChanges(store: ObjectStore, signal: AbortSignal): Promise<readonly StoredChange[]> {
  const changes: StoredChange[] = [];
  for await (const { key, sizeBytes, modifiedAt } of store.list(CHANGES, { signal })) {
    const named = parseChangeKey(key);
    if (!named) continue;
    const { folder, number, first, part } = named;
    const isPack = part !== undefined;
    changes.push({ key, folder, number, first, isPack, bytes: sizeBytes, storedAt: modifiedAt });
  }
  return changes;
}

/**
 * Removes what a plan says, oldest segments first: if it is interrupted, the chain begins earlier than it must, and has no hole.
 *
 * @param mayRemove throws if it is too late for that
 */
export async function removeChanges(
  store: ObjectStore,
  changes: readonly StoredChange[],
  { mayRemove, signal }: { readonly mayRemove: () => void; readonly signal: AbortSignal },
): Promise<void> {
  const oldestFirst = changes.toSorted((a, b) => a.number - b.number);
  await parallel(oldestFirst, { most: AT_ONCE, signal }, async ({ key }) => {
    mayRemove();
    await store.delete(key, { signal });
  });
}

/** Bytes of changes. */
export function bytesOf(changes: readonly Pick<StoredChange, 'bytes'>[]): number {
  return changes.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** How long the moments of configured sources are kept. */
export function momentRules(
  sources: readonly Pick<NamedSource, 'kind' | 'name' | 'continuous'>[],
): readonly MomentRule[] {
  return sources.flatMap(({ kind, name, continuous }) =>
    continuous ? [{ source: { kind, name }, keepMs: continuous.keepMs }] : [],
  );
}
