import * as z from 'zod';
import type { ResolvedConfig } from '../../shared/config/config.ts';
import { HoldfastError } from '../../shared/core/errors.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { SECOND_MS } from '../../shared/core/units.ts';
import { runDrill } from '../../shared/jobs/drill/drill.ts';
import { type DrilledMoment, momentsOf } from '../../shared/jobs/drill/drill-moment.ts';
import { chooseBackup } from '../../shared/jobs/restore/choose-backup.ts';
import { knownKind, openScratch } from '../../shared/jobs/source/adapters.ts';
import { audited } from '../runtime/audit.ts';
import { cancellable } from '../runtime/cancellable.ts';
import { examinedDrills } from '../runtime/doctor-places.ts';
import { backupKeyMember, requestedBy, source } from '../runtime/event-members.ts';
import { putEvent } from '../runtime/events.ts';
import { defineFunction } from '../runtime/function.ts';
import { handOver } from '../runtime/hand-over.ts';
import { openPlace } from '../runtime/places.ts';
import { publishMetrics } from '../runtime/telemetry.ts';

const Event = z.strictObject({
  source,
  backup: backupKeyMember.optional(),
  /** Only the backup, although changes after it are stored. */
  noMoment: z.boolean().optional(),
  requestedBy: requestedBy.optional(),
});

/**
 * Restores a backup (by default the newest good one) into a database that it makes, and if changes are stored after it goes on to a
 * random moment, compares, and drops it.
 */
export const handler = defineFunction(
  Event,
  async (event, invocation) => {
    const { config, signal, onProgress, id: run } = invocation;
    const { source, noMoment = false } = event;
    const repository = await invocation.repository();
    const key =
      (event.backup as BackupKey | undefined) ?? (await chooseBackup(repository, 'good', { source, signal }));
    const { source: stored, totals } = await repository.readManifest(key, signal);
    const drillServer = drillPlace(stored.kind, config);
    const by = event.requestedBy ?? invocation.by;
    const handedOver = await handOver(
      totals.plainBytes,
      { source, backup: key, ...(noMoment ? { noMoment } : {}), requestedBy: by },
      invocation,
    );
    if (handedOver) return { key, ...handedOver };
    const place = await openPlace(drillServer, signal);
    const server = await openScratch(place.config, place.env);
    const audit = { action: 'drill', by, run, backups: [key], target: server.name, signal } as const;
    const result = await cancellable(repository, { run, signal }, (stop) =>
      audited(repository, { ...audit, signal: stop }, () =>
        // The role of drills may not sign.
        runDrill(repository, key, server, {
          by,
          signs: false,
          restoreMoment: noMoment ? undefined : momentsOf(stored.kind),
          onProgress,
          signal: stop,
        }),
      ),
    );
    if ('by' in result) return { key, ...result };
    const { outcome, restoreMs, compareMs, records, plainBytes, report, error } = result;
    const figures = { restoreMs, compareMs, records, plainBytes };
    if (outcome === 'equal') publishMetrics(source, { RestoreTime: restoreMs / SECOND_MS });
    await putEvent(outcome === 'equal' ? 'Drill Succeeded' : 'Drill Failed', {
      run,
      source,
      backup: key,
      outcome,
      figures,
      ...(error ? { error: { code: error.code, message: error.message } } : {}),
    });
    const moment = shownMoment(result.moment);
    return { key, outcome, ...figures, moment, report, error: error?.code ?? null };
  },
  { places: examinedDrills },
);

/** Without names of datasets, which are in the report. */
function shownMoment(moment: DrilledMoment | undefined) {
  if (!moment) return null;
  const { datasets: _, ...shown } = moment;
  return shown;
}

/** @throws E_CONFIG */
function drillPlace(kind: string, { drill }: ResolvedConfig) {
  const known = knownKind(kind);
  const server = drill[known];
  if (server) return { kind: known, ...server };
  throw new HoldfastError('E_CONFIG', `no place is configured for drills of ${kind} sources`, {
    hint: `Set drill.${kind} in holdfast.config.ts and deploy.`,
  });
}
