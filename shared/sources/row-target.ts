import type { StoredDataset } from './contents.ts';

/** What becomes of a row that is there already and differs: it stays, it becomes as in the backup, or nothing at all is done. */
export type OnConflict = 'skip' | 'replace' | 'fail';

/** A row as people see it: values as the database writes them, by the names of the columns; null for NULL. */
export type ShownRow = Readonly<Record<string, string | null>>;

/** Rows of one dataset that are to be put back. */
export interface RowsToRestore {
  readonly dataset: StoredDataset;
  /** Names of the key's columns as the backup has them; empty if rows have no key. */
  readonly key: readonly string[];
  /** The chosen records of the backup, whole, in blocks that are the consumer's to keep. */
  records(): AsyncIterable<Uint8Array>;
  /** Rows to remove from the target: what they were when somebody chose them, their keys at least. */
  readonly removals: readonly ShownRow[];
}

/** How the chosen rows of a dataset stand to those of the target, by its key. */
export interface StagedRows {
  readonly dataset: string;
  /** Columns of the key that rows are matched by: the target's. */
  readonly key: readonly string[];
  /** Rows that the target lacks. */
  readonly missing: number;
  /** Rows that the target has, and otherwise. */
  readonly different: number;
  /** Rows that the target has as they are. */
  readonly same: number;
  /** Of the rows to remove: those that are as they were chosen. */
  readonly removable: number;
  /** Of the rows to remove: those that changed since. */
  readonly removableDifferent: number;
  /** Keys of some rows that differ, for people. */
  readonly differentKeys: readonly string[];
  /** Of the table: they will fire. */
  readonly triggers: readonly string[];
  readonly warnings: readonly string[];
}

/** How rows stand to those of the target, by its key. */
export type RowsStanding = Readonly<Record<'missing' | 'different' | 'same', StandingRows>>;

/** Some rows. */
export interface StandingRows {
  readonly count: number;
  /** Keys of the first of them, for people. */
  readonly keys: readonly string[];
}

/** A transaction in a target. What is not committed is undone when it is disposed of. */
export interface RowSession extends AsyncDisposable {
  /**
   * Brings rows to the server, beside the table, and compares them with it.
   *
   * @throws E_ROWS_REFUSED if the target lacks the table, or a key to match rows by; E_SOURCE_*, E_ABORTED
   */
  stage(rows: RowsToRestore): Promise<StagedRows>;
  /** Compares rows with the target as `stage` does; they are not written. @throws as `stage` */
  compare(rows: RowsToRestore): Promise<RowsStanding>;
  /** What would stand against writing what is staged: constraint, keys, what to do, a sentence each. */
  violations(onConflict: OnConflict): Promise<readonly string[]>;
  /** Writes all that is staged. @throws E_ROWS_REFUSED if a constraint says no, E_SOURCE_CHANGED if others wrote the same rows */
  write(onConflict: OnConflict): Promise<void>;
  /** Reads back what was written: keys of rows that are not as they should be. */
  unequal(onConflict: OnConflict): Promise<readonly string[]>;
  commit(): Promise<void>;
}

/** A database that single rows are put back into. Constructed without I/O. */
export interface RowTarget {
  readonly kind: string;
  /** No secret in it. */
  readonly name: string;
  /** Begins a transaction. @throws E_SOURCE_*, E_ABORTED */
  open(options: { readonly isDryRun: boolean; readonly signal: AbortSignal }): Promise<RowSession>;
  /**
   * Makes a table of that name beside that of the dataset, with its columns and key and nothing else, and writes the rows into it:
   * all of them, or nothing is made.
   *
   * @param options.isDryRun only looks whether it could
   * @returns the table as a dataset, to read it back by
   * @throws E_TARGET_NOT_EMPTY if it is there, E_SOURCE_*, E_ABORTED
   */
  writeBeside(
    rows: RowsToRestore,
    options: { readonly table: string; readonly isDryRun: boolean; readonly signal: AbortSignal },
  ): Promise<StoredDataset>;
}
