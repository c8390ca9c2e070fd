import * as z from 'zod';
import { ageOf } from '../../shared/core/age.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { MOST_PARTS, parseSubset, type VerifyDepth, verifyBackups } from '../../shared/jobs/verify.ts';
import { keepVerifyReport } from '../../shared/jobs/verify-report.ts';
import { notVerifiedSince } from '../../shared/jobs/verify-since.ts';
import { backupKey } from '../runtime/event-members.ts';
import { putEvent } from '../runtime/events.ts';
import { defineFunction } from '../runtime/function.ts';
import { logger } from '../runtime/telemetry.ts';

const depth = z
  .string()
  .refine(
    (text) => text === 'quick' || text === 'full' || parseSubset(text) !== undefined,
    `wanted is quick, full, or N/T, with T from 1 to ${MOST_PARTS} and N from 1 to T`,
  )
  .optional();
const Event = z.union([
  z.strictObject({ backup: backupKey, depth }),
  z.strictObject({ since: z.string().regex(/^[1-9]\d{0,4}[mhd]$/, 'wanted is an age: 30m, 12h, 7d'), depth }),
]);

/** Reads one backup, or all that were not found whole for a while, and keeps what was found as a report. */
export const handler = defineFunction(Event, async (event, { repository: open, signal, onProgress }) => {
  const repository = await open();
  const how = depthOf(event.depth);
  const keys =
    'backup' in event
      ? [event.backup as BackupKey]
      : await notVerifiedSince(repository, await repository.backupKeys(signal), {
          since: new Date(repository.clock.now().getTime() - ageOf(event.since)),
          depth: how,
          signal,
        });
  const report = await verifyBackups(repository, keys, { depth: how, onProgress, signal });
  const kept = await keepVerifyReport(repository, report, signal);
  if (kept.warning !== undefined) logger.warn(kept.warning);
  const { backups, findings } = report;
  const damaged = backups.filter((key) => findings.some((finding) => finding.backups.includes(key)));
  for (const { object, problem } of findings) logger.error(problem, { object });
  for (const { recoveryKey, backups } of report.recovery?.notOpened ?? [])
    logger.warn('a recovery key does not open every backup', { recoveryKey, backups });
  for (const problem of report.recovery?.problems ?? []) logger.warn(problem);
  // Of a backup that was just made, the state machine tells.
  if ('since' in event)
    for (const backup of damaged)
      await putEvent('Verification Failed', { backup, damaged, figures: { findings: findings.length } });
  if (report.interrupted) throw report.interrupted;
  return { verified: backups.length, damaged, findings: findings.length };
});

function depthOf(text = 'full'): VerifyDepth {
  return text === 'quick' ? { kind: text } : (parseSubset(text) ?? { kind: 'full' });
}
