import type { BackupKey } from '../core/ids.ts';
import type { OnProgress } from '../core/progress.ts';
import type { Repository } from '../repository/repository.ts';
import type { Source } from '../sources/source.ts';

export interface BackupOptions {
  /** @default 'manual' */
  readonly type?: string;
  readonly note?: string;
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

export interface BackupResult {
  readonly key: BackupKey;
  readonly type: string;
  readonly source: { readonly kind: string; readonly name: string };
  readonly parent: BackupKey | undefined;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly datasets: number;
  readonly records: number;
  readonly chunks: number;
  readonly newChunks: number;
  /** Bytes of records read from the source. */
  readonly plainBytes: number;
  /** Bytes of objects this run put into the store, manifest included. */
  readonly storedBytes: number;
  readonly omitted: readonly string[];
}

export declare function runBackup(
  repository: Repository,
  source: Source,
  options: BackupOptions,
): Promise<BackupResult>;
