import { Stopwatch } from '../../core/clock.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey, PackId } from '../../core/ids.ts';
import { parallel } from '../../core/parallel.ts';
import type { OnProgress } from '../../core/progress.ts';
import { packKey } from '../../format/pack.ts';
import type { Body } from '../../format/report-bodies.ts';
import { expireBackup, putBack } from '../../repository/documents/expire.ts';
import { whileSweeping } from '../../repository/documents/sweeps.ts';
import type { ExpiredCopy } from '../../repository/packs/pack-use.ts';
import type { Repository } from '../../repository/repository.ts';
import { readStoreClock } from '../../repository/store-clock.ts';
import type { ObjectLocks } from '../../store/object-locks.ts';
import { bundleAll } from '../backup/bundles.ts';
import {
  bytesOf as bytesOfChanges,
  type MomentRule,
  readChangesPlan,
  removeChanges,
} from '../changes/prune-changes.ts';
import type { StoredChange } from '../changes/stored-change.ts';
import type { Naming } from '../source/naming.ts';
import { announceRemoval } from './announce-removal.ts';
import { readPruneInventory, readPruneInventoryAgain } from './prune-inventory.ts';
import { objectsThatGo, readLocked } from './prune-locks.ts';
import {
  type PruneInventory,
  type PrunePlan,
  type PruneRules,
  planPrune,
  type StoredPack,
} from './prune-plan.ts';

/** Objects moved or removed at once. */
const AT_ONCE = 8;
/** Share of the grace: an inventory is valid for this long; nothing is unlisted or removed by it later. */
const MOST_SHARE = 1 / 4;

/** How a prune is run. */
export interface PruneOptions {
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

/** A plan, with what is needed to carry it out. */
export interface PreparedPrune {
  readonly plan: PrunePlan;
  /** Manifests and reports that cannot be trusted. */
  readonly problems: readonly HoldfastError[];
  /** The inventory that the plan was made from. */
  readonly view: PruneInventory;
  /** Change segments and their packs that no kept moment needs. */
  readonly changes: readonly StoredChange[];
  /** Whether the locks of everything that would go were checked, if there are any. */
  readonly isLockKnown: boolean;
}

/** What a prune removed. */
export interface PruneResult {
  /** Backups that were unlisted. */
  readonly expired: readonly BackupKey[];
  /** Backups that somebody held while they were being unlisted, and that are listed again. */
  readonly putBack: readonly BackupKey[];
  readonly removedPacks: number;
  readonly freedBytes: number;
  /** Objects of change segments. */
  readonly removedChanges: number;
  /** Number of removed keys of removed backups that were wrapped to recovery keys. */
  readonly removedWraps: number;
  /** Backups and packs that would have gone, but are locked. */
  readonly locked: PrunePlan['locked'];
  /** Why no pack was removed; undefined if nothing prevented it. */
  readonly blockedBy: string | undefined;
  /** Path of the report; undefined without an encryption key to write it with. */
  readonly report: string | undefined;
}

/**
 * Reads the inventory and plans. Removes nothing. Needs no key, but without one cannot recognise a forged
 * manifest.
 *
 * @param options.isDryRun goes by this machine's clock: reading the store's means writing
 * @param options.locks of the store, if it has any: whatever would go is checked, and locked objects are
 * skipped
 * @throws E_STORE_*, E_WRONG_KEY, E_CONFIG if there should be locks and are none
 */
export async function preparePrune(
  repository: Repository,
  rules: Pick<PruneRules, 'policy' | 'maxShare'> & {
    /** How long moments are kept. @default nothing of changes is removed, and bases stay for 7 days of moments */
    readonly moments?: readonly MomentRule[];
  },
  options: PruneOptions & {
    readonly isDryRun: boolean;
    readonly locks?: ObjectLocks | undefined;
    /**
     * Checks only the locks of backups and packs, and none if more than this many would go. @default all that
     * would go
     */
    readonly mostLocks?: number;
    /** @default names as stored */
    readonly naming?: Naming | undefined;
  },
): Promise<PreparedPrune> {
  const { isDryRun, locks, mostLocks, naming, signal, onProgress = () => {} } = options;
  onProgress({ kind: 'phase', phase: 'plan' });
  const now = isDryRun ? repository.clock.now() : await readStoreClock(repository.store, signal);
  const { view: read, problems } = await readPruneInventory(repository, now, { naming, signal });
  const { graceMs } = repository.context;
  const { bases = [] } = read;
  const about = { rules: rules.moments ?? [], graceMs, signal };
  const ofChanges = await readChangesPlan(repository.store, { now, bases }, about);
  const view = { ...read, neededBases: ofChanges.bases };
  const allRules = { ...rules, graceMs };
  const plan = planPrune(view, allRules);
  const changes = plan.blockedBy === undefined ? ofChanges.remove : [];
  const prepared = { plan, problems, view, changes, isLockKnown: true };
  if (!locks) return prepared;
  const ofSegments = mostLocks === undefined ? changes.map(({ key }) => key) : [];
  const objects = [...objectsThatGo(plan, mostLocks === undefined), ...ofSegments];
  if (objects.length > (mostLocks ?? objects.length)) return { ...prepared, isLockKnown: false };
  const locked = await readLocked(locks, objects, { now, signal });
  if (locked.size === 0) return prepared;
  const mindful = { ...view, locked };
  const free = changes.filter(({ key }) => !locked.has(key));
  return { ...prepared, plan: planPrune(mindful, allRules), view: mindful, changes: free };
}

/**
 * Carries a plan out. Stopped at any point, it leaves what the next prune finishes.
 *
 * @throws E_PRUNE_TOO_MUCH if the plan says so, E_RUN_TOO_LONG, E_STORE_*, E_ABORTED
 */
export async function runPrune(
  repository: Repository,
  { plan, view, changes }: PreparedPrune,
  { signal, onProgress = () => {} }: PruneOptions,
): Promise<PruneResult> {
  if (plan.refusal) throw plan.refusal;
  onProgress({ kind: 'phase', phase: 'prune' });
  const expired = await expireAll(repository, plan, signal);
  const finish = async () => {
    const mayRemove = staleAfter(repository, plan.graceMs);
    const fresh = await readPruneInventoryAgain(repository, view, signal);
    const back = await putBackHeld(repository, fresh, signal);
    const swept = await sweep(repository, plan, fresh, { mayRemove, signal });
    return { back, seenBytes: bytesOf(fresh.packs), ...swept };
  };
  const { store } = repository;
  const removes = plan.sweep.length + plan.unwrap.length > 0;
  const { back, removed, removedWraps, blockedBy, seenBytes } = await (removes
    ? whileSweeping(store, finish, signal)
    : finish());
  const isBlocked = blockedBy !== undefined || back.length > 0;
  const gone = isBlocked ? [] : changes;
  await removeChanges(store, gone, { mayRemove: staleAfter(repository, plan.graceMs), signal });
  const freedBytes = bytesOf(removed) + bytesOfChanges(gone);
  const { locked } = plan;
  const removedPacks = removed.length;
  const removedChanges = gone.length;
  const figures = { removedPacks, removedChanges, freedBytes, removedWraps };
  const result = { expired, putBack: back, ...figures, locked, blockedBy };
  const written = await report(repository, { ...result, stored: seenBytes - bytesOf(removed) }, signal);
  await bundleAll(repository, signal);
  return { ...result, report: written };
}

function bytesOf(packs: readonly StoredPack[]): number {
  return packs.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Phase 1. Backups that somebody has held since the plan stay. */
async function expireAll(
  repository: Repository,
  { expire, graceMs }: PrunePlan,
  signal: AbortSignal,
): Promise<BackupKey[]> {
  if (expire.length === 0) return [];
  const { store } = repository;
  const mayRemove = staleAfter(repository, graceMs);
  const at = await readStoreClock(store, signal);
  const marks = await repository.marks(signal);
  if (marks.unreadHolds.length > 0) return [];
  const expired: BackupKey[] = [];
  const wanted = expire.filter((key) => !marks.of(key).hold);
  await announceRemoval(repository, wanted, signal);
  await parallel(wanted, { most: AT_ONCE, signal }, async (key) => {
    if (await expireBackup(store, key, { at, mayRemove, signal })) expired.push(key);
  });
  return expired.sort();
}

/** Lists again what was held while a prune, this or an earlier one, was unlisting it. */
async function putBackHeld(
  { store }: Repository,
  { use: { listed, expired }, isHeld }: PruneInventory,
  signal: AbortSignal,
): Promise<BackupKey[]> {
  const isListed = new Set<string>(listed);
  const back = new Set<BackupKey>();
  for (const copy of expired) {
    if (!isHeld(copy.key) || isListed.has(copy.key) || back.has(copy.key)) continue;
    if (await putBackIfReadable(store, copy, signal)) back.add(copy.key);
  }
  return [...back];
}

/** An unreadable one waits: its packs are unknown, so none is removed. */
async function putBackIfReadable(
  store: Repository['store'],
  copy: ExpiredCopy,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return await putBack(store, copy, signal);
  } catch (error) {
    if (isHoldfastError(error, 'E_OBJECT_UNREADABLE')) return false;
    throw error;
  }
}

interface Swept {
  readonly removed: readonly StoredPack[];
  readonly removedWraps: number;
  readonly blockedBy: string | undefined;
}

/**
 * Phase 2: removes the plan's packs and wrapped keys that still nothing names, then the copies whose grace is
 * over.
 */
async function sweep(
  { store }: Repository,
  plan: PrunePlan,
  fresh: PruneInventory,
  { mayRemove, signal }: { readonly mayRemove: () => void; readonly signal: AbortSignal },
): Promise<Swept> {
  const policy = { days: {}, counts: {} };
  const still = planPrune({ ...fresh, backups: [] }, { policy, graceMs: plan.graceMs, maxShare: 1 });
  const blockedBy = plan.blockedBy ?? still.blockedBy;
  if (blockedBy !== undefined) return { removed: [], removedWraps: 0, blockedBy };
  const planned = new Set(plan.sweep);
  const wanted = still.sweep.filter((pack) => planned.has(pack));
  const removed = await unchangedOf(wanted, store, signal);
  await parallel(removed, { most: AT_ONCE, signal }, async ({ id }) => {
    mayRemove();
    await store.delete(packKey(id as PackId), { signal });
  });
  const unwrap = stillWanted(plan.unwrap, still.unwrap);
  await parallel(unwrap, { most: AT_ONCE, signal }, async (object) => {
    mayRemove();
    await store.delete(object, { signal });
  });
  const forgotten = stillWanted(plan.forget, still.forget);
  await parallel(forgotten, { most: AT_ONCE, signal }, (object) => store.delete(object, { signal }));
  return { removed, removedWraps: unwrap.length, blockedBy };
}

function stillWanted(planned: readonly string[], still: readonly string[]): readonly string[] {
  const wanted = new Set(planned);
  return still.filter((object) => wanted.has(object));
}

/** Those that are still the same: one that was removed and copied here again since is different. */
async function unchangedOf(
  packs: readonly StoredPack[],
  store: Repository['store'],
  signal: AbortSignal,
): Promise<readonly StoredPack[]> {
  if (packs.length === 0) return [];
  const byKey = new Map(packs.map((pack) => [packKey(pack.id as PackId) as string, pack]));
  const unchanged: StoredPack[] = [];
  for await (const { key, modifiedAt } of store.list('data/', { signal })) {
    const pack = byKey.get(key);
    if (pack?.storedAt.getTime() === modifiedAt.getTime()) unchanged.push(pack);
  }
  return unchanged;
}

async function report(
  { context, reports }: Repository,
  result: Omit<PruneResult, 'report'> & { readonly stored: number },
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!context.keys.hasRootKey) return undefined;
  const { expired, putBack: back, removedPacks, freedBytes, blockedBy, stored } = result;
  const body = {
    expired: expired.length,
    putBack: back.length,
    packs: removedPacks,
    bytes: freedBytes,
    graceMs: context.graceMs,
    stored,
    ...(blockedBy === undefined ? null : { blockedBy }),
    removed: [],
  } satisfies Body<'prune'>;
  return reports.write('prune', { backups: expired, body }, signal);
}

/** Called before each removal. @throws E_RUN_TOO_LONG if too much time has passed since now */
function staleAfter({ clock }: Repository, graceMs: number): () => void {
  const watch = new Stopwatch(clock);
  return () => {
    if (graceMs === 0 || watch.elapsedMs() <= graceMs * MOST_SHARE) return;
    throw new HoldfastError(
      'E_RUN_TOO_LONG',
      'this prune has run for more than a quarter of its grace; what it did is done, the rest is unchanged',
      { hint: 'Run it again.' },
    );
  };
}
