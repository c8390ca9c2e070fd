import { isHoldfastError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { packIdOf } from '../../format/pack.ts';
import { markSpoilt } from '../../repository/packs/spoilt-packs.ts';
import type { Repository } from '../../repository/repository.ts';
import { sharedByOf } from './shared-damage.ts';
import type { VerifyReport } from './verify.ts';

/** A report, if it could be kept. */
export interface Kept {
  /** The report's path; undefined if none was kept. */
  readonly report: string | undefined;
  /** What could not be kept, and why. */
  readonly warning: string | undefined;
}

/** @param why goes on after a colon */
export function notKept(why: string): Kept {
  return { report: undefined, warning: `the result is not kept: ${why}` };
}

/**
 * Keeps the result as a report of kind `verify`, and marks spoilt packs for the next backup. A store that
 * accepts nothing does not invalidate a verification: that is reported, not thrown.
 *
 * @throws E_ABORTED
 */
export async function keepVerifyReport(
  repository: Repository,
  result: VerifyReport,
  signal: AbortSignal,
): Promise<Kept> {
  if (result.backups.length === 0) return { report: undefined, warning: undefined };
  if (!repository.context.keys.hasRootKey)
    return notKept('no key is configured, and a report without a MAC proves nothing');
  if (result.interrupted?.code === 'E_ABORTED') return notKept('it was stopped');
  let report: string | undefined;
  try {
    report = await repository.reports.write('verify', documentOf(result), signal);
    await markSpoilt(repository.store, result.spoiltPacks, { report, signal });
    return { report, warning: undefined };
  } catch (error) {
    if (!isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
    if (report === undefined) return notKept(error.message);
    return {
      report,
      warning: `damaged packs are not marked, the next backup may refer to them: ${error.message}`,
    };
  }
}

function documentOf({ backups, depth, findings }: VerifyReport) {
  const damaged = backups.filter((backup) => findings.some((finding) => finding.backups.includes(backup)));
  const sharedBy = sharedByOf(findings);
  const body: JsonObject = {
    depth: { ...depth },
    damaged,
    damagedPacks: findings.flatMap(({ object }) => packIdOf(object) ?? []),
    findings: findings.length,
    ...(sharedBy.length > 0 ? { sharedBy: [...sharedBy] } : {}),
  };
  const details: JsonObject = {
    findings: findings.map((finding) => ({
      ...finding,
      backups: [...finding.backups],
      sharedBy: [...finding.sharedBy],
      datasets: [...finding.datasets],
    })),
  };
  return { backups, body, details };
}
