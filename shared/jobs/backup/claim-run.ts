import { createHash } from 'node:crypto';
import { parseBackupType } from '../../core/ids.ts';
import { HOUR_MS } from '../../core/units.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import { RUNS } from '../../format/run-document.ts';
import { RunDocuments } from '../../repository/documents/run-documents.ts';
import type { Repository } from '../../repository/repository.ts';
import { headIfThere } from '../../store/if-there.ts';
import { PLAN } from './run-plan.ts';

/** Which run has a scheduled backup to itself. */
export interface Claim {
  /** The run that makes the scheduled backup. */
  readonly run: string;
  /** Whether that is the run that asked. */
  readonly isOurs: boolean;
  /** Why an existing claim does not count: one backup too many is better than one too few. */
  readonly passedOver?: string;
}

/** By then a run that claimed a backup has planned it, or never will. */
const UNPLANNED_MS = HOUR_MS;

/**
 * Claims a scheduled backup for a run: a second delivery of the same scheduled time learns of the first one's
 * run. Repeatable by the same run. A claim that is not Holdfast's, or whose run has planned nothing for an
 * hour, stops nobody: otherwise anybody who may put objects could claim all future backups.
 *
 * @throws E_STORE_*, E_USAGE
 */
export async function claimRun(
  repository: Repository,
  options: {
    /** The configured name. */
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
  let claimed: string;
  try {
    claimed = (await documents.putFirstAt(key, 'claim', { run }, signal)).body.run;
  } catch (error) {
    if (!isDocumentProblem(error)) throw error;
    return { run, isOurs: true, passedOver: error.message };
  }
  if (claimed === run) return { run, isOurs: true };
  const passedOver = await problemOf(repository, key, claimed, signal);
  return passedOver === undefined ? { run: claimed, isOurs: false } : { run, isOurs: true, passedOver };
}

async function problemOf(
  repository: Repository,
  key: string,
  claimed: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { store, clock } = repository;
  const plan = new RunDocuments(repository.context, claimed).keyOf(PLAN);
  const claim = await headIfThere(key, store, signal);
  const ageMs = claim ? clock.now().getTime() - claim.modifiedAt.getTime() : 0;
  if (ageMs < UNPLANNED_MS || (await headIfThere(plan, store, signal))) return undefined;
  return `run ${claimed} has claimed it, but planned nothing since ${claim?.modifiedAt.toISOString()}`;
}
