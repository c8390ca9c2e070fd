import * as z from 'zod';
import { ApiKeyId, ApiKeyName } from '../../shared/api/schema/api-keys.ts';
import { KEY_ROLES } from '../../shared/core/api-names.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { RUN_KINDS, type RunKind } from '../../shared/core/run-kinds.ts';
import { createApiKey, noteApiKeyUse, readApiKeys, revokeApiKey } from '../../shared/jobs/access/api-keys.ts';
import { writeAudit } from '../../shared/jobs/access/audit.ts';
import { abortBackup } from '../../shared/jobs/backup/abort-backup.ts';
import { acceptBackups } from '../../shared/jobs/retention/accept.ts';
import { holdBackup, releaseBackup } from '../../shared/jobs/retention/hold.ts';
import { askToCancel } from '../../shared/jobs/runs/cancel-run.ts';
import { backupKeyMember, requestedBy, run, source } from '../runtime/event-members.ts';
import { defineFunction } from '../runtime/function.ts';
import type { OpenedRepository } from '../runtime/settings.ts';

const keys = z.array(backupKeyMember).max(100);
const reason = z.string().min(1).max(500);

const Event = z.discriminatedUnion('action', [
  z.strictObject({ action: z.enum(['hold', 'release']), backups: keys.length(1), reason, requestedBy }),
  z.strictObject({ action: z.literal('accept'), backups: keys.min(1), reason, requestedBy }),
  z.strictObject({
    action: z.literal('cancel'),
    kind: z.enum(RUN_KINDS),
    backups: keys,
    run,
    requestedBy,
  }),
  z.strictObject({ action: z.literal('api-keys') }),
  z.strictObject({
    action: z.literal('create-api-key'),
    key: z.strictObject({
      id: ApiKeyId,
      hash: z.string().regex(/^[0-9a-f]{64}$/),
      name: ApiKeyName,
      roles: z.array(z.enum(KEY_ROLES)).min(1),
      sources: z.array(z.string().min(1)).min(1).nullable(),
      expiresAt: z.iso.datetime().nullable(),
    }),
    requestedBy,
  }),
  z.strictObject({ action: z.literal('revoke-api-key'), id: ApiKeyId, requestedBy }),
  z.strictObject({ action: z.literal('note-api-key-use'), id: ApiKeyId }),
  /** What the admin API is about to start. */
  z.strictObject({
    action: z.enum(['create', 'verify']),
    backups: keys,
    source: source.optional(),
    run: run.optional(),
    requestedBy,
  }),
]);

/** Records decisions about backups, and requests. The admin API has no key to sign with. */
export const handler = defineFunction(
  Event,
  async (event, invocation) => {
    const { signal } = invocation;
    const repository = await invocation.repository();
    if (!('backups' in event)) return keep(repository, event, signal);
    const backups = event.backups as string[] as BackupKey[];
    const by = event.requestedBy;
    if (event.action === 'cancel') return cancel(repository, event, signal);
    if (event.action === 'accept')
      return acceptBackups(repository, backups, { reason: event.reason, by, signal });
    if (!('reason' in event)) {
      const { action, run, source } = event;
      const record = { action, by, outcome: 'begun', run, source, backups } as const;
      return { report: await writeAudit(repository, record, signal) };
    }
    const decide = event.action === 'hold' ? holdBackup : releaseBackup;
    const [key] = backups as [BackupKey];
    const { before, ...decided } = await decide(repository, key, { reason: event.reason, by, signal });
    return { ...decided, before: before ? { reason: before.reason, at: before.at.toISOString() } : null };
  },
  { signs: true },
);

type KeyEvent = Exclude<z.infer<typeof Event>, { readonly backups: unknown }>;

/** API keys: the admin API does not have the repository's key, and so cannot tell them from forged ones. */
async function keep(repository: OpenedRepository, event: KeyEvent, signal: AbortSignal): Promise<object> {
  switch (event.action) {
    case 'api-keys':
      return readApiKeys(repository, signal);
    case 'create-api-key':
      return createApiKey(repository, event.key, { by: event.requestedBy, signal });
    case 'revoke-api-key':
      return revokeApiKey(repository, event.id, { by: event.requestedBy, signal });
    case 'note-api-key-use':
      await noteApiKeyUse(repository, event.id, signal);
      return {};
  }
}

/**
 * Stops a run, wherever it runs: a backup in shares releases its snapshot and is never listed, others look
 * for the request.
 */
async function cancel(
  repository: OpenedRepository,
  event: {
    readonly kind: RunKind;
    readonly run: string;
    readonly backups: readonly string[];
    readonly requestedBy: string;
  },
  signal: AbortSignal,
): Promise<{ readonly report: string }> {
  const { kind, run, requestedBy: by } = event;
  const backups = event.backups as BackupKey[];
  const record = { action: 'cancel', by, outcome: 'begun', run, backups } as const;
  const report = await writeAudit(repository, record, signal);
  if (kind === 'backup') await abortBackup(repository, { run, reason: `cancelled by ${by}`, signal });
  // A verification is an execution, which the API stops.
  else if (kind !== 'verify') await askToCancel(repository, { run, by, signal });
  return { report };
}
