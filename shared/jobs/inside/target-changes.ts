import type { TargetChanges } from '../../api/schema/inside.ts';
import { isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { SECOND_MS } from '../../core/units.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ChangePlugin } from '../../sources/plugin.ts';
import type { RestorePlan, Target } from '../../sources/target.ts';
import type { ChosenMoment } from '../changes/choose-moment.ts';
import { momentVersion } from '../changes/moment-version.ts';
import { readDiffPage } from './diff-page.ts';
import { backupVersion, openLive, type Version } from './version.ts';

/** How long a plan waits for it. */
const COUNT_MS = 6 * SECOND_MS;

/** What is counted for. */
export interface TargetChangesOptions {
  readonly plan: RestorePlan;
  readonly mostMs?: number;
  readonly signal: AbortSignal;
}

/**
 * Rows that a restore of whole datasets would add, remove and change at its target, as it is now. It is not part of the plan: if they
 * cannot be counted soon, or at all, the result says so, and the restore can go on.
 *
 * @throws E_DAMAGED, E_STORE_*, E_ABORTED
 */
export function targetChanges(
  repository: Repository,
  key: BackupKey,
  target: Target,
  options: TargetChangesOptions,
): Promise<TargetChanges> {
  return changesTo(target, async (stop) => backupVersion(await repository.openBackup(key, stop)), options);
}

/** The same of a restore to a moment. @throws as `targetChanges` */
export function momentChanges(
  repository: Repository,
  chosen: ChosenMoment,
  { target, plugin }: { readonly target: Target; readonly plugin: ChangePlugin },
  options: TargetChangesOptions,
): Promise<TargetChanges> {
  return changesTo(target, (stop) => momentVersion(repository, chosen, plugin, stop), options);
}

async function changesTo(
  target: Target,
  open: (stop: AbortSignal) => Promise<Version>,
  { plan, mostMs = COUNT_MS, signal }: TargetChangesOptions,
): Promise<TargetChanges> {
  const names = plan.datasets.map(({ name }) => name);
  const timeUp = AbortSignal.timeout(mostMs);
  try {
    await using restored = await open(AbortSignal.any([signal, timeUp]));
    const like = restored.contents.datasets.filter(({ name }) => names.includes(name));
    if (plan.conflicts.length + plan.drops.length === 0) {
      const all = like.map(({ name, records }) => ({ name, added: records, removed: 0, changed: 0 }));
      return { datasets: all, isComplete: true, problem: null };
    }
    await using now = await openLive(target.asSource(like), signal);
    const pages = await readDiffPage(now, restored, { datasets: names, mostMs, signal });
    const counted = pages.map(({ name, found }) => {
      const { added = null, removed = null, changed = null } = found?.counts ?? {};
      return { name, added, removed, changed };
    });
    return { datasets: counted, isComplete: pages.every(({ found }) => found !== undefined), problem: null };
  } catch (error) {
    if (timeUp.aborted && !signal.aborted) return { datasets: [], isComplete: false, problem: null };
    if (!isHoldfastError(error) || !/^E_(SOURCE_|USAGE$|NO_DATASET$)/.test(error.code)) throw error;
    return { datasets: [], isComplete: false, problem: error.message };
  }
}
