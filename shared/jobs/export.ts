import type { BackupKey } from '../core/ids.ts';
import type { Repository } from '../repository/repository.ts';
import type { ExportFormat } from '../sources/target.ts';

export declare function exportBackup(
  repository: Repository,
  key: BackupKey,
  options: {
    readonly format: ExportFormat;
    readonly datasets?: readonly string[] | undefined;
    readonly signal: AbortSignal;
  },
): AsyncIterable<Uint8Array>;
