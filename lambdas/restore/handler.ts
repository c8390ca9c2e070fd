import * as z from 'zod';
import type { BackupKey } from '../../shared/core/ids.ts';
import { openTarget } from '../../shared/jobs/adapters.ts';
import { planRestore, type RestoreResult, restoreBackup } from '../../shared/jobs/restore.ts';
import { audited } from '../runtime/audit.ts';
import { chosenBackup } from '../runtime/backup-choice.ts';
import { cancellable } from '../runtime/cancellable.ts';
import { examinedTargets } from '../runtime/doctor-places.ts';
import { backupChoice, requestedBy } from '../runtime/event-members.ts';
import { putEvent } from '../runtime/events.ts';
import { defineFunction } from '../runtime/function.ts';
import { toFunctionError } from '../runtime/function-error.ts';
import { handOver } from '../runtime/hand-over.ts';
import { findTarget, openPlace } from '../runtime/places.ts';
import type { Repository } from '../runtime/settings.ts';

const Event = z.strictObject({
  backup: backupChoice,
  /** Name of a target of the configuration. */
  to: z.string().min(1),
  datasets: z.array(z.string().min(1)).min(1).optional(),
  path: z.string().min(1).optional(),
  replace: z.boolean().optional(),
  merge: z.boolean().optional(),
  dryRun: z.boolean().optional(),
  requestedBy,
});

/** Restores a backup into a database of the configuration, and compares what is there then with the backup. */
export const handler = defineFunction(
  Event,
  async (event, invocation) => {
    const { config, signal, onProgress, id: run } = invocation;
    const { to, datasets, path, replace = false, merge = false, requestedBy: by } = event;
    const place = await openPlace(findTarget(to, config), signal);
    const target = await openTarget(place.config, place.env);
    const repository = await invocation.repository();
    const key = await chosenBackup(repository, event.backup, signal);
    const choices = { datasets, path, replace, merge, onProgress, signal };
    if (event.dryRun === true) {
      const plan = await planRestore(repository, key, target, choices);
      return { key, ...planOf(plan) };
    }
    const size = await sizeOf(
      repository,
      key,
      { isPart: (datasets ?? path) !== undefined, limit: config.aws.restoreBytes, signal },
      () => planRestore(repository, key, target, choices),
    );
    const handedOver = await handOver(size, { ...event, backup: key }, invocation);
    if (handedOver) return { key, ...handedOver };
    const details = datasets === undefined ? {} : { details: { datasets } };
    const audit = { action: 'restore', by, run, backups: [key], target: to, ...details, signal } as const;
    const told = { run, backup: key, target: to, requestedBy: by };
    try {
      const result = await cancellable(repository, { run, signal }, (stop) =>
        audited(repository, { ...audit, signal: stop }, () =>
          restoreBackup(repository, key, target, { ...choices, signal: stop }),
        ),
      );
      if ('by' in result) {
        const error = { code: 'E_ABORTED', message: `cancelled by ${result.by}` };
        await putEvent('Restore Finished', { ...told, outcome: 'failed', error });
        return { key, ...result };
      }
      const figures = figuresOf(result);
      await putEvent('Restore Finished', { ...told, outcome: 'equal', figures });
      return { key, ...planOf(result.plan), ...figures, outcome: 'equal' };
    } catch (error) {
      const { name: code, message } = toFunctionError(error, signal);
      await putEvent('Restore Finished', { ...told, outcome: 'failed', error: { code, message } });
      throw error;
    }
  },
  { places: examinedTargets },
);

/** Bytes of the records that are asked for. Of a part, as the plan says; of a small backup it is not asked. */
async function sizeOf(
  repository: Repository,
  key: BackupKey,
  {
    isPart,
    limit,
    signal,
  }: { readonly isPart: boolean; readonly limit: number; readonly signal: AbortSignal },
  plan: () => Promise<RestoreResult['plan']>,
): Promise<number> {
  const { plainBytes } = (await repository.readManifest(key, signal)).totals;
  if (!isPart || plainBytes < limit) return plainBytes;
  return (await plan()).datasets.reduce((sum, dataset) => sum + dataset.plainBytes, 0);
}

function planOf({ target, datasets, steps, conflicts, drops, warnings }: RestoreResult['plan']) {
  const named = datasets.map(({ name, records, plainBytes }) => ({ name, records, plainBytes }));
  return { target, datasets: named, steps, conflicts, drops, warnings };
}

function figuresOf({ records, plainBytes, restoreMs, compareMs, comparison }: RestoreResult) {
  return { records, plainBytes, restoreMs, compareMs, compared: comparison.length };
}
