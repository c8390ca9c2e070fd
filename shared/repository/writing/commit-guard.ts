import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { duration } from '../../core/human.ts';
import type { BackupKey, PackId } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { EXPIRED, parseExpiredKey } from '../../format/expired.ts';
import { packKey } from '../../format/pack.ts';
import { headIfThere } from '../../store/if-there.ts';
import type { ObjectStore } from '../../store/object-store.ts';

/** A run that lasted longer than this share of the grace is not listed; the rest is for what is still under way. */
const MOST_SHARE = 1 / 2;
/** A run that lasted less than this share of it is listed without asking the store for dates: that takes requests. */
const SURE_SHARE = 1 / 8;
/** A manifest that was stored longer after the last pack than this share of the grace lists nothing that is safe. */
const MOST_STALL_SHARE = 1 / 4;
/** Packs asked for at once. */
const ASKED_AT_ONCE = 8;

/** What a backup relies on until it is listed. */
export interface RunToCommit {
  /** Keys of the backups whose packs this one refers to. */
  readonly others: readonly string[];
  /** Own packs of each process that stored some, in the order in which it did; those of this process last. */
  readonly packs: readonly (readonly PackId[])[];
  /** Time since before the parent was looked for; the store is asked for dates only if this is long. */
  readonly elapsedMs: number;
  readonly graceMs: number;
}

/**
 * Refuses to list a backup where prune may have removed, or be removing, a pack that it names.
 *
 * Own packs are safe while they are younger than the grace, those of another backup while it is listed and for the grace after.
 * Ages are by the dates that the store gives; how long the run took, as measured here, says only whether they need
 * to be looked at. docs/reference/format.md, "Prune".
 *
 * @throws E_RUN_TOO_LONG, E_STORE_*
 */
export async function refuseOutlived(
  store: ObjectStore,
  { others, packs, elapsedMs, graceMs }: RunToCommit,
  signal: AbortSignal,
): Promise<void> {
  if (elapsedMs <= graceMs * SURE_SHARE || graceMs === 0) return;
  const mostMs = graceMs * MOST_SHARE;
  const { firstAt, lastAt } = await firstAndLast(store, packs, signal);
  if (lastAt.getTime() - firstAt.getTime() > mostMs)
    throw outlived(
      `this run's first pack is of ${firstAt.toISOString()}, its last of ${lastAt.toISOString()}`,
    );
  for (const other of others) {
    if (await headIfThere(other, store, signal)) continue;
    const expiredAt = await takenOutAt(store, other, signal);
    if (!expiredAt || lastAt.getTime() - expiredAt.getTime() > mostMs)
      throw outlived(
        `${other}, whose packs this run refers to, was removed ${expiredAt?.toISOString() ?? ''}`,
      );
  }
}

/**
 * Whether a backup was listed so long after its last pack, which holds its catalog, that a prune may have removed what it
 * names, or be removing it. Its run takes it back, if it still can; nobody else relies on it.
 */
export function isListedLate(listedAt: Date, lastPackAt: Date | undefined, graceMs: number): boolean {
  if (graceMs === 0) return false;
  return lastPackAt === undefined || listedAt.getTime() - lastPackAt.getTime() > graceMs * MOST_STALL_SHARE;
}

/**
 * Takes a backup back that was listed too long after its last pack was stored, as where the machine slept in between: a prune
 * may have removed its packs before it could see that they are needed.
 *
 * @throws E_RUN_TOO_LONG where it was, E_STORE_*
 */
export async function withdrawStalled(
  store: ObjectStore,
  listed: {
    readonly key: BackupKey;
    /** The last pack that the run stored. */
    readonly lastPack: PackId;
    /** Since before the last pack was stored; only where that is long the store is asked for dates. */
    readonly stalledMs: number;
    readonly graceMs: number;
  },
  signal: AbortSignal,
): Promise<void> {
  const { key, lastPack, stalledMs, graceMs } = listed;
  if (stalledMs <= graceMs * SURE_SHARE || graceMs === 0) return;
  const pack = await headIfThere(packKey(lastPack), store, signal);
  const manifest = await headIfThere(key, store, signal);
  if (!manifest) return;
  if (!isListedLate(manifest.modifiedAt, pack?.modifiedAt, graceMs)) return;
  const late = manifest.modifiedAt.getTime() - (pack?.modifiedAt.getTime() ?? 0);
  const problem = pack
    ? `was listed ${duration(late)} after its last pack was stored`
    : 'was listed after a prune had removed its packs';
  throw (await isRemoved(store, key, signal)) ? withdrawn(key, problem) : notWithdrawn(key, problem);
}

async function isRemoved(store: ObjectStore, key: BackupKey, signal: AbortSignal): Promise<boolean> {
  try {
    await store.delete(key, { signal });
    return true;
  } catch (error) {
    // Roles that back up may not remove anything.
    if (isHoldfastError(error, 'E_STORE_DENIED')) return false;
    throw error;
  }
}

function withdrawn(key: BackupKey, problem: string): HoldfastError {
  return new HoldfastError('E_RUN_TOO_LONG', `${key} ${problem}, so it was taken out of the list again`, {
    hint: 'Back up again, on a machine that does not sleep while it does.',
    details: { withdrawn: key },
  });
}

function notWithdrawn(key: BackupKey, problem: string): HoldfastError {
  return new HoldfastError('E_RUN_TOO_LONG', `${key} ${problem}, and may lack what it needs`, {
    hint: `Do not rely on it; this login may not take it out of the list. Back up again, then run \`holdfast verify ${key}\`.`,
  });
}

/** When the first and the last of these packs were stored. */
async function firstAndLast(
  store: ObjectStore,
  packs: RunToCommit['packs'],
  signal: AbortSignal,
): Promise<{ readonly firstAt: Date; readonly lastAt: Date }> {
  const ends = new Set(packs.flatMap((run) => [run[0], run.at(-1)].filter((pack) => pack !== undefined)));
  const times: number[] = [];
  for await (const head of orderedMap(ends, ASKED_AT_ONCE, (pack) =>
    headIfThere(packKey(pack), store, signal),
  )) {
    if (!head) throw outlived('a pack that this run stored is gone again');
    times.push(head.modifiedAt.getTime());
  }
  times.sort((a, b) => a - b);
  return { firstAt: new Date(times[0] ?? 0), lastAt: new Date(times.at(-1) ?? 0) };
}

/** When prune took a backup out: the newest of its copies. */
async function takenOutAt(
  store: ObjectStore,
  backup: string,
  signal: AbortSignal,
): Promise<Date | undefined> {
  let newest: Date | undefined;
  for await (const { key, modifiedAt } of store.list(EXPIRED, { signal }))
    if (parseExpiredKey(key) === backup && !(newest && newest > modifiedAt)) newest = modifiedAt;
  return newest;
}

function outlived(what: string): HoldfastError {
  return new HoldfastError(
    'E_RUN_TOO_LONG',
    `the backup is not listed: ${what}, so prune may remove what it needs`,
    {
      hint: 'Run it again; where runs take that long, set prune.graceDays higher, wherever the repository is used.',
    },
  );
}
