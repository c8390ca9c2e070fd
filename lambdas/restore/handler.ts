import * as z from 'zod';
import { pairingWarnings } from '../../shared/api/schema/pairing.ts';
import type { ResolvedConfig } from '../../shared/config/config.ts';
import { refuseDoubts } from '../../shared/jobs/changes/moment-doubts.ts';
import type { RestoreResult } from '../../shared/jobs/restore/restore.ts';
import { refuseNotOffered } from '../../shared/jobs/restore/special-options.ts';
import { audited } from '../runtime/audit.ts';
import { chosenBackup } from '../runtime/backup-choice.ts';
import { cancellable } from '../runtime/cancellable.ts';
import { examinedTargets } from '../runtime/doctor-places.ts';
import { backupChoice, requestedBy, source } from '../runtime/event-members.ts';
import { putEvent } from '../runtime/events.ts';
import { defineFunction } from '../runtime/function.ts';
import { toFunctionError } from '../runtime/function-error.ts';
import { handOver } from '../runtime/hand-over.ts';
import { findTarget, openPlace } from '../runtime/places.ts';
import type { OpenedRepository } from '../runtime/settings.ts';
import { momentWork } from './moment.ts';
import { backupWork, type RestoreWork } from './work.ts';

const Asked = z.strictObject({
  backup: backupChoice.optional(),
  /** Instead of a backup: this moment of a source, or the one before a transaction. */
  source: source.optional(),
  at: z.string().min(1).max(80).optional(),
  beforeTransaction: z.string().min(1).max(200).optional(),
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
  /** Also a moment that something speaks against: `warnings` of a dry run say it. */
  despiteDoubts: z.boolean().optional(),
  dryRun: z.boolean().optional(),
  /** With `dryRun`: also counts the rows that would change at the target. */
  counts: z.boolean().optional(),
  requestedBy,
});
const Event = Asked.refine(
  ({ backup, source, at, beforeTransaction }) =>
    backup === undefined
      ? source !== undefined && (at === undefined) !== (beforeTransaction === undefined)
      : (source ?? at ?? beforeTransaction) === undefined,
  'give backup, or source with either at or beforeTransaction',
).refine(
  ({ backup, path }) => backup !== undefined || path === undefined,
  'path works for backups, not for moments',
);

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
    const choices = { datasets, path, replace, merge, resume, keepGoing, special, onProgress, signal };
    const work = await workOf(event, repository, { place, config, signal });
    const { key } = work;
    if (event.dryRun === true) return planOnly(event, work, choices, { repository, config });
    refuseDoubts(work.doubts, event.despiteDoubts === true, 'Look at it, and add "despiteDoubts": true.');
    const size = await sizeOf(
      repository,
      work,
      { isPart: (datasets ?? path) !== undefined, limit: config.aws.restoreBytes, signal },
      () => work.plan(choices),
    );
    const asked = event.backup === undefined ? event : { ...event, backup: key };
    const handedOver = await handOver(size, asked, invocation);
    if (handedOver) return { key, ...work.about, ...handedOver };
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
      const { restored, more } = result;
      const figures = restored ? figuresOf(restored) : {};
      await putEvent('Restore Finished', { ...told, outcome: 'equal', figures });
      const plan = restored ? planOf(restored.plan) : {};
      return { key, ...work.about, ...plan, ...figures, ...more, outcome: 'equal' };
    } catch (error) {
      const { name: code, message } = toFunctionError(error, signal);
      await putEvent('Restore Finished', { ...told, outcome: 'failed', error: { code, message } });
      throw error;
    }
  },
  { places: examinedTargets },
);

/** What it would do. */
async function planOnly(
  { to, newDatabase, counts = false }: z.infer<typeof Event>,
  work: RestoreWork,
  choices: Parameters<RestoreWork['plan']>[0],
  { repository, config }: { readonly repository: OpenedRepository; readonly config: ResolvedConfig },
) {
  const { signal } = choices;
  const { key, about } = work;
  const planned = await work.plan(choices);
  const plan = planOf(planned);
  const changes = counts ? { changes: await work.changes(planned, signal) } : {};
  const { name: source } = (await repository.readManifest(key, signal)).source;
  const names = new Map(config.sources.map(({ name }) => [name, [name]]));
  const pairing = newDatabase === undefined ? pairingWarnings({ name: to, location: '' }, source, names) : [];
  return { key, ...about, ...plan, ...changes, warnings: [...pairing, ...plan.warnings] };
}

/** Of the backup or the moment that an event means. */
async function workOf(
  { backup, source = '', at, beforeTransaction, newDatabase, datasets }: z.infer<typeof Event>,
  repository: OpenedRepository,
  about: Parameters<typeof momentWork>[2],
): Promise<RestoreWork> {
  if (backup === undefined)
    return momentWork(repository, { source, at, beforeTransaction, newDatabase, datasets }, about);
  const key = await chosenBackup(repository, backup, about.signal);
  return backupWork(repository, key, { place: about.place, newDatabase });
}

/** Bytes of the requested records, and of changes. For a part of a backup, from the plan; a small backup needs no check. */
async function sizeOf(
  repository: OpenedRepository,
  { key, moreBytes }: RestoreWork,
  {
    isPart,
    limit,
    signal,
  }: { readonly isPart: boolean; readonly limit: number; readonly signal: AbortSignal },
  plan: () => Promise<RestoreResult['plan']>,
): Promise<number> {
  const { plainBytes } = (await repository.readManifest(key, signal)).totals;
  if (!isPart || plainBytes < limit) return plainBytes + moreBytes;
  return (await plan()).datasets.reduce((sum, dataset) => sum + dataset.plainBytes, moreBytes);
}

function planOf({ target, datasets, steps, conflicts, drops, losses = [], warnings }: RestoreResult['plan']) {
  const named = datasets.map(({ name, records, plainBytes }) => ({ name, records, plainBytes }));
  return { target, datasets: named, steps, conflicts, drops, losses, warnings };
}

function figuresOf({ records, plainBytes, restoreMs, compareMs, comparison }: RestoreResult) {
  return { records, plainBytes, restoreMs, compareMs, compared: comparison.length };
}
