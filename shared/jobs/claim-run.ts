import { createHash } from 'node:crypto';
import { parseBackupType } from '../core/ids.ts';
import { RUNS } from '../format/run-document.ts';
import type { Repository } from '../repository/repository.ts';
import { RunDocuments } from '../repository/run-documents.ts';

export interface Claim {
  /** The run that backs up what was scheduled. */
  readonly run: string;
  /** Whether that is the run that asked. */
  readonly isOurs: boolean;
}

/**
 * Claims a scheduled backup for a run: a second delivery of the same scheduled time learns of the first one's run. Repeatable by
 * the same run.
 *
 * @throws E_STORE_*, E_USAGE, E_DAMAGED where the claim is not what was written
 */
export async function claimRun(
  repository: Repository,
  options: {
    /** As the configuration calls it. */
    readonly source: string;
    readonly type: string;
    readonly scheduledTime: string;
    readonly run: string;
    readonly signal: AbortSignal;
  },
): Promise<Claim> {
  const { source, type, scheduledTime, run, signal } = options;
  const documents = new RunDocuments(repository.context, run);
  const scheduled = JSON.stringify([source, parseBackupType(type), scheduledTime]);
  const key = `${RUNS}claims/${createHash('sha256').update(scheduled).digest('hex')}`;
  const { body: claim } = await documents.putFirstAt(key, 'claim', { run }, signal);
  return { run: claim.run, isOurs: claim.run === run };
}
