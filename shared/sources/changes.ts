import type { BackupContents, StoredDataset } from './contents.ts';
import type { Fields } from './rows.ts';
import type { SourceCheck } from './source-checks.ts';

/**
 * Where a stream of changes stands: text of the kind's own, such as an LSN, or a file of the binary log and an offset. Nobody
 * else reads it; `ChangePlugin.compare` (plugin.ts) says which comes first. Two texts of one place are equal.
 */
export type ChangePosition = string;

/** What is known of a stretch of changes when it was read. All of it is stored with the stretch, sealed. */
export interface ChangeFacts {
  /** Transactions that ended in it. */
  readonly transactions: number;
  /** Commit times of its first and last transaction by the server's clock, ISO in UTC with microseconds: `2026-11-29T09:15:30.000001Z`. */
  readonly firstCommit?: string | undefined;
  readonly lastCommit?: string | undefined;
  /**
   * The server's clock before it was read: all that was committed by then is in this stretch or an earlier one, or, if it
   * `isCut`, in a later one. As above.
   */
  readonly readAt: string;
  /** Datasets whose changes it has. If they differ from those of the stretch before, a new base is due. */
  readonly datasets: readonly string[];
  /** A fingerprint of the definitions of these datasets; the same goes for it, unless `carriesDefinitions`. */
  readonly schema: string;
  /** The stream has the statements that change definitions, so that a replay goes on past them. */
  readonly carriesDefinitions: boolean;
  /** Of a kind whose stream has these statements only if something writes them there. Undefined: nothing does, or the server itself. */
  readonly definitions?: CarriedDefinitions | undefined;
  /** Last values of sequences, by name. */
  readonly sequences: Readonly<Record<string, string>>;
  /** What the stretch lacks, or what should be looked at: sentences. */
  readonly warnings: readonly string[];
}

/** Statements in a stretch that change definitions. */
export interface CarriedDefinitions {
  /** What writes them: if it is not that of the stretch before, some may be missing. */
  readonly by: string;
  /** How many there are. None, although `schema` or `datasets` differ: they are missing. */
  readonly statements: number;
  /** Why a replay does not get past one of them: a sentence. A new base is due then. */
  readonly problem?: string | undefined;
}

/** A stretch of changes: whole transactions, in the order in which they ended. */
export interface ChangeBatch {
  readonly from: ChangePosition;
  /** `from` if nothing is new: then it has no bytes, and its facts still say when that was. */
  readonly to: ChangePosition;
  /** There was more when it was read, which `mostBytes` left out. */
  readonly isCut: boolean;
  /** In a form of the kind's own, which its pages describe. Read once, to the end; a block is the caller's until it asks for the next one. */
  bytes(): AsyncIterable<Uint8Array>;
  /** Known when `bytes` has ended. */
  facts(): ChangeFacts;
}

/** The changes of one database, as its server hands them out. */
export interface ChangeSource extends AsyncDisposable {
  /**
   * Where a stream begins that follows nothing: all that ends from now on lies behind it, and the server still has it.
   *
   * @throws E_SOURCE_*, E_CHANGES_NOT_SET_UP if the database keeps no changes for us
   */
  begins(signal: AbortSignal): Promise<ChangePosition>;
  /**
   * What follows `from`, at most about `mostBytes` of the server's log: called again until `to` is `from`. Transactions that
   * ended before `from` are left out, also if the server gives them again.
   *
   * @throws E_CHANGES_GAP if the server no longer has all that follows `from`; E_CHANGES_BUSY if somebody else reads now;
   *   E_CHANGES_NOT_SET_UP, E_SOURCE_*, E_ABORTED
   */
  read(
    from: ChangePosition,
    options: { readonly mostBytes: number; readonly signal: AbortSignal },
  ): Promise<ChangeBatch>;
  /** Says that everything before `to` is stored, so that the server may let go of it. May be said again, or not at all. */
  release(to: ChangePosition, signal: AbortSignal): Promise<void>;
}

/** What to set up a database for. */
export interface ChangeSetupOptions {
  /** How much of its log the server may hold for us at most, in bytes. @default what the server's own settings say */
  readonly mostHeldBytes?: number | undefined;
  /** Datasets to cover. @default all that can be */
  readonly datasets?: readonly string[] | undefined;
  /** Also those that the kind covers only at a price to the application, which `plan` says. @default false */
  readonly allDatasets?: boolean | undefined;
  /** Statements that change definitions are to be in the stream, if that is not so anyway. @default false; what is there stays */
  readonly definitions?: boolean | undefined;
}

/** What somebody has to run so that a database keeps its changes for us. */
export interface ChangeSetupPlan {
  /** In order, each with why it is needed: a sentence. */
  readonly statements: readonly { readonly sql: string; readonly why: string }[];
  /** Why it must not be set up as it is, and what to do: sentences. */
  readonly refusals: readonly string[];
  /** What is left out, or costs something: sentences. */
  readonly warnings: readonly string[];
}

/** How a database keeps its changes for us. */
export interface ChangeSetupState {
  readonly isSetUp: boolean;
  /** From here on the server has the changes. */
  readonly position?: ChangePosition | undefined;
  /** Bytes of its log that the server holds for us. */
  readonly heldBytes?: number | undefined;
  /** By the server's clock, ISO; undefined if it does not know. */
  readonly lastReadAt?: string | undefined;
  /** What is wrong, and what to do: a sentence. */
  readonly problem?: string | undefined;
}

/** Sets up a database to keep its changes for us, looks at that, and takes it down. */
export interface ChangeSetup extends AsyncDisposable {
  /** Changes nothing. */
  plan(options: ChangeSetupOptions, signal: AbortSignal): Promise<ChangeSetupPlan>;
  /** Runs the plan's statements; may be done again. @throws E_CHANGES_UNSAFE with the first refusal, E_SOURCE_*; nothing is half set up then */
  setUp(options: ChangeSetupOptions, signal: AbortSignal): Promise<void>;
  /** What `holdfast pitr doctor` shows. */
  check(signal: AbortSignal): AsyncIterable<SourceCheck>;
  state(signal: AbortSignal): Promise<ChangeSetupState>;
  /** The server lets go of its log, and forgets all that was set up; may be done again. */
  remove(signal: AbortSignal): Promise<void>;
  /**
   * For the watchdog: lets go of the log if more than `mostHeldBytes` of it is held, or nobody has read for `mostIdleMs`.
   *
   * @returns whether it did, so that the stream has a gap now
   */
  letGo(
    limits: { readonly mostHeldBytes: number; readonly mostIdleMs: number },
    signal: AbortSignal,
  ): Promise<boolean>;
}

/** Where a base stands in the stream of changes. */
export interface ChangeJoin {
  /** Every transaction that the base lacks ended at this position or behind it. */
  readonly from: ChangePosition;
  /** How a replay tells the transactions that the base has from those that it lacks: text of the kind's own. */
  readonly state: string;
  /** The server's clock when the snapshot was taken, or after: everything in the base was committed by then. ISO in UTC with microseconds. */
  readonly at: string;
}

/** Where a replay stops. With neither, at the end of what is stored. */
export interface ReplayUntil {
  /** The last moment that counts, ISO in UTC with microseconds: stops before the first transaction that ended after it. */
  readonly at?: string | undefined;
  /** Stops before the transaction of this id, as the server writes it. */
  readonly beforeTransaction?: string | undefined;
}

/** A stretch of changes as it comes back from the repository. */
export interface StoredChanges {
  readonly from: ChangePosition;
  readonly to: ChangePosition;
  readonly facts: ChangeFacts;
  /** What `ChangeBatch.bytes` gave. Blocks may be cut elsewhere. */
  bytes(): AsyncIterable<Uint8Array>;
}

/** What was applied of a stretch. */
export interface Replayed {
  readonly transactions: number;
  /** Rows inserted, updated and deleted. */
  readonly rows: number;
  /** `ReplayUntil` was met: nothing more is to be applied. */
  readonly isReached: boolean;
}

/** Applies stored changes to a restored base. What was done is noted in the target, so that a replay that broke off can go on. */
export interface ChangeReplay extends AsyncDisposable {
  /**
   * What the target notes of a replay of this base: undefined if it has none. Its changes up to `to` are applied.
   *
   * @throws E_TARGET_NOT_EMPTY if it notes the replay of another base, or was finished
   */
  resumes(signal: AbortSignal): Promise<{ readonly to: ChangePosition } | undefined>;
  /** Notes that the base is restored whole, and the replay begins. Called before the first `apply`, unless `resumes` gave something. */
  begin(signal: AbortSignal): Promise<void>;
  /** Stretches come in order, without a hole; a replay that goes on begins with the one that has or follows `resumes().to`. */
  apply(changes: StoredChanges, signal: AbortSignal): Promise<Replayed>;
  /** After the last stretch: sets sequences, compares counts, and removes its notes. */
  finish(signal: AbortSignal): Promise<{ readonly warnings: readonly string[] }>;
}

/** What a replay is opened with. */
export interface ReplayOptions {
  readonly join: ChangeJoin;
  readonly until: ReplayUntil;
  /** Which base and which moment it is: the same text for the same of both. */
  readonly base: string;
  /** Only these datasets of the base were restored. @default all of it */
  readonly datasets?: readonly string[] | undefined;
}

/** One row that a transaction changed. */
export interface RowChangeOfStream {
  /** `truncate`: all rows of the dataset are gone. */
  readonly kind: 'insert' | 'update' | 'delete' | 'truncate';
  readonly dataset: string;
  /** Names of the columns that `before` and `after` have the fields of. */
  readonly columns: readonly string[];
  /** As far as the server says: at least the key, of an update or delete. Undefined for a field that it does not say. */
  readonly before?: readonly (string | null | undefined)[] | undefined;
  /** Of an insert or update; undefined for a field that was not changed and is not said. */
  readonly after?: readonly (string | null | undefined)[] | undefined;
  /** Why the stream does not say what became of rows of the dataset: part of a sentence. From here on it cannot be followed. */
  readonly unsaid?: string | undefined;
}

/** One transaction of a stream. */
export interface ChangeTransaction {
  readonly id: string;
  /** By the server's clock, ISO in UTC with microseconds. */
  readonly committedAt: string;
  readonly position: ChangePosition;
  /** In order; to be read to the end before the next transaction is asked for. */
  readonly changes: AsyncIterable<RowChangeOfStream>;
}

/** A base that stored changes follow. */
export interface FollowedBase {
  readonly contents: BackupContents;
  readonly join: ChangeJoin;
}

/** Tells transactions of stored changes, in their order. */
export interface TransactionTeller {
  transactions(changes: StoredChanges, signal: AbortSignal): AsyncIterable<ChangeTransaction>;
}

/** Decodes stored changes into rows, with fields as the base's records have them. */
export interface ChangeDecoder extends TransactionTeller {
  /**
   * For one way through stretches that follow each other, from where a base joins on: knows how the base has values, and what an
   * earlier stretch left open. @default the decoder itself, to which each stretch says all
   */
  following?(base: FollowedBase, signal: AbortSignal): Promise<TransactionTeller>;
  /** Whether a base that joins there has a transaction. Without it, or without values of rows, no base can be proven. */
  hasTransaction?(join: ChangeJoin, transaction: Pick<ChangeTransaction, 'id' | 'position'>): boolean;
  /**
   * Makes records, as a backup has them and without their newline, of fields as `RowShape.parse` gives them.
   *
   * @returns which throws E_SOURCE_UNSUPPORTED for a text that has no certain form in the records
   */
  recordWriter?(dataset: StoredDataset): (fields: Fields) => Uint8Array;
}
