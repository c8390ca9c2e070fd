import * as z from 'zod';
import { pairingWarnings } from '../../shared/api/schema/pairing.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import {
  planRestore,
  type RestoreJobOptions,
  type RestoreResult,
  restoreBackup,
} from '../../shared/jobs/restore/restore.ts';
import { planRestoreToNew, restoreToNew } from '../../shared/jobs/restore/restore-to-new.ts';
import { refuseNotOffered } from '../../shared/jobs/restore/special-options.ts';
import { openScratch, openTarget } from '../../shared/jobs/source/adapters.ts';
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
import type { OpenedRepository } from '../runtime/settings.ts';

const Event = z.strictObject({
  backup: backupChoice,
  /** Name of a target in the configuration. */
  to: z.string().min(1),
  /** Name of a database to make on that target's server. */
  newDatabase: z.string().min(1).max(63).optional(),
  datasets: z.array(z.string().min(1)).min(1).optional(),
  path: z.string().min(1).optional(),
  replace: z.boolean().optional(),
  merge: z.boolean().optional(),
  resume: z.boolean().optional(),
  keepGoing: z.boolean().optional(),
  /** What only targets of its kind know. */
  options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  dryRun: z.boolean().optional(),
  requestedBy,
});

/** Restores a backup into a configured database, and compares the result with the backup. */
export const handler = defineFunction(
  Event,
  async (event, invocation) => {
    const { config, signal, onProgress, id: run } = invocation;
    const { to, newDatabase, datasets, path, replace = false, merge = false, requestedBy: by } = event;
    const { resume = false, keepGoing = false, options: special = {} } = event;
    const place = await openPlace(findTarget(to, config), signal);
    refuseNotOffered(place.config.kind, event.options);
    const repository = await invocation.repository();
    const key = await chosenBackup(repository, event.backup, signal);
    const choices = { datasets, path, replace, merge, resume, keepGoing, special, onProgress, signal };
    const work = await workAt(repository, key, { place, newDatabase });
    if (event.dryRun === true) {
      const plan = planOf(await work.plan(choices));
      const { name: source } = (await repository.readManifest(key, signal)).source;
      const names = new Map(config.sources.map(({ name }) => [name, [name]]));
      const pairing =
        newDatabase === undefined ? pairingWarnings({ name: to, location: '' }, source, names) : [];
      return { key, ...plan, warnings: [...pairing, ...plan.warnings] };
    }
    const size = await sizeOf(
      repository,
      key,
      { isPart: (datasets ?? path) !== undefined, limit: config.aws.restoreBytes, signal },
      () => work.plan(choices),
    );
    const handedOver = await handOver(size, { ...event, backup: key }, invocation);
    if (handedOver) return { key, ...handedOver };
    const details = datasets === undefined ? {} : { details: { datasets } };
    const audit = {
      action: 'restore',
      by,
      run,
      backups: [key],
      target: newDatabase ?? to,
      ...details,
      signal,
    } as const;
    const told = { run, backup: key, target: newDatabase ?? to, requestedBy: by };
    try {
      const result = await cancellable(repository, { run, signal }, (stop) =>
        audited(repository, { ...audit, signal: stop }, () => work.restore({ ...choices, signal: stop })),
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

interface RestoreWork {
  plan(choices: RestoreJobOptions): Promise<RestoreResult['plan']>;
  restore(choices: RestoreJobOptions): Promise<RestoreResult>;
}

/** What plans and restores: to the target itself, or to a database that is made on its server. */
async function workAt(
  repository: OpenedRepository,
  key: BackupKey,
  {
    place: { config, env },
    newDatabase,
  }: { readonly place: Awaited<ReturnType<typeof openPlace>>; readonly newDatabase: string | undefined },
): Promise<RestoreWork> {
  if (newDatabase === undefined) {
    const target = await openTarget(config, env);
    return {
      plan: (choices) => planRestore(repository, key, target, choices),
      restore: (choices) => restoreBackup(repository, key, target, choices),
    };
  }
  const made = { server: await openScratch(config, env), name: newDatabase };
  return {
    plan: (choices) => planRestoreToNew(repository, key, made, choices),
    restore: (choices) => restoreToNew(repository, key, made, choices),
  };
}

/** Bytes of the requested records. For a part of a backup, from the plan; a small backup needs no check. */
async function sizeOf(
  repository: OpenedRepository,
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

function planOf({ target, datasets, steps, conflicts, drops, losses = [], warnings }: RestoreResult['plan']) {
  const named = datasets.map(({ name, records, plainBytes }) => ({ name, records, plainBytes }));
  return { target, datasets: named, steps, conflicts, drops, losses, warnings };
}

function figuresOf({ records, plainBytes, restoreMs, compareMs, comparison }: RestoreResult) {
  return { records, plainBytes, restoreMs, compareMs, compared: comparison.length };
}
