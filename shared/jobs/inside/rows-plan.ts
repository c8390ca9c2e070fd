import type { BackupKey } from '../../core/ids.ts';
import type { StoredDataset } from '../../sources/contents.ts';
import type { Env, SourceConfig } from '../../sources/plugin.ts';
import type { OnConflict, RowsToRestore, ShownRow } from '../../sources/row-target.ts';
import type { ChosenRecords, RowChoice } from './chosen-records.ts';

/** Where rows are put back. */
export interface RowPlace {
  readonly config: SourceConfig;
  readonly env: Env;
}

/** Which rows are put back, and how. */
export interface RestoreRowsOptions {
  /** Of several datasets: all in one transaction. */
  readonly choices: readonly RowChoice[];
  /** What becomes of rows that the target has otherwise. @default 'fail' */
  readonly onConflict?: OnConflict;
  /** Name of a new table to put them into, beside their own; then of one dataset only, and nothing is removed. */
  readonly beside?: string | undefined;
  readonly signal: AbortSignal;
}

/** What is done to one dataset. */
export interface DatasetRows {
  readonly dataset: string;
  /** Columns that rows are matched by; empty beside a table. */
  readonly key: readonly string[];
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  /** Rows that the target has otherwise, and that stay so. */
  readonly kept: number;
  /** Rows that the target has as they are in the backup. */
  readonly same: number;
  /** Keys that were asked for and that the backup lacks. */
  readonly notFound: readonly ShownRow[];
}

/** What would be done, and what stands against it. */
export interface RowsPlan {
  readonly key: BackupKey;
  /** No secret in it. */
  readonly target: string;
  /** The table that the rows go into, if it is not their own. */
  readonly beside?: string;
  readonly datasets: readonly DatasetRows[];
  /** Rows that differ, constraints that would not hold: a sentence each. Not empty: nothing is written. */
  readonly violations: readonly string[];
  readonly warnings: readonly string[];
}

/** Rows of a dataset as a target takes them. */
export interface ChosenRows {
  readonly dataset: StoredDataset;
  readonly records: ChosenRecords;
  readonly rows: RowsToRestore;
  /** What was noticed while they were read. */
  readonly warnings: ReadonlySet<string>;
}
