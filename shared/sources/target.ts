import type { OnProgress } from '../core/progress.ts';
import type { BackupContents, StoredDataset } from './contents.ts';
import type { Source } from './source.ts';

/** What of a backup is restored, and how. */
export interface RestoreOptions {
  /** Names of datasets to restore; all of the backup when undefined. */
  readonly datasets?: readonly string[] | undefined;
  /** Drop objects of the same name in the target first, instead of refusing. */
  readonly replace?: boolean;
  readonly noOwner?: boolean;
  readonly noPrivileges?: boolean;
  /**
   * `none`: what a database then holds is not read back and not compared, so that nobody knows whether it is the
   * same. Folders are always compared, as they are written. @default 'all'
   */
  readonly compare?: 'all' | 'none';
  /** Partitions written at once. @default 4 */
  readonly jobs?: number;
  /** Leave out what cannot be made before the rows are written, instead of changing nothing. */
  readonly keepGoing?: boolean;
  /** What only some kinds know, by the names that the plugin of the target states: `SourcePlugin.restoreOptions`. */
  readonly special?: Readonly<Record<string, unknown>>;
  /** By name, the datasets with missing records. Only a salvage gives any: a restore is whole or fails. */
  readonly damaged?: ReadonlyMap<string, DamagedDataset>;
}

/** What a restore could not write, while it went on with the rest. */
export interface RestoreFailure {
  /** As the plan names it, such as `INDEX public.orders_by_customer`. */
  readonly object: string;
  /** Names the object too. */
  readonly message: string;
  /** Whose records are not all there for that reason. */
  readonly dataset?: string;
}

/** What is known to be missing of a dataset. */
export interface DamagedDataset {
  /** The last record of the dataset is missing. */
  readonly isEndLost: boolean;
}

/** The last step of a plan, unless nothing is compared. @param what it does first, such as `read all of it back` */
export function comparingStep(what: string, { compare }: Pick<RestoreOptions, 'compare'>): readonly string[] {
  return compare === 'none' ? [] : [`${what} and compare it with the backup`];
}

/** What a restore would do. Printed by `--dry-run`, and carried out as it is. */
export interface RestorePlan {
  /** No secret in it. */
  readonly target: string;
  readonly datasets: readonly StoredDataset[];
  /** Those of them that the target must hold exactly afterwards. */
  readonly compare: readonly StoredDataset[];
  /** One line a step, in order, for people. */
  readonly steps: readonly string[];
  /** Objects in the way, as the target names them. Not empty: `restore` refuses unless `replace`. */
  readonly conflicts: readonly string[];
  /** What `replace` will drop, in order. */
  readonly drops: readonly string[];
  /** What goes with those, as it depends on them, and is made again from the backup. @default nothing */
  readonly rebuilds?: readonly string[];
  /** What goes with those and does not come back, as the backup lacks it. @default nothing */
  readonly losses?: readonly string[];
  readonly warnings: readonly string[];
  /** What is written are files that hold the data as it is, for their owner alone. */
  readonly isPlain?: boolean;
  /**
   * What is compared with what afterwards, if it is not the datasets as they are in the backup with
   * `asSource()`.
   */
  readonly comparison?: { readonly contents: BackupContents; readonly source: Source };
  /** What to do if it breaks off. @default start again with `--replace` */
  readonly goOn?: string;
}

/**
 * Where a restore writes. Constructed without I/O. `test/contract/target.contract.ts` asks every kind of
 * target for the promises of this file.
 */
export interface Target {
  readonly kind: string;
  /** No secret in it. */
  readonly name: string;
  /** Whether `restore` itself reads all of it back and compares; otherwise its caller does. */
  readonly comparesItself: boolean;
  /** Which options it knows, of `keepGoing` and those that plugins state. @default none */
  readonly specialOptions?: readonly string[];
  /**
   * Reads the target, writes nothing. Names all that is in the way, and all that `replace` would remove.
   *
   * @throws E_SOURCE_*, E_ABORTED, E_NO_DATASET for a name that the backup lacks
   */
  plan(contents: BackupContents, options: RestoreOptions, signal: AbortSignal): Promise<RestorePlan>;
  /**
   * Carries the plan out: all of it, or fails. Checks again before it writes: what came after the plan is in
   * the way too. What is not of the chosen datasets is left alone, save what the plan's `drops` name. Done
   * again with `replace`, also after a failure, it comes to the same.
   *
   * @param options.onFailure called for each object that could not be written if the target can go on;
   * without it, the
   *   first of them is thrown
   * @throws E_TARGET_NOT_EMPTY when there are conflicts and no `replace`; nothing was changed then.
   * E_RESTORE_DIFFERS
   * if it compares. E_DAMAGED, E_SOURCE_*, E_TARGET_FULL, E_ABORTED: a part of it may be written. Nothing is
   *   left open.
   */
  restore(
    contents: BackupContents,
    plan: RestorePlan,
    options: RestoreOptions & {
      readonly onProgress: OnProgress;
      readonly onFailure?: (failure: RestoreFailure) => void;
      readonly signal: AbortSignal;
    },
  ): Promise<void>;
  /**
   * The same place as a source, to compare what was restored: a record that differs, is missing or too many shows. Its
   * records have their columns in the order of these datasets, whatever order the target has them in.
   */
  asSource(like: readonly StoredDataset[]): Source;
}

/** A form that backups are exported in. */
export type ExportFormat = 'sql' | 'csv' | 'json' | 'ndjson';

/**
 * Turns a backup into text that other tools read, as a stream.
 *
 * @throws E_USAGE if the kind has no such format, or `csv`/`ndjson` is asked for several datasets at once.
 */
export type Exporter = (
  contents: BackupContents,
  options: {
    readonly format: ExportFormat;
    readonly datasets?: readonly string[] | undefined;
    /** As those of restores. */
    readonly special?: Readonly<Record<string, unknown>>;
    readonly signal: AbortSignal;
  },
) => AsyncIterable<Uint8Array>;
