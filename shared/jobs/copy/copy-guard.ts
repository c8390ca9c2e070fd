import type { Clock } from '../../core/clock.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { SECOND_MS } from '../../core/units.ts';
import { EXPIRED, expiredKey, parseExpiredKey } from '../../format/expired.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import { headIfThere } from '../../store/sizes.ts';

/** Packs that no backup names are safe from a prune while they are younger than this share of the grace; so are those of one taken out since. */
const YOUNG_SHARE = 1 / 2;
/** What took less is not asked about: it takes requests. */
const SURE_SHARE = 1 / 8;
/** Two claims that lie no further apart protect without a gap: a claim does so for a whole grace. */
const LINK_SHARE = 3 / 4;
/** A claim that is younger is not renewed. */
const RENEW_SHARE = 1 / 4;

export interface BackupToList {
  readonly key: BackupKey;
  /** Of its manifest. */
  readonly bytes: Uint8Array;
  /** When its packs were stored there that no backup listed there names; by that store's clock. */
  readonly unnamed: readonly Date[];
  /** Whether some of those were there before this run. */
  readonly hasOlder: boolean;
  /** Backups listed there that name the other packs. */
  readonly others: readonly BackupKey[];
  /** Since before it was looked at what is there. */
  readonly elapsedMs: number;
  readonly graceMs: number;
}

/**
 * Refuses to list a backup in the second place where a prune there may have removed, or be removing, a pack that it names.
 * docs/format.md, "Copy".
 *
 * @throws E_RUN_TOO_LONG, E_STORE_*
 */
export async function refuseUnprotected(
  to: ObjectStore,
  backup: BackupToList,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const { key, unnamed, hasOlder, others, elapsedMs, graceMs } = backup;
  if (graceMs === 0 || (elapsedMs <= graceMs * SURE_SHARE && !hasOlder)) return;
  const now = await putClaim(to, backup, { at: clock.now(), signal });
  await refuseForgotten(to, others, { now, graceMs, signal });
  const oldest = Math.min(now, ...unnamed.map((at) => at.getTime()));
  if (now - oldest <= graceMs * YOUNG_SHARE) return;
  const since = firstOfChain(await claimTimes(to, key, signal), graceMs * LINK_SHARE);
  // Claimed before the oldest could be removed; or so long ago that every prune that did not see it is over.
  if (since <= oldest + graceMs * YOUNG_SHARE || since <= now - elapsedMs - graceMs * YOUNG_SHARE) return;
  const until = new Date(since + graceMs * YOUNG_SHARE).toISOString();
  throw new HoldfastError(
    'E_RUN_TOO_LONG',
    `${key} is not listed in ${to.location} yet: packs of it lie there since ${new Date(oldest).toISOString()}, and a prune may be removing them`,
    { hint: `Nothing is lost. Copy again after ${until}: they are safe then.` },
  );
}

/**
 * Claims what is there of a backup that is still being copied, where that may take long: to a prune it looks like one that was just taken
 * out, so that its packs are needed for a grace.
 */
export async function claimIfOld(
  to: ObjectStore,
  backup: Pick<BackupToList, 'key' | 'bytes' | 'graceMs'>,
  { now, signal }: { readonly now: Date; readonly signal: AbortSignal },
): Promise<void> {
  const { key, graceMs } = backup;
  if (graceMs === 0) return;
  const newest = (await claimTimes(to, key, signal)).at(-1);
  if (newest === undefined || now.getTime() - newest > graceMs * RENEW_SHARE)
    await putClaim(to, backup, { at: now, signal });
}

/** @param at for its name: any second that is free. @returns when it was stored, by that store's clock, which says what is now there */
async function putClaim(
  to: ObjectStore,
  { key, bytes }: Pick<BackupToList, 'key' | 'bytes'>,
  { at, signal }: { readonly at: Date; readonly signal: AbortSignal },
): Promise<number> {
  for (let second = at.getTime(); ; second += SECOND_MS) {
    const object = expiredKey(key, new Date(second));
    try {
      await to.put(object, bytes, { signal });
    } catch (error) {
      // Another copy's, or an older one: its age is not known to be none.
      if (isHoldfastError(error, 'E_OBJECT_EXISTS')) continue;
      throw error;
    }
    return (await to.head(object, { signal })).modifiedAt.getTime();
  }
}

/** When a backup was claimed or taken out, oldest first. */
async function claimTimes(to: ObjectStore, key: BackupKey, signal: AbortSignal): Promise<readonly number[]> {
  const times: number[] = [];
  for await (const { key: object, modifiedAt } of to.list(EXPIRED, { signal }))
    if (parseExpiredKey(object) === key) times.push(modifiedAt.getTime());
  return times.sort((a, b) => a - b);
}

/** Since when claims have followed each other without a gap, up to the newest. */
function firstOfChain(times: readonly number[], mostMs: number): number {
  let first = times.at(-1) ?? Number.POSITIVE_INFINITY;
  for (const at of times.toReversed()) {
    if (first - at > mostMs) break;
    first = at;
  }
  return first;
}

/** @throws E_RUN_TOO_LONG where one of them is neither listed nor was taken out lately */
async function refuseForgotten(
  to: ObjectStore,
  others: readonly BackupKey[],
  { now, graceMs, signal }: { readonly now: number; readonly graceMs: number; readonly signal: AbortSignal },
): Promise<void> {
  for (const other of others) {
    if (await headIfThere(other, to, signal)) continue;
    const outAt = (await claimTimes(to, other, signal)).at(-1);
    if (outAt !== undefined && now - outAt <= graceMs * YOUNG_SHARE) continue;
    throw new HoldfastError(
      'E_RUN_TOO_LONG',
      `${other}, whose packs this copy refers to, was removed from ${to.location} while it ran`,
      { hint: 'Copy again.' },
    );
  }
}
