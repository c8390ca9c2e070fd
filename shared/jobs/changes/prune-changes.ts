import type { BackupKey } from '../../core/ids.ts';
import { parallel } from '../../core/parallel.ts';
import { CHANGES, changesFolder, parseChangeKey } from '../../format/change-keys.ts';
import type { Manifest } from '../../format/manifest.ts';
import type { ObjectStore } from '../../store/object-store.ts';

/** Objects removed at once. */
const AT_ONCE = 8;

/** A backup that changes can be applied to, as prune knows it: without any key. */
export interface ListedBase {
  readonly key: BackupKey;
  readonly source: { readonly kind: string; readonly name: string };
  /** Number of the newest segment before it was begun. */
  readonly after: number;
  /** By the store's clock; undefined if it is not known. */
  readonly storedAt: Date | undefined;
  /** Nobody knows of damage, and it is not suspect. */
  readonly isGood: boolean;
}

/** How long moments are kept, by source. */
export interface MomentRule {
  readonly source: { readonly kind: string; readonly name: string };
  readonly keepMs: number;
}

/** An object of a segment: itself, or a pack of it. */
export interface StoredChange {
  readonly key: string;
  readonly folder: string;
  readonly number: number;
  readonly bytes: number;
  readonly storedAt: Date;
}

/** Which changes go, and which backups must stay for those that do not. */
export interface ChangesPlan {
  readonly remove: readonly StoredChange[];
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
 * that (the anchor), all younger ones, and every segment after the anchor. Without an anchor everything stays; so do changes of sources
 * without a rule, as they may be somebody else's.
 *
 * @param graceMs nothing that was stored more recently is removed
 */
export function planChanges(
  { now, bases, changes }: ChangesInventory,
  { rules, graceMs }: { readonly rules: readonly MomentRule[]; readonly graceMs: number },
): ChangesPlan {
  const stay = new Map<BackupKey, string>();
  const remove: StoredChange[] = [];
  const byFolder = Map.groupBy(changes, ({ folder }) => folder);
  const basesOf = Map.groupBy(bases, ({ source }) => changesFolder(source));
  for (const { source, keepMs } of rules) {
    const folder = changesFolder(source);
    const begin = now.getTime() - keepMs;
    const isBefore = ({ storedAt }: Pick<ListedBase, 'storedAt'>) =>
      storedAt !== undefined && storedAt.getTime() <= begin;
    const ofSource = basesOf.get(folder) ?? [];
    const anchor = ofSource
      .filter((base) => base.isGood && isBefore(base))
      .reduce<ListedBase | undefined>(
        (newest, base) => (newest && newest.after >= base.after ? newest : base),
        undefined,
      );
    for (const base of ofSource.filter((one) => one === anchor || !isBefore(one)))
      stay.set(base.key, base === anchor ? 'older moments begin with it' : 'moments begin with it');
    const isOld = ({ storedAt }: StoredChange) =>
      now.getTime() - storedAt.getTime() >= Math.max(keepMs, graceMs);
    const isNeeded = ({ number }: StoredChange) => anchor === undefined || number > anchor.after;
    remove.push(...(byFolder.get(folder) ?? []).filter((change) => isOld(change) && !isNeeded(change)));
  }
  return { remove, bases: stay, storedBytes: bytesOf(changes) };
}

/** All objects of segments; what has another name is nobody's business. */
export async function readChanges(store: ObjectStore, signal: AbortSignal): Promise<readonly StoredChange[]> {
  const changes: StoredChange[] = [];
  for await (const { key, sizeBytes, modifiedAt } of store.list(CHANGES, { signal })) {
    const named = parseChangeKey(key);
    if (!named) continue;
    const { folder, number } = named;
    changes.push({ key, folder, number, bytes: sizeBytes, storedAt: modifiedAt });
  }
  return changes;
}

/** What prune knows of a base; undefined of a backup that is none. */
export function listedBase(
  { key, source, changes }: Manifest,
  about: Pick<ListedBase, 'storedAt' | 'isGood'>,
): ListedBase | undefined {
  return changes && { key: key as BackupKey, source, after: changes.after, ...about };
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
