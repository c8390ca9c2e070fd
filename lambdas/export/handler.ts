import * as z from 'zod';
import { HoldfastError } from '../../shared/core/errors.ts';
import { exportBackup } from '../../shared/jobs/export.ts';
import { audited } from '../runtime/audit.ts';
import { chosenBackup } from '../runtime/backup-choice.ts';
import { backupChoice, requestedBy } from '../runtime/event-members.ts';
import { defineFunction } from '../runtime/function.ts';
import { upload } from './upload.ts';

const TYPES = {
  sql: 'application/sql',
  csv: 'text/csv',
  json: 'application/json',
  ndjson: 'application/x-ndjson',
};

const Event = z.strictObject({
  backup: backupChoice,
  dataset: z.string().min(1).optional(),
  format: z.enum(['sql', 'csv', 'json', 'ndjson']).optional(),
  requestedBy,
});

/** Writes a backup, or a dataset of it, as plain text under `exports/`, where a link can be made to it for a while. */
export const handler = defineFunction(Event, async (event, invocation) => {
  const { config, signal, id: run } = invocation;
  const repository = await invocation.repository();
  const key = await chosenBackup(repository, event.backup, signal);
  const { kind } = (await repository.readManifest(key, signal)).source;
  const format = event.format ?? (kind === 'firebase-rtdb' ? 'json' : 'sql');
  const datasets = event.dataset === undefined ? undefined : [event.dataset];
  const stem = key.slice(key.lastIndexOf('/') + 1, -'.json'.length);
  const file = `exports/${run}/${stem}.${format}`;
  const { bucket, prefix } = placeOf(repository.store.location);
  const { endpoint, region } = config.s3;
  const place = { bucket, key: prefix + file, contentType: TYPES[format], endpoint, region };
  const details = datasets === undefined ? {} : { details: { datasets } };
  const audit = { action: 'export', by: event.requestedBy, run, backups: [key], target: file } as const;
  const bytes = await audited(repository, { ...audit, ...details, signal }, () =>
    upload(exportBackup(repository, key, { format, datasets, signal }), place, signal),
  );
  return { key: file, bytes };
});

/** @throws E_CONFIG where the repository is in no bucket */
function placeOf(location: string): { readonly bucket: string; readonly prefix: string } {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)(?:\/(.+))?$/.exec(location) ?? [];
  if (bucket !== undefined) return { bucket, prefix: prefix === '' ? '' : `${prefix}/` };
  throw new HoldfastError('E_CONFIG', `${location} is no bucket; exports are put into one`, {
    hint: 'Set HOLDFAST_REPOSITORY to s3://bucket/prefix, or use `holdfast export`.',
  });
}
