import * as z from 'zod';
import type { BackupKey } from '../../shared/core/ids.ts';
import { acceptBackups } from '../../shared/jobs/accept.ts';
import { writeAudit } from '../../shared/jobs/audit.ts';
import { holdBackup, releaseBackup } from '../../shared/jobs/hold.ts';
import { backupKey, requestedBy, run } from '../runtime/event-members.ts';
import { defineFunction } from '../runtime/function.ts';

const keys = z.array(backupKey).max(100);
const reason = z.string().min(1).max(500);

const Event = z.discriminatedUnion('action', [
  z.strictObject({ action: z.enum(['hold', 'release']), backups: keys.length(1), reason, requestedBy }),
  z.strictObject({ action: z.literal('accept'), backups: keys.min(1), reason, requestedBy }),
  /** What the admin API is about to begin. */
  z.strictObject({
    action: z.enum(['create', 'verify']),
    backups: keys,
    run: run.optional(),
    requestedBy,
  }),
]);

/** Writes down what somebody decides about backups, or asked for. The admin API has no key to sign it with. */
export const handler = defineFunction(Event, async (event, invocation) => {
  const { signal } = invocation;
  const repository = await invocation.repository();
  const backups = event.backups as string[] as BackupKey[];
  const by = event.requestedBy;
  if (event.action === 'accept')
    return acceptBackups(repository, backups, { reason: event.reason, by, signal });
  if (!('reason' in event)) {
    const record = { action: event.action, by, outcome: 'begun', run: event.run, backups } as const;
    return { report: await writeAudit(repository, record, signal) };
  }
  const decide = event.action === 'hold' ? holdBackup : releaseBackup;
  const [key] = backups as [BackupKey];
  const { before, ...decided } = await decide(repository, key, { reason: event.reason, by, signal });
  return { ...decided, before: before ? { reason: before.reason, at: before.at.toISOString() } : null };
});
