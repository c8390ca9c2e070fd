import { HoldfastError } from '../core/errors.ts';
import type { PackId } from '../core/ids.ts';
import { orderedMap } from '../core/ordered-map.ts';
import { EXPIRED, parseExpiredKey } from '../format/expired.ts';
import { packKey } from '../format/pack.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { headIfThere } from '../store/sizes.ts';

/** A run that lasted longer than this share of the grace is not listed; the rest is for what is still under way. */
const MOST_SHARE = 1 / 2;
/** A run that lasted less than this share of it is listed without asking the store for dates: that takes requests. */
const SURE_SHARE = 1 / 8;
/** Packs asked for at once. */
const ASKED_AT_ONCE = 8;

export interface RunToCommit {
  /** Keys of the backups whose packs this one refers to. */
  readonly others: readonly string[];
  /** Own packs of each process that stored some, in the order in which it did; those of this process last. */
  readonly packs: readonly (readonly PackId[])[];
  /** Since before the parent was looked for; only where that is long the store is asked for dates. */
  readonly elapsedMs: number;
  readonly graceMs: number;
}

/**
 * Refuses to list a backup where prune may have removed, or be removing, a pack that it names.
 *
 * Own packs are safe while they are younger than the grace, those of another backup while it is listed and for the grace after.
 * Ages are by the dates that the store gives; how long the run took, as measured here, says only whether they need
 * to be looked at. docs/format.md, "Prune".
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
  const [first = 0, last = 0] = [Math.min(...times), Math.max(...times)];
  return { firstAt: new Date(first), lastAt: new Date(last) };
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
