import type { TargetChanges } from '../../api/schema/inside.ts';
import { isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { SECOND_MS } from '../../core/units.ts';
import type { Repository } from '../../repository/repository.ts';
import type { RestorePlan, Target } from '../../sources/target.ts';
import { readDiffPage } from './diff-page.ts';
import { backupVersion, openLive } from './version.ts';

/** A plan waits that long for it. */
const COUNT_MS = 6 * SECOND_MS;

/**
 * Rows that a restore of whole datasets would add, remove and change at its target, as it is now. It is a look ahead, and no part of
 * the plan: what cannot be counted soon, or at all, is said, and stops nothing.
 *
 * @throws E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function targetChanges(
  repository: Repository,
  key: BackupKey,
  target: Target,
  {
    plan,
    mostMs = COUNT_MS,
    signal,
  }: { readonly plan: RestorePlan; readonly mostMs?: number; readonly signal: AbortSignal },
): Promise<TargetChanges> {
  const { datasets, conflicts, drops } = plan;
  if (conflicts.length + drops.length === 0) {
    const all = datasets.map(({ name, records }) => ({ name, added: records, removed: 0, changed: 0 }));
    return { datasets: all, isComplete: true, problem: null };
  }
  const names = datasets.map(({ name }) => name);
  const backup = backupVersion(await repository.openBackup(key, signal));
  const like = backup.contents.datasets.filter(({ name }) => names.includes(name));
  try {
    await using now = await openLive(target.asSource(like), signal);
    const pages = await readDiffPage(now, backup, { datasets: names, mostMs, signal });
    const counted = pages.map(({ name, found }) => {
      const { added = null, removed = null, changed = null } = found?.counts ?? {};
      return { name, added, removed, changed };
    });
    return { datasets: counted, isComplete: pages.every(({ found }) => found !== undefined), problem: null };
  } catch (error) {
    if (!isHoldfastError(error) || !/^E_(SOURCE_|USAGE$|NO_DATASET$)/.test(error.code)) throw error;
    return { datasets: [], isComplete: false, problem: error.message };
  }
}
