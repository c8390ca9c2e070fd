import type { BackupKey } from '../core/ids.ts';
import type { Repository } from '../repository/repository.ts';
import type { ExportFormat } from '../sources/target.ts';
import { exporterFor } from './adapters.ts';
import { contentsOf } from './contents.ts';

/** A backup, or datasets of it, as text that other tools read. */
export async function* exportBackup(
  repository: Repository,
  key: BackupKey,
  options: {
    readonly format: ExportFormat;
    readonly datasets?: readonly string[] | undefined;
    readonly path?: string | undefined;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<Uint8Array> {
  const contents = contentsOf(await repository.openBackup(key, options.signal));
  const exporter = await exporterFor(contents.sourceKind);
  yield* exporter(contents, options);
}
