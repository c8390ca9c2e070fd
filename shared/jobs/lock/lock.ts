import type { LockSettings } from '../../config/lock.ts';
import type { RetentionPolicy } from '../../config/retention.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { parallel } from '../../core/parallel.ts';
import { plural } from '../../core/plural.ts';
import type { OnProgress } from '../../core/progress.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ObjectLocks, Retention } from '../../store/object-locks.ts';
import { openObjectLocks, type StoreConfig } from '../../store/open-store.ts';
import type { MomentRule } from '../changes/prune-changes.ts';
import type { Naming } from '../source/naming.ts';
import { changeNeeds } from './lock-changes.ts';
import { readLockInventory } from './lock-inventory.ts';
import { type LockNeed, planLocks } from './lock-plan.ts';

/** Objects asked for at once. */
const AT_ONCE = 32;
/** After this many refusals, the store is assumed to refuse all. */
const MOST_REFUSALS = 20;
/** Stores keep whole seconds. */
const ROUNDING_MS = 1000;

/** What is to be locked, and how. */
export interface LockOptions {
  readonly lock: LockSettings;
  readonly policy: RetentionPolicy;
  /** Only what this backup needs. @default what all need */
  readonly only?: BackupKey | undefined;
  /** How long moments are kept: change segments are locked as long. @default none is locked */
  readonly moments?: readonly MomentRule[];
  /** @default names as stored */
  readonly naming?: Naming | undefined;
  /** Checks, and changes nothing. */
  readonly isDryRun: boolean;
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

/** Until when nobody can remove a backup: until the first lock of what it needs ends. */
export interface LockedUntil {
  readonly backup: BackupKey;
  /** Undefined if something that it needs has no lock. */
  readonly until: Date | undefined;
}

/** What is locked now, and until when. */
export interface LockResult {
  /** Backups that retention keeps, newest first. */
  readonly backups: readonly LockedUntil[];
  /** Number of objects that they need, and of those of change segments. */
  readonly objects: number;
  /** Locks that were made or extended; in a dry run, would be. */
  readonly extended: number;
  /** Legal holds that were added. */
  readonly held: number;
  /**
   * Objects locked in governance mode although compliance is configured: only somebody with a right to lift
   * locks can change that.
   */
  readonly weaker: number;
  /** Needed objects that are missing. */
  readonly missing: readonly string[];
  /** Manifests that cannot be read, so the locks of what they need are not extended. */
  readonly unread: readonly BackupKey[];
  readonly refused: readonly HoldfastError[];
}

/**
 * What renews the locks of a repository; undefined if none are configured, or it is in a folder. @throws
 * E_CONFIG
 */
export async function openLocks(
  config: StoreConfig,
  lock: LockSettings | undefined,
): Promise<ObjectLocks | undefined> {
  return lock && openObjectLocks(config);
}

/**
 * Locks what backups need until retention lets them go: packs, manifests, keys, and the reports that prune
 * goes by. Asks for every lock and only ever extends one, so it may be stopped at any point and run beside
 * anything.
 *
 * @throws E_CONFIG if the bucket has no locks, E_STORE_*, E_ABORTED
 */
export async function lockBackups(
  repository: Repository,
  locks: ObjectLocks,
  options: LockOptions,
): Promise<LockResult> {
  const { only, policy, lock, naming, signal, onProgress = () => {} } = options;
  onProgress({ kind: 'phase', phase: 'plan' });
  const { view, unread } = await readLockInventory(repository, signal, naming);
  const needs = planLocks(view, { policy, lock });
  const kept = new Map(needs.map((need) => [need.key, need]));
  const backups = view.backups.filter(
    ({ retention: { key } }) => kept.has(key) && (only === undefined || key === only),
  );
  const wanted = new Set(backups.length > 0 ? view.common : []);
  for (const { retention, needs: of } of backups) {
    wanted.add(retention.key);
    for (const key of of) wanted.add(key);
  }
  const run = new LockRun(locks, options);
  onProgress({ kind: 'phase', phase: 'lock' });
  const isManifest = new Set<string>(backups.map(({ retention: { key } }) => key));
  const [first, last] = [[], []] as [LockNeed[], LockNeed[]];
  for (const need of needs) if (wanted.has(need.key)) (isManifest.has(need.key) ? last : first).push(need);
  const { moments = [] } = options;
  const now = repository.clock.now();
  const ofChanges =
    only === undefined ? await changeNeeds(repository.store, { moments, lock, now, signal }) : [];
  // A manifest last: what it needs is locked by then.
  for (const part of [first, last, ofChanges]) await run.lockAll(part, signal);
  return {
    backups: backups.map(({ retention: { key }, needs: of }) => ({
      backup: key,
      until: run.untilOf([key, ...of, ...view.common]),
    })),
    objects: wanted.size + ofChanges.length,
    ...run.counts(),
    unread: only === undefined ? unread : unread.filter((key) => key === only),
  };
}

/** What went wrong although the run finished; undefined if nothing did. */
export function lockProblem({ missing, unread, refused }: LockResult): HoldfastError | undefined {
  const [refusal] = refused;
  if (refusal) return refusal;
  const [first] = [...missing, ...unread];
  if (first === undefined) return undefined;
  const what = [
    ...(missing.length > 0 ? [`${plural(missing.length, 'object')} that backups need are missing`] : []),
    ...(unread.length > 0 ? [`${plural(unread.length, 'manifest')} cannot be read`] : []),
  ];
  return new HoldfastError(
    'E_DAMAGED',
    `${what.join(', and ')}, so they cannot be locked: ${first}${missing.length + unread.length > 1 ? ', …' : ''}`,
    {
      hint: 'Everything else is locked. Run `holdfast verify --all --quick`; docs/guide/operations.md, "Bringing older versions back".',
      details: { missing: missing.length, unread: unread.length },
    },
  );
}

class LockRun {
  readonly #locks: ObjectLocks;
  readonly #mode: Retention['mode'];
  readonly #isDryRun: boolean;
  readonly #until = new Map<string, Date | undefined>();
  readonly #missing: string[] = [];
  readonly #refused: HoldfastError[] = [];
  #extended = 0;
  #held = 0;
  #weaker = 0;

  constructor(locks: ObjectLocks, { lock, isDryRun }: LockOptions) {
    this.#locks = locks;
    this.#mode = lock.mode;
    this.#isDryRun = isDryRun;
  }

  async lockAll(needs: readonly LockNeed[], signal: AbortSignal): Promise<void> {
    await parallel(needs, { most: AT_ONCE, signal }, async (need, stop) => {
      try {
        await this.#lock(need, stop);
      } catch (error) {
        this.#note(need.key, error);
      }
    });
  }

  /** The earliest end of these locks. */
  untilOf(keys: readonly string[]): Date | undefined {
    let first: Date | undefined;
    for (const key of keys) {
      const until = this.#until.get(key);
      if (!until) return undefined;
      if (!first || until < first) first = until;
    }
    return first;
  }

  counts() {
    return {
      extended: this.#extended,
      held: this.#held,
      weaker: this.#weaker,
      missing: this.#missing.toSorted(),
      refused: this.#refused,
    };
  }

  async #lock({ key, until, lockUntil, isHeld }: LockNeed, signal: AbortSignal): Promise<void> {
    const found = await this.#locks.retention(key, signal);
    this.#until.set(key, found?.until);
    // Its mode cannot be made stricter without a right to lift locks.
    const mode = found?.mode ?? this.#mode;
    if (mode !== this.#mode && this.#mode === 'compliance') this.#weaker++;
    if (!found || found.until.getTime() + ROUNDING_MS <= until.getTime()) {
      if (!this.#isDryRun) await this.#locks.retain(key, { until: lockUntil, mode }, signal);
      this.#extended++;
      this.#until.set(key, lockUntil);
    }
    if (!isHeld || (await this.#locks.isHeld(key, signal))) return;
    if (!this.#isDryRun) await this.#locks.setHold(key, true, signal);
    this.#held++;
  }

  /** One object must not keep the others from being locked. @throws errors of the store as a whole */
  #note(key: string, error: unknown): void {
    if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) {
      this.#missing.push(key);
      return;
    }
    if (!isHoldfastError(error, 'E_STORE_DENIED') && !isHoldfastError(error, 'E_OBJECT_UNREADABLE'))
      throw error;
    this.#refused.push(error.about(key));
    if (this.#refused.length >= MOST_REFUSALS) throw error;
  }
}
