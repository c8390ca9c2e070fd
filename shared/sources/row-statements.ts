import type { BackupContents, StoredDataset } from './contents.ts';
import type { Fields, RowColumn } from './rows.ts';

/** Statements that change single rows of a table. Fields are literals of SQL (`ValueForm`), null for NULL. */
export interface TableStatements {
  add(row: Fields): string;
  /** Of rows without a key: exactly one of those that hold the same. */
  remove(row: Fields): string;
  /** Only of rows with a key, which stays. */
  change(before: Fields, after: Fields): string;
}

/** A table whose rows are to change. */
export interface TableToChange {
  readonly dataset: StoredDataset;
  readonly columns: readonly RowColumn[];
  /** Places of the key's columns; empty if rows are told apart by all that they hold. */
  readonly key: readonly number[];
}

/** Writes a script for the kind's own client that changes rows of a database, in one transaction. */
export interface RowStatements {
  /**
   * Names of datasets in the order in which their rows can be removed and changed: what refers to others before these. Rows are
   * added in the opposite order.
   */
  inOrder(names: readonly string[]): readonly string[];
  /** Whether rows of the dataset may refer to each other: they are then changed before any is removed. */
  refersToItself(name: string): boolean;
  /** The settings on which literals depend, and the beginning of the transaction. @param names of datasets whose rows change */
  head(names: readonly string[]): string;
  tail(names: readonly string[]): string;
  /** A sentence if its rows cannot be written so. */
  table(table: TableToChange): TableStatements | string;
}

/** @param contents of the database that the script is for, as it is before @throws E_DAMAGED, E_SOURCE_* */
export type RowStatementsOf = (contents: BackupContents, signal: AbortSignal) => Promise<RowStatements>;
