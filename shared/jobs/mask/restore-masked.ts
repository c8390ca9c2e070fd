import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { RecordDigest } from '../../format/record-digest.ts';
import type { Repository } from '../../repository/repository.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';
import { allRestoreOptions } from '../../sources/registry.ts';
import type { RestorePlan, Target } from '../../sources/target.ts';
import type { Subset, SubsetDataset } from '../inside/subset/choose-subset.ts';
import { withSubset } from '../inside/subset/restore-subset.ts';
import { contentsOf } from '../restore/contents.ts';
import { openFor, type RestoreJobOptions, type RestoreResult, restoreContents } from '../restore/restore.ts';
import { refuseUnknown, withSpecial } from '../restore/special-options.ts';
import { Keyed } from './keyed.ts';
import { conditionProblems } from './mask-checks.ts';
import { columnReports, type MaskedColumnReport, writeMaskReport } from './mask-report.ts';
import { maskedContents } from './masked-contents.ts';
import { type MaskPlan, maskStep, planMask, refuseProblems } from './plan-mask.ts';
import { readFacts } from './read-facts.ts';
import type { MaskRules } from './rules.ts';

/** How a masked copy is made. */
export interface MaskedRestoreOptions extends RestoreJobOptions {
  readonly maskRules: MaskRules;
  /** The user's own: the same gives the same copy. Never written anywhere. */
  readonly maskSecret: string;
  /** Of the same backup: only these rows. @default all */
  readonly subset?: Subset | undefined;
}

/** What a masked restore would do. */
export interface MaskedRestorePlan {
  readonly plan: RestorePlan;
  readonly columns: readonly MaskedColumnReport[];
  /** How much of each dataset, if only a subset. */
  readonly subset?: readonly SubsetDataset[];
}

/** What was restored, and how it was masked. */
export interface MaskedRestoreResult extends RestoreResult {
  readonly columns: readonly MaskedColumnReport[];
  /** Path of the report in the repository; null if it could not be written there. */
  readonly report: string | null;
  /** How much of each dataset, if only a subset. */
  readonly subset?: readonly SubsetDataset[];
}

interface OpenedMask {
  readonly key: BackupKey;
  readonly contents: BackupContents;
  readonly digests: ReadonlyMap<string, RecordDigest>;
  readonly plan: MaskPlan;
  readonly keyed: Keyed;
}

/**
 * Reads the backup and the target, writes nothing.
 *
 * @throws E_MASK_RULES for a column without a rule, and for a rule that would break a key or a condition
 */
export async function planMaskedRestore(
  repository: Repository,
  key: BackupKey,
  target: Target,
  options: MaskedRestoreOptions,
): Promise<MaskedRestorePlan> {
  const opened = await openMasked(repository, key, target, options);
  const plan = await target.plan(opened.contents, plain(options), options.signal);
  return {
    plan: described(plan, opened.plan, options),
    columns: columnReports(opened.plan),
    ...subsetOf(options),
  };
}

/**
 * Restores a backup with its values masked between the backup and the target, which never receives another one; then reads the target
 * back and compares it with the masked records.
 *
 * @throws E_MASK_RULES, nothing was written; what `restoreBackup` throws
 */
export async function restoreMasked(
  repository: Repository,
  key: BackupKey,
  target: Target,
  options: MaskedRestoreOptions,
): Promise<MaskedRestoreResult> {
  const { signal, onProgress = () => {} } = options;
  const startedAt = repository.clock.now();
  onProgress({ kind: 'phase', phase: 'plan' });
  const opened = await openMasked(repository, key, target, options);
  const { contents, digests, plan } = opened;
  const what = { key, contents, digests, target, reader: undefined };
  const found = await restoreContents(repository, what, { ...plain(options), onProgress, signal });
  const result = { ...found, plan: described(found.plan, plan, options) };
  const onWarning = (message: string) => onProgress({ kind: 'warning', code: 'mask', message });
  const about = {
    ...opened,
    rules: options.maskRules,
    result,
    startedAt,
    onUnsigned: (why: string) => onWarning(`the report is not signed: ${why}`),
    signal,
  };
  const report = await writeMaskReport(repository, about).catch((error: unknown) => {
    if (!isHoldfastError(error) || !/^E_(STORE_|NO_KEY$|KEY_)/.test(error.code)) throw error;
    onWarning(`the report could not be stored: ${error.message}`);
    return null;
  });
  return { ...result, columns: columnReports(plan), report, ...subsetOf(options) };
}

async function openMasked(
  repository: Repository,
  key: BackupKey,
  target: Target,
  options: MaskedRestoreOptions,
): Promise<OpenedMask> {
  const { maskRules: rules, maskSecret: secret, signal } = options;
  refuseSecrets(options);
  refuseUnknown(target, plain(options));
  const keyed = new Keyed(secret);
  const reader = await repository.openWarm(() => openFor(repository, key, target, signal));
  const raw = options.subset?.contents ?? contentsOf(reader);
  const plan = planMask(raw, await readFacts(raw, signal), rules, options.datasets);
  refuseProblems(plan);
  refuseProblems({
    unclassified: [],
    problems: await conditionProblems(raw, plan, { rules, keyed, signal }),
  });
  const digests = new Map<string, RecordDigest>();
  const contents = maskedContents(raw, plan, keyed, (dataset) => digestFor(digests, dataset));
  return { key, contents, digests, plan, keyed };
}

function digestFor(
  digests: Map<string, RecordDigest>,
  { name, kind }: StoredDataset,
): RecordDigest | undefined {
  if (kind !== 'data') return undefined;
  const digest = digests.get(name) ?? new RecordDigest();
  digests.set(name, digest);
  return digest;
}

/** What a target gets to see. */
function plain({
  maskRules: _,
  maskSecret: __,
  subset: ___,
  ...options
}: MaskedRestoreOptions): RestoreJobOptions {
  return withSpecial(options);
}

/** Users with their passwords are no part of a copy without personal data. @throws E_USAGE */
function refuseSecrets(options: MaskedRestoreOptions): void {
  const { special } = withSpecial(options);
  for (const [name, { flag, isRefusedWhenMasked }] of allRestoreOptions())
    if (isRefusedWhenMasked && special[name] === true)
      throw new HoldfastError(
        'E_USAGE',
        `--${flag} restores users and their passwords, which masking does not cover`,
        {
          hint: `Leave out --${flag}: a masked copy does not need it.`,
        },
      );
}

function subsetOf({ subset }: MaskedRestoreOptions): { readonly subset?: readonly SubsetDataset[] } {
  return subset ? { subset: subset.datasets } : {};
}

function described(given: RestorePlan, mask: MaskPlan, { subset }: MaskedRestoreOptions): RestorePlan {
  const plan = subset ? withSubset(given, subset) : given;
  return {
    ...plan,
    steps: [maskStep(mask), ...plan.steps],
    warnings: [
      ...plan.warnings,
      ...mask.warnings,
      'definitions are not masked: comments, defaults, checks, views and routines may name people',
    ],
  };
}
