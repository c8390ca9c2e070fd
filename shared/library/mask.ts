import { checkMaskOfBackup, type MaskCheck } from '../jobs/mask/check-mask.ts';
import { readFacts } from '../jobs/mask/read-facts.ts';
import {
  type MaskedRestoreOptions as JobOptions,
  type MaskedRestorePlan,
  type MaskedRestoreResult,
  planMaskedRestore as plan,
  restoreMasked as restore,
} from '../jobs/mask/restore-masked.ts';
import { type MaskRulesInput, parseMaskRules } from '../jobs/mask/rules.ts';
import { type MaskSuggestion, suggestRules } from '../jobs/mask/suggest.ts';
import { chooseBackup } from '../jobs/restore/choose-backup.ts';
import { contentsOf } from '../jobs/restore/contents.ts';
import { type Place, targetAt } from './places.ts';
import { recorded } from './recorded.ts';
import { engineOf, NEVER, type OpenRepository } from './repository.ts';
import type { RestoreOptions } from './restore.ts';

/** What is restored of a backup, and how its values are masked. */
export interface MaskedRestoreOptions extends RestoreOptions {
  /** docs/guide/masked-copies.md. */
  readonly maskRules: MaskRulesInput;
  /** 16 characters at least; the same gives the same masks. It is written nowhere. */
  readonly maskSecret: string;
}

/**
 * What a masked restore would do. Reads the backup and the target, changes nothing.
 *
 * @throws HoldfastError E_MASK_RULES for columns without a rule and rules that cannot hold, E_CONFIG for rules that cannot be read, and
 *   as `planRestore`
 */
export async function planMaskedRestore(
  opened: OpenRepository,
  backup: string,
  target: string | Place,
  options: MaskedRestoreOptions,
): Promise<MaskedRestorePlan> {
  const { repository } = engineOf(opened);
  const { signal = NEVER } = options;
  const key = await chooseBackup(repository, backup, { signal });
  return plan(repository, key, await targetAt(target), jobOptions(options));
}

/**
 * Restores a backup with values masked before they reach the target, then reads the target back and compares it.
 *
 * @throws HoldfastError as `planMaskedRestore` (nothing was written then) and `restore`
 */
export async function restoreMasked(
  opened: OpenRepository,
  backup: string,
  target: string | Place,
  options: MaskedRestoreOptions,
): Promise<MaskedRestoreResult> {
  const { repository } = engineOf(opened);
  const { signal = NEVER } = options;
  const key = await chooseBackup(repository, backup, { signal });
  const to = await targetAt(target);
  const work = () => restore(repository, key, to, jobOptions(options));
  const noteOf = ({ records, plainBytes }: MaskedRestoreResult) => ({ records, plainBytes });
  return recorded(opened, { kind: 'restore', backup: key, target: to.name }, work, { ...options, noteOf });
}

/** How rules are made. */
export interface SuggestMaskRulesOptions {
  /** Rules that are there: they stay as they are. */
  readonly existing?: MaskRulesInput;
  /** Rows of each table that are looked at. @default 1000 */
  readonly rows?: number;
  readonly signal?: AbortSignal;
}

/**
 * Rules for every column of a backup: a function for what looks personal, by its name or its values, and `keep` for all else.
 *
 * @throws HoldfastError E_NO_BACKUP, E_USAGE for a kind of database that cannot be masked, E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function suggestMaskRules(
  opened: OpenRepository,
  backup: string,
  { signal = NEVER, ...options }: SuggestMaskRulesOptions = {},
): Promise<MaskSuggestion> {
  const { repository } = engineOf(opened);
  const key = await chooseBackup(repository, backup, { signal });
  const contents = contentsOf(await repository.openBackup(key, signal));
  return suggestRules(contents, await readFacts(contents, signal), { ...options, signal });
}

/**
 * Whether rules say something of every column of a backup, and can hold.
 *
 * @throws HoldfastError E_CONFIG, and as `suggestMaskRules`
 */
export async function checkMaskRules(
  opened: OpenRepository,
  backup: string,
  rules: MaskRulesInput,
  { signal = NEVER }: { readonly signal?: AbortSignal } = {},
): Promise<MaskCheck> {
  const { repository } = engineOf(opened);
  const key = await chooseBackup(repository, backup, { signal });
  return checkMaskOfBackup(repository, key, parseMaskRules(rules), signal);
}

function jobOptions({ signal = NEVER, maskRules, ...options }: MaskedRestoreOptions): JobOptions {
  return { ...options, maskRules: parseMaskRules(maskRules), signal };
}
