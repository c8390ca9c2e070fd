import * as z from 'zod';
import { fileNameOf } from '../../shared/api/server/file-name.ts';
import { exportBackup, openExports } from '../../shared/jobs/restore/export.ts';
import { defaultFormat } from '../../shared/jobs/restore/transfers.ts';
import { audited } from '../runtime/audit.ts';
import { chosenBackup } from '../runtime/backup-choice.ts';
import { cancellable } from '../runtime/cancellable.ts';
import { backupChoice, requestedBy } from '../runtime/event-members.ts';
import { defineFunction } from '../runtime/function.ts';

const Event = z.strictObject({
  backup: backupChoice,
  dataset: z.string().min(1).optional(),
  format: z.enum(['sql', 'csv', 'json', 'ndjson']).optional(),
  requestedBy,
});

/**
 * Writes a backup, or one of its datasets, as plain text under `exports/`, where a link can be made to it for
 * a while.
 */
export const handler = defineFunction(Event, async (event, invocation) => {
  const { config, signal, id: run } = invocation;
  const repository = await invocation.repository();
  const key = await chosenBackup(repository, event.backup, signal);
  const { kind } = (await repository.readManifest(key, signal)).source;
  const format = event.format ?? defaultFormat(kind);
  const datasets = event.dataset === undefined ? undefined : [event.dataset];
  const exports = await openExports({ ...config, repository: repository.store.location });
  const fileName = fileNameOf(key, { dataset: undefined, format });
  const file = exports.keyOf(run, fileName);
  const details = datasets === undefined ? {} : { details: { datasets } };
  const audit = { action: 'export', by: event.requestedBy, run, backups: [key], target: file } as const;
  const bytes = await cancellable(repository, { run, signal }, (stop) =>
    audited(repository, { ...audit, ...details, signal: stop }, () =>
      exports.put(run, fileName, exportBackup(repository, key, { format, datasets, signal: stop }), stop),
    ),
  );
  return typeof bytes === 'number' ? { key: file, bytes } : { key, ...bytes };
});
