import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { duration } from '../../core/human.ts';
import type { BackupKey, PackId } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { EXPIRED, parseExpiredKey } from '../../format/expired.ts';
import { packKey } from '../../format/pack.ts';
import { headIfThere } from '../../store/if-there.ts';
import type { ObjectStore } from '../../store/object-store.ts';

/**
 * A run that lasted longer than this share of the grace is not listed; the rest is for runs still in
 * progress.
 */
const MOST_SHARE = 1 / 2;
/**
 * A run that lasted less than this share of it is listed without reading store timestamps, which takes
 * requests.
 */
const SURE_SHARE = 1 / 8;
/**
 * If a manifest was stored longer after the last pack than this share of the grace, nothing that it lists is
 * safe.
 */
const MOST_STALL_SHARE = 1 / 4;
/** Packs asked for at once. */
const ASKED_AT_ONCE = 8;

/** What a backup relies on until it is listed. */
export interface RunToCommit {
  /** Names of the backups whose packs this one refers to. */
  readonly others: readonly string[];
  /** Packs stored by each process, in that order; this process's last. */
  readonly packs: readonly (readonly PackId[])[];
  /** Time since before the parent lookup; store timestamps are read only if this is long. */
  readonly elapsedMs: number;
  readonly graceMs: number;
}

/**
 * Refuses to list a backup if prune may have removed, or be removing, a pack that it names.
 *
 * Own packs are safe while they are younger than the grace; those of another backup while it is listed and
 * for the grace after that. Ages come from the store's dates; the measured duration of the run says only
 * whether to read them. docs/reference/format.md, "Prune".
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
      `this run stored its first pack at ${firstAt.toISOString()}, its last at ${lastAt.toISOString()}`,
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
 * Whether a backup was listed so long after its last pack, which holds its catalog, that a prune may have
 * removed what it names, or be removing it. Its run withdraws it, if it still can; nobody else relies on it.
 */
export function isListedLate(listedAt: Date, lastPackAt: Date | undefined, graceMs: number): boolean {
  if (graceMs === 0) return false;
  return lastPackAt === undefined || listedAt.getTime() - lastPackAt.getTime() > graceMs * MOST_STALL_SHARE;
}

/**
 * Withdraws a backup that was listed too long after its last pack was stored, as if the machine had slept in
 * between: a prune may have removed its packs before it could see that they are needed.
 *
 * @throws E_RUN_TOO_LONG if it was, E_STORE_*
 */
export async function withdrawStalled(
  store: ObjectStore,
  listed: {
    readonly key: BackupKey;
    /** The last pack that the run stored. */
    readonly lastPack: PackId;
    /** Time since before the last pack was stored; store timestamps are read only if this is long. */
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
  return new HoldfastError('E_RUN_TOO_LONG', `${key} ${problem}, so it was withdrawn`, {
    hint: 'Back up again, on a machine that does not sleep while it does.',
    details: { withdrawn: key },
  });
}

function notWithdrawn(key: BackupKey, problem: string): HoldfastError {
  return new HoldfastError('E_RUN_TOO_LONG', `${key} ${problem}, and may lack what it needs`, {
    hint: `Do not rely on it; this login may not withdraw it. Back up again, then run \`holdfast verify ${key}\`.`,
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

/** When prune unlisted a backup: the newest of its copies. */
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
      hint: 'Run it again; if runs take that long, set prune.graceDays higher everywhere the repository is used.',
    },
  );
}
