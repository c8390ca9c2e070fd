import type { BackupKey } from '../core/ids.ts';
import type { Repository } from '../repository/repository.ts';

export interface BackupSummary {
  readonly key: BackupKey;
  readonly type: string;
  readonly source: { readonly kind: string; readonly name: string };
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly note: string | undefined;
  readonly records: number;
  readonly plainBytes: number;
  /** Bytes this backup's run added to the repository. */
  readonly storedBytes: number;
  /** Bytes of all packs it needs. */
  readonly neededBytes: number;
  /** `unproven`: its MAC was not checked, as no key was configured. */
  readonly state: 'whole' | 'unproven' | 'damaged';
  readonly problem: string | undefined;
}

/** Newest first. A manifest that does not parse or whose MAC is wrong is listed as `damaged`, not hidden and not fatal. */
export declare function listBackups(
  repository: Repository,
  options: {
    readonly type?: string | undefined;
    readonly source?: string | undefined;
    readonly signal: AbortSignal;
  },
): Promise<readonly BackupSummary[]>;

/**
 * The one backup that `text` means: a whole key, any part of one that fits one backup only, `latest`, or
 * `latest:<type>`.
 *
 * @throws E_NO_BACKUP, E_AMBIGUOUS_KEY (the candidates are in the message)
 */
export declare function resolveBackupKey(
  repository: Repository,
  text: string,
  signal: AbortSignal,
): Promise<BackupKey>;
