import { isHoldfastError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { packIdOf } from '../format/pack.ts';
import type { Repository } from '../repository/repository.ts';
import { markSpoilt } from '../repository/spoilt-packs.ts';
import type { VerifyReport } from './verify.ts';

/** Where a report was kept, or why it was not. */
export type Kept = { readonly report: string } | { readonly why: string };

/**
 * Keeps the result as a report of kind `verify`, and marks spoilt packs for the next backup. A store that takes nothing
 * does not make a verification worth less: that is said, not thrown.
 *
 * @throws E_ABORTED
 */
export async function keepVerifyReport(
  repository: Repository,
  result: VerifyReport,
  signal: AbortSignal,
): Promise<Kept> {
  if (!repository.context.keys.hasRootKey)
    return { why: 'no key is configured, and a report that no key signs proves nothing' };
  if (result.backups.length === 0) return { why: 'there was nothing to verify' };
  try {
    const report = await repository.reports.write('verify', documentOf(result), signal);
    await markSpoilt(repository.store, result.spoiltPacks, { report, signal });
    return { report };
  } catch (error) {
    if (!isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
    return { why: error.message };
  }
}

function documentOf({ backups, depth, findings }: VerifyReport) {
  const damaged = backups.filter((backup) => findings.some((finding) => finding.backups.includes(backup)));
  const body: JsonObject = {
    depth: { ...depth },
    damaged,
    damagedPacks: findings.flatMap(({ object }) => packIdOf(object) ?? []),
    findings: findings.length,
  };
  const details: JsonObject = {
    findings: findings.map((finding) => ({ ...finding, backups: [...finding.backups] })),
  };
  return { backups, body, details };
}
