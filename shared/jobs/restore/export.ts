import { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { Repository } from '../../repository/repository.ts';
import type { SpecialRestoreOptions } from '../../sources/registry.ts';
import type { ExportFormat, RestoreOptions } from '../../sources/target.ts';
import { openS3Exports, type StoreConfig } from '../../store/open-store.ts';
import type { S3Exports } from '../../store/s3-exports.ts';
import { contentsOf } from './contents.ts';
import { refuseUnknownOfExport, withSpecial } from './special-options.ts';
import { exporterFor } from './transfers.ts';

/**
 * Where prepared exports of a repository are put. Sends nothing. @throws E_CONFIG if it is not in a bucket
 */
export async function openExports(config: StoreConfig): Promise<S3Exports> {
  const exports = await openS3Exports(config);
  if (exports) return exports;
  throw new HoldfastError('E_CONFIG', `${config.repository} is not a bucket; exports are put into one`, {
    hint: 'Set HOLDFAST_REPOSITORY to s3://bucket/prefix, or use `holdfast export`.',
  });
}

/** What is exported, and as what. */
export interface ExportOptions extends SpecialRestoreOptions, Pick<RestoreOptions, 'special'> {
  readonly format: ExportFormat;
  readonly datasets?: readonly string[] | undefined;
  readonly signal: AbortSignal;
}

/** A backup, or some of its datasets, as text that other tools read. */
export async function* exportBackup(
  repository: Repository,
  key: BackupKey,
  options: ExportOptions,
): AsyncGenerator<Uint8Array> {
  const contents = contentsOf(await repository.openBackup(key, options.signal));
  const exporter = await exporterFor(contents.sourceKind);
  const choice = withSpecial(options);
  refuseUnknownOfExport(contents.sourceKind, choice);
  yield* exporter(contents, choice);
}
