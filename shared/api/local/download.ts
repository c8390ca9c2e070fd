import { Buffer } from 'node:buffer';
import type { FileFormat } from '../../core/export-types.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import { exportBackup } from '../../jobs/restore/export.ts';
import { defaultFormat } from '../../jobs/restore/transfers.ts';
import { showBackup } from '../../jobs/status/show.ts';
import type { DownloadLink, DownloadQuery } from '../schema/runs.ts';
import { ApiError } from '../server/api-error.ts';
import type { Call, Download } from '../server/backend.ts';
import { fileNameOf } from '../server/file-name.ts';
import type { LocalBackendOptions } from './options.ts';

interface Asked {
  readonly key: BackupKey;
  readonly query: DownloadQuery;
  readonly call: Call;
  readonly audit: (record: {
    readonly backups: readonly BackupKey[];
    readonly details?: JsonObject | undefined;
  }) => Promise<string>;
}

/**
 * An export: small ones, and all in a store without links, are streamed; others need a run, and a link to its
 * result.
 */
export async function downloadOf(options: LocalBackendOptions, asked: Asked): Promise<Download> {
  const { key, query, call, audit } = asked;
  const { dataset, prepared } = query;
  const { repository, streamBytes, links, tracker } = options;
  const record = { backups: [key], details: dataset === undefined ? undefined : { datasets: [dataset] } };
  if (prepared !== undefined) {
    const link = await linkTo(options, prepared, key);
    await audit(record);
    return { kind: 'link', link };
  }
  const { source, datasets } = await showBackup(repository, key, call.signal);
  const wanted = datasets.filter(({ name, kind }) => kind === 'data' && (dataset ?? name) === name);
  if (dataset !== undefined && wanted.length === 0) throw noDataset();
  const format = query.format ?? defaultFormat(source.kind);
  const fileName = fileNameOf(key, { dataset, format });
  const bytes = wanted.reduce((sum, { plainBytes }) => sum + plainBytes, 0);
  const isSmall = links === undefined || bytes <= streamBytes;
  if (!isSmall) tracker.refuseBusy('export', {});
  if (isSmall) {
    const body = await begun(exported(options, { key, dataset, format, signal: call.signal }));
    await audit(record);
    return { kind: 'stream', fileName, format, body };
  }
  await audit(record);
  const run = tracker.begin('export', { by: call.caller.name, backup: key }, async ({ id, signal }) => {
    const made = exported(options, { key, dataset, format, signal });
    return { backup: key, result: { fileName, bytes: await links.put(id, fileName, made, signal) } };
  });
  return { kind: 'run', started: { run } };
}

function exported(
  { repository }: LocalBackendOptions,
  asked: {
    readonly key: BackupKey;
    readonly dataset: string | undefined;
    readonly format: FileFormat;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<Uint8Array> {
  const { key, dataset, format, signal } = asked;
  return exportBackup(repository, key, {
    format,
    datasets: dataset === undefined ? undefined : [dataset],
    signal,
  });
}

/** The same stream once its first block exists: a bad request gets an error response, not a broken file. */
async function begun(stream: AsyncGenerator<Uint8Array>): Promise<AsyncGenerator<Uint8Array>> {
  const first = await stream.next();
  return (async function* () {
    if (first.done) return;
    yield Buffer.from(first.value);
    yield* stream;
  })();
}

async function linkTo(
  { tracker, links }: LocalBackendOptions,
  id: string,
  key: BackupKey,
): Promise<DownloadLink> {
  const { kind, state, backup, result } = tracker.get(id);
  const fileName = result?.['fileName'];
  const bytes = result?.['bytes'];
  if (
    kind !== 'export' ||
    backup !== key ||
    !links ||
    typeof fileName !== 'string' ||
    typeof bytes !== 'number'
  ) {
    const problem = state === 'running' ? 'has not finished yet' : 'is not a run that prepared this backup';
    throw new ApiError('E_BAD_REQUEST', `prepared: ${problem}`, { fields: [{ field: 'prepared', problem }] });
  }
  return { ...(await links.link(id, fileName)), fileName, bytes };
}

function noDataset(): ApiError {
  return new ApiError('E_NO_DATASET', 'the backup has no such dataset', {
    hint: 'GET /backups/{key} lists them.',
  });
}
