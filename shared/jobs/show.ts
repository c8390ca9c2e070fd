import type { BackupKey } from '../core/ids.ts';
import type { Repository } from '../repository/repository.ts';
import type { BackupSummary } from './list.ts';

export interface BackupDetail extends BackupSummary {
  readonly parent: BackupKey | undefined;
  readonly server: string;
  readonly position: string;
  readonly consistency: string;
  readonly omitted: readonly string[];
  readonly packs: number;
  readonly datasets: readonly {
    readonly name: string;
    readonly kind: 'schema' | 'data';
    readonly partitions: number;
    readonly records: number;
    readonly plainBytes: number;
    readonly chunks: number;
  }[];
}

export declare function showBackup(
  repository: Repository,
  key: BackupKey,
  signal: AbortSignal,
): Promise<BackupDetail>;
