import type { Repository } from '../repository/repository.ts';
import type { BackupSummary } from './list.ts';

export interface RepositoryStatus {
  readonly location: string;
  readonly repositoryId: string;
  readonly formatVersion: number;
  readonly rootKeyId: string;
  readonly backups: number;
  readonly damaged: number;
  /** Newest whole backup of each source and type. */
  readonly newest: readonly BackupSummary[];
  /** Sum over all backups of what a restore of each would give. */
  readonly logicalBytes: number;
  /** Bytes of all objects under `data/`. */
  readonly packBytes: number;
  readonly packs: number;
  /** Bytes of packs that no listed backup needs: left by stopped runs, or of removed backups. */
  readonly unreferencedBytes: number;
}

export declare function readStatus(repository: Repository, signal: AbortSignal): Promise<RepositoryStatus>;
