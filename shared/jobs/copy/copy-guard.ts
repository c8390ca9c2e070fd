import { type Clock, Stopwatch } from '../../core/clock.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { BackupKey, PackId } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { SECOND_MS } from '../../core/units.ts';
import { EXPIRED, expiredKey, parseExpiredKey } from '../../format/expired.ts';
import { packKey } from '../../format/pack.ts';
import { sweepMarks } from '../../repository/documents/sweeps.ts';
import { headIfThere, putIfAbsent } from '../../store/if-there.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import { sizesOf } from '../../store/sizes.ts';

/**
 * A prune removes nothing based on what it saw longer ago; what a backup named that was unlisted longer ago
 * may soon be gone.
 */
const MOST_SHARE = 1 / 2;
/** A faster copy is not checked: that takes requests. */
const SURE_SHARE = 1 / 8;
/** A younger claim is not renewed. */
const RENEW_SHARE = 1 / 4;
/** Up to this many packs are asked for one by one; more are listed. */
const MOST_ASKED = 500;
const ASKED_AT_ONCE = 8;

/** A copy that is complete but for its manifest. */
export interface BackupToList {
  readonly key: BackupKey;
  /** Bytes of its manifest. */
  readonly bytes: Uint8Array;
  /** Packs that no backup listed there names. */
  readonly unnamed: readonly string[];
  /** Whether some of those existed before this run. */
  readonly hasOlder: boolean;
  /** Backups listed there that name the other packs. */
  readonly others: readonly BackupKey[];
  /** Time since before the existing packs were checked. */
  readonly elapsedMs: number;
  readonly graceMs: number;
}

/**
 * Refuses to list a backup in the second place if a prune there may remove, or have removed, a pack that it
 * names.
 *
 * A pack is safe if it is young, or if a backup names it that is listed or was recently unlisted; a claim
 * made here counts as unlisted. A prune that begins later sees all that. One that began earlier says so with
 * a mark. docs/reference/format.md, "Copy".
 *
 * @throws E_RUN_TOO_LONG if a later copy can list it, E_STORE_*
 */
export async function refuseUnprotected(
  to: ObjectStore,
  backup: BackupToList,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const { key, unnamed, hasOlder, others, elapsedMs, graceMs } = backup;
  if (graceMs === 0) return;
  const since = new Stopwatch(clock);
  const claim = () => putClaim(to, backup, { at: clock.now(), signal });
  if (hasOlder || elapsedMs > graceMs * SURE_SHARE)
    await refuseForgotten(to, others, { now: await claim(), graceMs, signal });
  const marks = await sweepMarks(to, signal);
  const now = marks.length > 0 ? await claim() : 0;
  if (marks.some(({ modifiedAt }) => now - modifiedAt.getTime() <= graceMs * MOST_SHARE))
    throw notYet(key, to, 'a prune is removing packs there');
  // Only now: what exists from here on stays.
  if (!(await areThere(to, unnamed, signal)))
    throw notYet(key, to, 'a prune removed some of its packs meanwhile');
  if (since.elapsedMs() > graceMs * SURE_SHARE) throw notYet(key, to, 'checking its packs took too long');
}

/**
 * Claims what exists of a backup that is still being copied, if that may take long: to a prune it looks like
 * one that was just unlisted, so its packs are needed for a grace.
 */
export async function claimIfOld(
  to: ObjectStore,
  backup: Pick<BackupToList, 'key' | 'bytes' | 'graceMs'>,
  { now, signal }: { readonly now: Date; readonly signal: AbortSignal },
): Promise<void> {
  const { key, graceMs } = backup;
  if (graceMs === 0) return;
  const newest = await takenOutAt(to, key, signal);
  if (newest === undefined || now.getTime() - newest > graceMs * RENEW_SHARE)
    await putClaim(to, backup, { at: now, signal });
}

/**
 * @param at for its name: any free second. @returns when it was stored, by that store's clock, which tells
 * the present time there
 */
async function putClaim(
  to: ObjectStore,
  { key, bytes }: Pick<BackupToList, 'key' | 'bytes'>,
  { at, signal }: { readonly at: Date; readonly signal: AbortSignal },
): Promise<number> {
  for (let second = at.getTime(); ; second += SECOND_MS) {
    const object = expiredKey(key, new Date(second));
    // Another copy's, or an older one: it may not be recent.
    if (!(await putIfAbsent(object, bytes, to, { signal }))) continue;
    return (await to.head(object, { signal })).modifiedAt.getTime();
  }
}

/** When a backup was last unlisted or claimed. */
async function takenOutAt(to: ObjectStore, key: BackupKey, signal: AbortSignal): Promise<number | undefined> {
  const times: number[] = [];
  for await (const { key: object, modifiedAt } of to.list(EXPIRED, { signal }))
    if (parseExpiredKey(object) === key) times.push(modifiedAt.getTime());
  return times.length > 0 ? Math.max(...times) : undefined;
}

/** @throws E_RUN_TOO_LONG if one of them is neither listed nor was recently unlisted */
async function refuseForgotten(
  to: ObjectStore,
  others: readonly BackupKey[],
  { now, graceMs, signal }: { readonly now: number; readonly graceMs: number; readonly signal: AbortSignal },
): Promise<void> {
  for (const other of others) {
    if (await headIfThere(other, to, signal)) continue;
    const outAt = await takenOutAt(to, other, signal);
    if (outAt === undefined || now - outAt > graceMs * MOST_SHARE)
      throw new HoldfastError(
        'E_RUN_TOO_LONG',
        `${other}, whose packs this copy refers to, was removed from ${to.location} while it ran`,
        { hint: 'Copy again.' },
      );
  }
}

async function areThere(to: ObjectStore, packs: readonly string[], signal: AbortSignal): Promise<boolean> {
  const keys = packs.map((id) => packKey(id as PackId));
  if (keys.length > MOST_ASKED)
    return (await sizesOf(keys, { store: to, prefix: 'data/', signal })).size >= keys.length;
  for await (const head of orderedMap(keys, ASKED_AT_ONCE, (key) => headIfThere(key, to, signal)))
    if (!head) return false;
  return true;
}

function notYet(key: BackupKey, { location }: ObjectStore, why: string): HoldfastError {
  return new HoldfastError('E_RUN_TOO_LONG', `${key} is not listed in ${location} yet: ${why}`, {
    hint: 'Copy again: what was stored stays, and the rest is added.',
  });
}
