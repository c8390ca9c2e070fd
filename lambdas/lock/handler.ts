import * as z from 'zod';
import { HoldfastError } from '../../shared/core/errors.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { momentRules } from '../../shared/jobs/changes/prune-changes.ts';
import { lockBackups, lockProblem, openLocks } from '../../shared/jobs/lock/lock.ts';
import { backupKeyMember } from '../runtime/event-members.ts';
import { defineFunction } from '../runtime/function.ts';
import { repositoryPlace } from '../runtime/settings.ts';
import { logger } from '../runtime/telemetry.ts';

const Event = z.strictObject({ backup: backupKeyMember.optional(), dryRun: z.boolean().optional() });

/** Locks what one backup needs, or everything that retention keeps. Needs no key. */
export const handler = defineFunction(Event, async (event, invocation) => {
  const { config, signal, onProgress } = invocation;
  const { lock, retention: policy } = config;
  const locks = await openLocks(repositoryPlace(config), lock);
  if (!lock || !locks)
    throw new HoldfastError('E_CONFIG', 'lock is not configured, so there is nothing to lock', {
      hint: 'Set aws.storage.objectLock, or lock, and deploy.',
    });
  const repository = await invocation.repository({ withKey: false });
  const only = event.backup as BackupKey | undefined;
  const isDryRun = event.dryRun === true;
  const moments = momentRules(config.sources);
  const options = { lock, policy, moments, only, isDryRun, onProgress, signal };
  const result = await lockBackups(repository, locks, options);
  const { backups, objects, extended, held, weaker, missing, unread } = result;
  for (const { backup, until } of backups) logger.info('locked', { backup, until: until?.toISOString() });
  for (const object of [...missing, ...unread]) logger.error('cannot be locked', { object });
  const problem = lockProblem(result);
  if (problem) throw problem;
  return {
    backups: backups.length,
    objects,
    extended,
    held,
    weaker,
    dryRun: isDryRun,
    until: backups[0]?.until?.toISOString() ?? null,
  };
});
