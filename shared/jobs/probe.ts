import type { BackupKey } from '../core/ids.ts';
import type { Repository } from '../repository/repository.ts';

export interface ProbeResult {
  readonly key: BackupKey;
  readonly records: number;
  readonly plainBytes: number;
  readonly storedBytes: number;
  /** One sentence for each thing that was shown to work. */
  readonly proved: readonly string[];
}

/** `holdfast test`: a real backup (type `probe`), full verify and restore of generated records, then removed again. */
export declare function runProbe(repository: Repository, signal: AbortSignal): Promise<ProbeResult>;
