import * as z from 'zod';
import { momentRules } from '../../shared/jobs/changes/prune-changes.ts';
import { openLocks } from '../../shared/jobs/lock/lock.ts';
import { preparePrune, runPrune } from '../../shared/jobs/retention/prune.ts';
import { expireHistory } from '../../shared/jobs/runs/run-history.ts';
import { audited } from '../runtime/audit.ts';
import { requestedBy } from '../runtime/event-members.ts';
import { putEvent } from '../runtime/events.ts';
import { defineFunction } from '../runtime/function.ts';
import { repositoryIfMade } from '../runtime/repository-if-made.ts';
import { repositoryPlace } from '../runtime/settings.ts';
import { logger } from '../runtime/telemetry.ts';

const Event = z.strictObject({ dryRun: z.boolean().optional(), requestedBy: requestedBy.optional() });

/** The plan if there are no backups yet. */
const NOTHING = {
  backups: 0,
  expire: 0,
  locked: { backups: 0, packs: 0, bytes: 0 },
  blockedBy: null,
  refusal: null,
};

/** Removes what retention does not keep. */
export const handler = defineFunction(
  Event,
  async (event, invocation) => {
    const { config, signal, onProgress, id: run } = invocation;
    const isDryRun = event.dryRun === true;
    const repository = await repositoryIfMade(invocation);
    if (!repository) return { ...NOTHING, dryRun: isDryRun };
    const moments = momentRules(config.sources);
    const rules = { policy: config.retention, maxShare: config.prune.maxShare, moments };
    const locks = await openLocks(repositoryPlace(config), config.lock);
    const prepared = await preparePrune(repository, rules, { isDryRun, locks, onProgress, signal });
    const { plan } = prepared;
    for (const { key, keep, reasons } of plan.decisions)
      logger.info(keep ? 'stays' : 'goes', { backup: key, reasons });
    const planned = {
      dryRun: isDryRun,
      backups: plan.decisions.length,
      expire: plan.expire.length,
      locked: plan.locked,
      blockedBy: plan.blockedBy ?? null,
      refusal: plan.refusal?.code ?? null,
    };
    if (isDryRun) return planned;
    const audit = {
      action: 'prune',
      by: event.requestedBy ?? invocation.by,
      run,
      backups: plan.expire,
      signal,
    } as const;
    const done = await audited(repository, audit, () =>
      runPrune(repository, prepared, { onProgress, signal }),
    );
    await expireHistory(repository, signal).catch((error: unknown) =>
      logger.warn('old notes of runs stay', { error: error as Error }),
    );
    const { expired, putBack, removedPacks, freedBytes, blockedBy } = done;
    const figures = { expired: expired.length, putBack: putBack.length, removedPacks, freedBytes };
    await putEvent('Prune Finished', { run, figures, blockedBy: blockedBy ?? null });
    return { ...planned, ...figures, blockedBy: blockedBy ?? null };
  },
  { probe: 'expired' },
);
