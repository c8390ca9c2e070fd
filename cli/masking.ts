import path from 'node:path';
import type { Subset } from '../shared/jobs/inside/subset/choose-subset.ts';
import {
  planSubsetRestore,
  restoreSubset,
  type SubsetRestorePlan,
  type SubsetRestoreResult,
} from '../shared/jobs/inside/subset/restore-subset.ts';
import {
  type MaskedRestorePlan,
  type MaskedRestoreResult,
  planMaskedRestore,
  restoreMasked,
} from '../shared/jobs/mask/restore-masked.ts';
import { type MaskRules, readMaskRules } from '../shared/jobs/mask/rules.ts';
import { planRestore, type RestoreResult, restoreBackup } from '../shared/jobs/restore/restore.ts';
import type { RestorePlan } from '../shared/sources/target.ts';
import { usage } from './command.ts';
import type { Io } from './io.ts';

/** Holds the secret of masks: it is no option, as others can see those. */
const SECRET_VARIABLE = 'HOLDFAST_MASK_SECRET';

/** Options of a restore that masks. */
export const MASK_OPTIONS = { mask: { type: 'string' } } as const;

/** Their help. */
export const MASK_HELP = `      --mask RULES        replace personal values on the way, by the rules in this file (.json, .ts or .js). The
                          secret is in ${SECRET_VARIABLE}. A column without a rule stops the restore
                          (docs/guide/masked-copies.md)
`;

/** What a restore masks with; undefined if it does not. */
export interface Masking {
  readonly maskRules: MaskRules;
  readonly maskSecret: string;
}

/** @throws E_CONFIG for rules that cannot be used, E_USAGE without a secret */
export async function maskingOf(file: string | undefined, io: Io): Promise<Masking | undefined> {
  if (file === undefined) return undefined;
  const maskRules = await readMaskRules(path.resolve(io.cwd, file));
  const maskSecret = io.env[SECRET_VARIABLE];
  if (maskSecret) return { maskRules, maskSecret };
  throw usage(
    `${SECRET_VARIABLE} is not set: masks need a secret`,
    'Make one with `openssl rand -hex 32`, set the variable to it, and keep it: the same secret gives the same masks.',
  );
}

/** What of a backup is restored, and how it is changed on the way. */
export interface CopyHow {
  readonly masking: Masking | undefined;
  readonly subset: Subset | undefined;
}

/** The plan of a restore: masked or not, of all or of a subset. */
export async function planWith(
  { masking, subset }: CopyHow,
  ...[repository, key, target, options]: Parameters<typeof planRestore>
): Promise<SubsetRestorePlan | MaskedRestorePlan | { readonly plan: RestorePlan }> {
  if (masking) return planMaskedRestore(repository, key, target, { ...options, ...masking, subset });
  if (subset) return planSubsetRestore(repository, subset, target, options);
  return { plan: await planRestore(repository, key, target, options) };
}

/** The restore itself. */
export function restoreWith(
  { masking, subset }: CopyHow,
  ...[repository, key, target, options]: Parameters<typeof restoreBackup>
): Promise<RestoreResult | MaskedRestoreResult | SubsetRestoreResult> {
  if (masking) return restoreMasked(repository, key, target, { ...options, ...masking, subset });
  if (subset) return restoreSubset(repository, subset, target, options);
  return restoreBackup(repository, key, target, options);
}

/** For `--json`: what became of each column; nothing without a mask. */
export function maskDocument(result: object): object {
  if (!('columns' in result)) return {};
  return { mask: { columns: result.columns, report: 'report' in result ? result.report : null } };
}

/** For people, after a masked restore. */
export function maskText(result: object): string {
  if (!('report' in result)) return '';
  return result.report === null
    ? '  masked; the report could not be stored\n'
    : `  masked; \`holdfast mask report ${reportName(String(result.report))}\` says how\n`;
}

function reportName(key: string): string {
  return path.posix.basename(key, '.json');
}
