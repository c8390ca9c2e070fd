import { RecordDigest } from '../../../format/record-digest.ts';
import type { Repository } from '../../../repository/repository.ts';
import type { RestorePlan, Target } from '../../../sources/target.ts';
import { derivedContents } from '../../restore/derived-contents.ts';
import {
  openFor,
  type RestoreJobOptions,
  type RestoreResult,
  restoreContents,
} from '../../restore/restore.ts';
import { refuseUnknown, withSpecial } from '../../restore/special-options.ts';
import { type Subset, type SubsetDataset, subsetStep } from './choose-subset.ts';

/** How a subset is restored. */
export type SubsetRestoreOptions = Omit<RestoreJobOptions, 'datasets' | 'damaged'>;

/** What the restore of a subset would do. */
export interface SubsetRestorePlan {
  readonly plan: RestorePlan;
  readonly subset: readonly SubsetDataset[];
}

/** What was restored. */
export interface SubsetRestoreResult extends RestoreResult {
  readonly subset: readonly SubsetDataset[];
}

/** Reads the target, writes nothing. @throws E_USAGE for a target of another kind, E_SOURCE_* */
export async function planSubsetRestore(
  repository: Repository,
  subset: Subset,
  target: Target,
  given: SubsetRestoreOptions,
): Promise<SubsetRestorePlan> {
  const options = withSpecial(given);
  refuseUnknown(target, options);
  await openFor(repository, subset.key, target, options.signal);
  const plan = await target.plan(subset.contents, options, options.signal);
  return { plan: withSubset(plan, subset), subset: subset.datasets };
}

/**
 * Restores the chosen rows alone, into the tables of the backup with all of their keys and constraints, which the server judges; then
 * reads the target back and compares it.
 *
 * @throws as `restoreBackup`
 */
export async function restoreSubset(
  repository: Repository,
  subset: Subset,
  target: Target,
  given: SubsetRestoreOptions,
): Promise<SubsetRestoreResult> {
  const options = withSpecial(given);
  const { key, contents: whole, datasets } = subset;
  refuseUnknown(target, options);
  await openFor(repository, key, target, options.signal);
  const digests = new Map<string, RecordDigest>();
  const contents = derivedContents(whole, whole.datasets, async function* (dataset, partition, signal) {
    const digest = dataset.kind === 'data' ? (digests.get(dataset.name) ?? new RecordDigest()) : undefined;
    if (digest) digests.set(dataset.name, digest);
    for await (const block of whole.read(dataset, partition, signal)) {
      digest?.update(block);
      yield block;
    }
  });
  const what = { key, contents, digests, target, reader: undefined };
  const result = await restoreContents(repository, what, options);
  return { ...result, plan: withSubset(result.plan, subset), subset: datasets };
}

/** The plan of a restore of these rows alone. */
export function withSubset(plan: RestorePlan, subset: Pick<Subset, 'datasets' | 'warnings'>): RestorePlan {
  return {
    ...plan,
    steps: [subsetStep(subset), ...plan.steps],
    warnings: [...plan.warnings, ...subset.warnings],
  };
}
