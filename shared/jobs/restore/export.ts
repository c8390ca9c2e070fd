import { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ExportFormat } from '../../sources/target.ts';
import { openS3Exports, type StoreConfig } from '../../store/open-store.ts';
import type { S3Exports } from '../../store/s3-exports.ts';
import { contentsOf } from './contents.ts';
import { exporterFor } from './transfers.ts';

/** Where prepared exports of a repository are put. Sends nothing. @throws E_CONFIG where it is in no bucket */
export async function openExports(config: StoreConfig): Promise<S3Exports> {
  const exports = await openS3Exports(config);
  if (exports) return exports;
  throw new HoldfastError('E_CONFIG', `${config.repository} is no bucket; exports are put into one`, {
    hint: 'Set HOLDFAST_REPOSITORY to s3://bucket/prefix, or use `holdfast export`.',
  });
}

/** A backup, or datasets of it, as text that other tools read. */
export async function* exportBackup(
  repository: Repository,
  key: BackupKey,
  options: {
    readonly format: ExportFormat;
    readonly datasets?: readonly string[] | undefined;
    readonly path?: string | undefined;
    /** Of a backup of several databases. */
    readonly instance?: string | undefined;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<Uint8Array> {
  const contents = contentsOf(await repository.openBackup(key, options.signal));
  const exporter = await exporterFor(contents.sourceKind);
  yield* exporter(contents, options);
}
