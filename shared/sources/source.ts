import type { JsonObject } from '../core/json.ts';

export type SourceKind = 'files' | 'postgres';

/** What a kind of database can promise. The engine reads these; it never asks which kind it has. */
export interface SourceCapabilities {
  /**
   * How much of the data one backup sees at a single moment. Written into the manifest, so that a restore
   * can say what it gives back.
   *
   * - `atomic`: all of it, as at `SourceView.position`.
   * - `per-dataset`: each dataset is read in one go, two of them may differ in time.
   */
  readonly consistency: 'atomic' | 'per-dataset';
  /** How many partitions may be read at once. */
  readonly maxReaders: number;
}

export interface PartitionPlan {
  /** Stable between runs and unique in its dataset, so that partitions line up: `0003`. */
  readonly name: string;
  /** From the source's own statistics; for progress and order of work, never to check it. */
  readonly estimatedBytes: number;
}

export interface DatasetPlan {
  /** Unique in the backup, as a person would write it: `public.orders`, `public."Odd.Name"`. */
  readonly name: string;
  /** `schema` datasets are sealed with the index key and are not selected by name in a restore. */
  readonly kind: 'schema' | 'data';
  /** What the adapter needs to restore or export it: columns, types, headers. Kept in the sealed catalog. */
  readonly attributes: JsonObject;
  readonly partitions: readonly PartitionPlan[];
}

/** One consistent look at a source. Disposing of it releases transactions, connections and files. */
export interface SourceView extends AsyncDisposable {
  /** Where in the source's history this is, in the source's own words (such as a WAL position). */
  readonly position: string;
  /** Product and version, such as `PostgreSQL 18.4`. */
  readonly server: string;
  /** In a fixed order; the order of a restore is the target's business. */
  readonly datasets: readonly DatasetPlan[];
  /** What the backup leaves out, one sentence each; stored in the backup and shown. */
  readonly omitted: readonly string[];
  /**
   * Yields one partition's records as blocks of bytes in a stable order. Blocks may end anywhere, the whole
   * ends with `\n` or is empty. A block is the caller's until it asks for the next one, no longer.
   *
   * @throws E_SOURCE_* when the read is not complete; it never just ends early.
   */
  read(dataset: DatasetPlan, partition: PartitionPlan, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Called when all is read, before the backup is listed.
   *
   * @throws E_SOURCE_LOST, E_SOURCE_CHANGED where the view did not last until now
   */
  check(signal: AbortSignal): Promise<void>;
}

/** A database to back up. Constructed without I/O; `open` connects. */
export interface Source {
  readonly kind: SourceKind;
  /** What the manifest calls it, no secret in it: `postgres://db.example:5432/shop`. Chooses the parent. */
  readonly name: string;
  readonly capabilities: SourceCapabilities;
  /** @throws E_SOURCE_* */
  open(signal: AbortSignal): Promise<SourceView>;
}
