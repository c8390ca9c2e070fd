import type { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { SchemaComparison } from '../../sources/scratch.ts';
import type { DatasetComparison } from '../restore/compare.ts';
import type { DrilledMoment } from './drill-moment.ts';

/** What came of a drill. That it failed is an outcome, not an error. */
export interface DrillResult {
  readonly key: BackupKey;
  /**
   * - `equal`: restored, and equal to the backup in everything that was compared.
   * - `different`: restored, but not equal.
   * - `failed`: not restored, or not fully compared; `error` says why.
   */
  readonly outcome: 'equal' | 'different' | 'failed';
  /** Where it was restored, without secrets; undefined if no target could be made. */
  readonly target: string | undefined;
  /** Product and version. */
  readonly server: string | undefined;
  /** Time of the restore alone, from reading the backup until the database could be used; 0 if it failed. */
  readonly restoreMs: number;
  readonly compareMs: number;
  readonly records: number;
  readonly plainBytes: number;
  readonly comparison: readonly DatasetComparison[];
  readonly schema: SchemaComparison | undefined;
  /** What came of the moment that was restored after the backup; undefined if none was. */
  readonly moment: DrilledMoment | undefined;
  /** What was not restored as in the backup, or not compared; one sentence each. */
  readonly leftOut: readonly string[];
  readonly error: HoldfastError | undefined;
  /** The command that removes the scratch target, if it still exists. */
  readonly removal: string | undefined;
  /** Path of the report. */
  readonly report: string;
}
