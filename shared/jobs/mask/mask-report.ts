import { createHash } from 'node:crypto';
import { HoldfastError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { writeEvidence } from '../../repository/documents/evidence.ts';
import type { Repository } from '../../repository/repository.ts';
import type { RestoreResult } from '../restore/restore.ts';
import { shownName } from './decisions.ts';
import type { Keyed } from './keyed.ts';
import type { MaskPlan } from './plan-mask.ts';
import type { MaskRules } from './rules.ts';

/** What became of a column. No value, no constant and no secret in it. */
export interface MaskedColumnReport {
  /** `public.customers.email`. */
  readonly column: string;
  readonly type: string;
  readonly mask: string;
  /** The column whose rule it has, as it refers to that one; null if it has its own. */
  readonly follows: string | null;
  /** Only some rows' values were changed. */
  readonly isConditional: boolean;
}

/** What became of every column that was copied. */
export function columnReports({ tables }: MaskPlan): readonly MaskedColumnReport[] {
  const all = tables.flatMap(({ decisions }) =>
    decisions.map(({ name, column, rule, follows }) => ({
      column: shownName(name),
      type: column.type,
      mask: rule.mask,
      follows: follows === undefined ? null : shownName(follows),
      isConditional: 'when' in rule && (rule.when !== undefined || rule.unless !== undefined),
    })),
  );
  // Partitions of a table share its rules.
  return [...new Map(all.map((one) => [one.column, one])).values()];
}

/** What a report is written from. */
export interface MaskToReport {
  readonly plan: MaskPlan;
  readonly rules: MaskRules;
  readonly keyed: Keyed;
  readonly result: RestoreResult;
  readonly startedAt: Date;
  readonly onUnsigned: (why: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Records how a copy was masked: in the clear numbers only, and everything else sealed; signed if there is a key that signs.
 *
 * @returns the report's path
 * @throws E_NO_KEY, E_STORE_*
 */
export async function writeMaskReport(repository: Repository, about: MaskToReport): Promise<string> {
  const { result, onUnsigned, signal } = about;
  const report = { backups: [result.key], body: bodyOf(about), details: detailsOf(about) };
  return writeEvidence(repository, 'mask', { report, onUnsigned, signal });
}

function bodyOf({ plan, rules, keyed, result, startedAt }: MaskToReport): JsonObject {
  const columns = columnReports(plan);
  const kept = columns.filter(({ mask }) => mask === 'keep').length;
  return {
    masked: columns.length - kept,
    kept,
    records: result.records,
    rulesSha256: createHash('sha256').update(JSON.stringify(rules)).digest('hex'),
    secret: keyed.fingerprint,
    isCompared: result.isCompared,
    startedAt: startedAt.toISOString(),
  };
}

function detailsOf({ plan, result }: MaskToReport): JsonObject {
  return {
    target: result.plan.target,
    columns: columnReports(plan).map((one) => ({ ...one })),
    leftOut: plan.leftOut.map(({ name }) => name),
    warnings: plan.warnings,
  };
}

/** A report as it is read again. */
export interface MaskReport {
  readonly key: string;
  readonly at: string;
  readonly backup: string;
  readonly body: JsonObject;
  readonly details: JsonObject | undefined;
  /** What vouches for it: `signed` by a key that is trusted, `authentic` by the repository's own. */
  readonly proof: 'signed' | 'authentic' | 'none';
}

/** `mask_20260301_020000_0123abcd`, or its whole path. @throws E_USAGE, E_OBJECT_NOT_FOUND, E_DAMAGED */
export async function readMaskReport(
  repository: Repository,
  text: string,
  signal: AbortSignal,
): Promise<MaskReport> {
  const day = /^mask_(\d{8})_/.exec(text)?.[1];
  const key = day === undefined ? text : `reports/mask/${day}/${text.replace(/\.json$/, '')}.json`;
  if (!key.startsWith('reports/mask/'))
    throw new HoldfastError('E_USAGE', `'${text}' is not a report of a masked copy`, {
      hint: 'It has a name like mask_20260301_020000_0123abcd, or its whole path below reports/mask/.',
    });
  const { modifiedAt } = await repository.store.head(key, { signal });
  const { report, problem, isSigned, isProven } = await repository.reports.open(key, modifiedAt, signal);
  if (!report) throw problem ?? new HoldfastError('E_DAMAGED', `${key} cannot be read`);
  const details = repository.context.keys.hasRootKey
    ? await repository.reports.details(report, signal)
    : undefined;
  const proof = isSigned ? 'signed' : isProven ? 'authentic' : 'none';
  return { key, at: report.at, backup: report.backups[0] ?? '', body: report.body, details, proof };
}
