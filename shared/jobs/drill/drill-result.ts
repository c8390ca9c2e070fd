import type { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { SchemaComparison } from '../../sources/scratch.ts';
import type { DatasetComparison } from '../restore/compare.ts';

export interface DrillResult {
  readonly key: BackupKey;
  /**
   * - `equal`: restored, and equal to the backup in all that was compared.
   * - `different`: restored, and not equal.
   * - `failed`: not restored, or not compared to the end; `error` says why.
   */
  readonly outcome: 'equal' | 'different' | 'failed';
  /** Where it was restored, no secret in it; undefined where none could be made. */
  readonly target: string | undefined;
  /** Product and version. */
  readonly server: string | undefined;
  /** Of the restore alone, from reading the backup until the database could be used; 0 where it failed. */
  readonly restoreMs: number;
  readonly compareMs: number;
  readonly records: number;
  readonly plainBytes: number;
  readonly comparison: readonly DatasetComparison[];
  readonly schema: SchemaComparison | undefined;
  /** What was not restored as it is in the backup, or not compared; one sentence each. */
  readonly leftOut: readonly string[];
  readonly error: HoldfastError | undefined;
  /** The command that removes the scratch target, where it is still there. */
  readonly removal: string | undefined;
  /** Key of the report. */
  readonly report: string;
}
