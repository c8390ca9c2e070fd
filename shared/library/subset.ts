import { chooseSubset } from '../jobs/inside/subset/choose-subset.ts';
import {
  planSubsetRestore as plan,
  restoreSubset as restore,
  type SubsetRestorePlan,
  type SubsetRestoreResult,
} from '../jobs/inside/subset/restore-subset.ts';
import type { SubsetChoice } from '../jobs/inside/subset/subset-choice.ts';
import {
  type MaskedRestorePlan,
  type MaskedRestoreResult,
  planMaskedRestore,
  restoreMasked,
} from '../jobs/mask/restore-masked.ts';
import { type MaskRulesInput, parseMaskRules } from '../jobs/mask/rules.ts';
import { chooseBackup } from '../jobs/restore/choose-backup.ts';
import { type Place, targetAt } from './places.ts';
import { recorded } from './recorded.ts';
import { engineOf, NEVER, type OpenRepository } from './repository.ts';
import type { RestoreOptions } from './restore.ts';

/** Which part of a backup is restored, and how. */
export interface SubsetRestoreOptions extends Omit<RestoreOptions, 'datasets'>, SubsetChoice {
  /** Masks the rows on the way: docs/guide/masked-copies.md. @default they are as in the backup */
  readonly mask?: { readonly rules: MaskRulesInput; readonly secret: string };
}

/**
 * What the restore of a part would do, and how many rows of how many it is. Reads the backup and the target, changes nothing.
 *
 * @throws HoldfastError E_USAGE for a condition or a reference that cannot be, and for more than 8 million different keys; E_NO_DATASET,
 *   E_MASK_RULES, and as `planRestore`
 */
export async function planRestoreSubset(
  opened: OpenRepository,
  backup: string,
  target: string | Place,
  options: SubsetRestoreOptions,
): Promise<SubsetRestorePlan | MaskedRestorePlan> {
  const { repository } = engineOf(opened);
  const { subset, masking, rest } = await prepared(opened, backup, options);
  const to = await targetAt(target);
  return masking
    ? planMaskedRestore(repository, subset.key, to, { ...rest, ...masking, subset })
    : plan(repository, subset, to, rest);
}

/**
 * Restores a part of a backup in which every row has what it refers to, then reads the target back and compares it.
 *
 * @throws HoldfastError as `planRestoreSubset` (nothing was written then) and `restore`
 */
export async function restoreSubset(
  opened: OpenRepository,
  backup: string,
  target: string | Place,
  options: SubsetRestoreOptions,
): Promise<SubsetRestoreResult | MaskedRestoreResult> {
  const { repository } = engineOf(opened);
  const { subset, masking, rest } = await prepared(opened, backup, options);
  const to = await targetAt(target);
  const work = async (): Promise<SubsetRestoreResult | MaskedRestoreResult> =>
    masking
      ? restoreMasked(repository, subset.key, to, { ...rest, ...masking, subset })
      : restore(repository, subset, to, rest);
  const noteOf = ({ records, plainBytes }: SubsetRestoreResult | MaskedRestoreResult) => ({
    records,
    plainBytes,
  });
  return recorded(opened, { kind: 'restore', backup: subset.key, target: to.name }, work, {
    ...options,
    noteOf,
  });
}

async function prepared(
  opened: OpenRepository,
  backup: string,
  { rows, follow, references, mask, signal = NEVER, ...options }: SubsetRestoreOptions,
) {
  const { repository } = engineOf(opened);
  const key = await chooseBackup(repository, backup, { signal });
  const choice: SubsetChoice = { rows, ...(follow ? { follow } : {}), ...(references ? { references } : {}) };
  return {
    subset: await chooseSubset(repository, key, choice, { signal }),
    masking: mask && { maskRules: parseMaskRules(mask.rules), maskSecret: mask.secret },
    rest: { ...options, signal },
  };
}
