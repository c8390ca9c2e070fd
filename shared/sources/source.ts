import type { JsonObject } from '../core/json.ts';
import type { ChangeJoin } from './changes.ts';
import type { BackupContents } from './contents.ts';

/** What a backup of a source is consistent in. */
export type Consistency = 'atomic' | 'per-dataset' | 'per-subtree';

/**
 * What a kind of database can promise. The engine reads these; it never asks which kind it has. That they are true is
 * checked: `test/contract/source.contract.ts` asks every kind of source for every promise of this file.
 */
export interface SourceCapabilities {
  /**
   * How much of the data one backup sees at a single moment. Written into the manifest, so that a restore
   * can say what it gives back.
   *
   * - `atomic`: all of it, as at `SourceView.position`.
   * - `per-dataset`: each dataset is read in one go, two of them may differ in time.
   * - `per-subtree`: what one request brought is of one moment; all lies within `SourceView.window`.
   */
  readonly consistency: Consistency;
  /** How many partitions may be read at once, one at least. What is read beside others is what is read alone. */
  readonly maxReaders: number;
  /** Its views have a join if stored changes are to be applied to the backup. @default false */
  readonly joinsChanges?: boolean;
}

/** A partition as it is planned. */
export interface PartitionPlan {
  /** Stable between runs and unique in its dataset, so that partitions line up: `0003`. A dataset has one at least. */
  readonly name: string;
  /** From the source's own statistics; for progress and order of work, never to check it. */
  readonly estimatedBytes: number;
  /** Its records are, byte for byte, those that the parent has of the same partition: it need not be read. */
  readonly sameAsParent?: boolean;
}

/** A dataset as it is planned. */
export interface DatasetPlan {
  /** Unique in the backup, as a person would write it: `public.orders`, `public."Odd.Name"`. Never normalised. */
  readonly name: string;
  /** `schema` datasets are sealed with the index key and are not selected by name in a restore. */
  readonly kind: 'schema' | 'data';
  /** What the adapter needs to restore or export it: columns, types, headers. Kept in the sealed catalog. */
  readonly attributes: JsonObject;
  readonly partitions: readonly PartitionPlan[];
  /** It says something of the other datasets, known only when those are read: it is read after them. */
  readonly readLast?: boolean;
}

/** What reading took, of a source that bills by the byte. */
export interface ReadingCost {
  readonly requests: number;
  /** Headers and bodies of answers, before TLS. */
  readonly readBytes: number;
  /** Records that are in the backup and were not read. */
  readonly skippedBytes: number;
  /** Of what was read, at the price that is assumed. */
  readonly usd: number;
  readonly usdPerGB: number;
}

/**
 * One consistent look at a source. All that it needs to be read is there until it is disposed of: that releases
 * transactions, connections and files, also after a failure, a stop or half a read, and may be done twice. A read that
 * is under way then fails, or gives all of it.
 */
export interface SourceView extends AsyncDisposable {
  /** Where in the source's history this is, in the source's own words (such as a WAL position). */
  readonly position: string;
  /** Product and version, such as `PostgreSQL 18.4`. */
  readonly server: string;
  /**
   * Everything that the source holds, in a fixed order; the order of a restore is the target's business. What may not
   * be read is refused, never left out.
   */
  readonly datasets: readonly DatasetPlan[];
  /** What the backup leaves out, one sentence each; stored in the backup and shown. */
  readonly omitted: readonly string[];
  /** Where it stands in the source's stream of changes, if it was opened with `isBase` and could be brought there. */
  readonly join?: ChangeJoin | undefined;
  /** What is true of this snapshot, if it is more than the source promises; known after `check`. */
  readonly consistency?: Consistency;
  /** First and last moment at which something was read, of a source without snapshots. */
  readonly window?: { readonly from: Date; readonly to: Date } | undefined;
  readonly cost?: ReadingCost;
  /**
   * What `ViewSharing.join` needs, if the view can be shared. Not secret, and useless once this snapshot is
   * disposed of.
   */
  readonly handle?: JsonObject | undefined;
  /** How many processes may join at most, of a view that is gathered. @default any number */
  readonly mostShares?: number | undefined;
  /**
   * Of a view that is opened for others and is gathered: waits until as many processes as there are shares call `join`, and
   * brings them to one moment. Afterwards each of them stands alone, and this view is of no more use.
   *
   * @throws E_SOURCE_*, E_ABORTED; then nobody has joined
   */
  gather?(
    shares: number,
    options: { readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<Gathered>;
  /**
   * Yields one partition's records as blocks of bytes: the same data gives the same bytes, with or without a parent.
   * Blocks may end anywhere, the whole ends with `\n` or is empty. A block is the caller's until it asks for the next
   * one, no longer.
   *
   * A dataset that changes or goes meanwhile is given as the consistency says, or fails.
   *
   * @throws E_SOURCE_* when the read is not complete; it never just ends early. E_ABORTED soon after the signal, also
   *   while the database says nothing
   */
  read(dataset: DatasetPlan, partition: PartitionPlan, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Of a source without snapshots, called when all is read: partitions that changed while they were read and are to be
   * read again. Empty when it is not worth going on.
   */
  changed?(signal: AbortSignal): Promise<readonly ChangedPartition[]>;
  /**
   * Called when all is read, before the backup is listed.
   *
   * @throws E_SOURCE_LOST, E_SOURCE_CHANGED if the view did not last until now
   */
  check(signal: AbortSignal): Promise<void>;
}

/** Where in the source's history all shares are; or why they could not be brought to one moment: one must read all. */
export type Gathered = { readonly position: string } | { readonly apart: string };

/** A partition that has to be read again. */
export interface ChangedPartition {
  readonly dataset: DatasetPlan;
  readonly partition: PartitionPlan;
}

/** What a source is opened with. */
export interface OpenOptions {
  /** The last backup of this source. Data that is unchanged since need not be read; the view must return the present state. */
  readonly parent?: BackupContents | undefined;
  /** A source without data is no failure: its view has no dataset of kind `data`. @default false */
  readonly allowEmpty?: boolean;
  /**
   * Stored changes are to be applied to the backup: the view has a `join`. Every transaction that the view lacks ended after
   * `open` was called: it waits for those that were ending. If it cannot, it has no `join`, and says why with `onWarning`.
   * @default false
   */
  readonly isBase?: boolean;
  /** Other processes are to read the view, and this one only keeps it: see `ViewSharing`. @default false */
  readonly isForOthers?: boolean;
  readonly onWarning?: (message: string) => void;
}

/** A view as other processes are told of it. */
export type SharedView = Required<
  Pick<SourceView, 'server' | 'position' | 'omitted' | 'datasets' | 'consistency'>
> & { readonly handle: JsonObject };

/** Of a source whose views several processes can read. Such views have no `changed`, and nothing that is read last. */
export interface ViewSharing {
  /**
   * No process can hand on what it sees, so all begin together: each share joins once, at the moment that `gather` of the first
   * view brings about, and what that one is open for is over then. @default false
   */
  readonly isGathered?: boolean;
  /**
   * The same view, in another process, while the first one is open: it gives what the first one gives. Its
   * `check` looks after what it opened itself: whether the first view stood to the end is for that one's.
   *
   * @param share which one this process reads; counts from 0
   * @throws E_SOURCE_*; E_SOURCE_LOST if the view is no more
   */
  join(view: SharedView, signal: AbortSignal, share?: number): Promise<SourceView>;
}

/** A database to back up. Constructed without I/O; `open` connects. */
export interface Source {
  readonly kind: string;
  /** What the manifest calls it, no secret in it: a name of the configuration, or `postgres://db.example:5432/shop`. Chooses the parent. */
  readonly name: string;
  /** The database without secrets, if `name` is one of the configuration: earlier backups may call it so. */
  readonly location?: string | undefined;
  readonly capabilities: SourceCapabilities;
  /** Undefined if only the process that opened a snapshot can read it. */
  readonly sharing?: ViewSharing | undefined;
  /**
   * A source without data is refused with E_EMPTY_READ, or has no dataset of kind `data`.
   *
   * @throws E_EMPTY_READ, E_ABORTED, E_SOURCE_*, no secret in it; nothing is left open then
   */
  open(signal: AbortSignal, options?: OpenOptions): Promise<SourceView>;
}
