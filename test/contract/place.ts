import type { ErrorCode } from '../../shared/core/errors.ts';
import type { ScratchServer } from '../../shared/sources/scratch.ts';
import type { Source } from '../../shared/sources/source.ts';
import type { Target } from '../../shared/sources/target.ts';
import type { Reading } from './reading.ts';
import type { Content, World } from './world.ts';

/** What differs between kinds of database, as data: no check asks which kind it has. */
export interface KindFacts {
  readonly kind: string;
  /** Whether a dataset may have that name. */
  readonly canName: (name: string) => boolean;
  /** Whether a record may have that key. */
  readonly canKey: (key: string) => boolean;
  /** Whether a value may be that text. */
  readonly canHold: (text: string) => boolean;
  /** Whether a dataset without records is there at all. */
  readonly keepsEmptyDatasets: boolean;
  /** Whether the order of records means something, and is to be restored. */
  readonly ordersRecords: boolean;
  /** What a restore of everything with `replace` removes: all that the target holds, or the backup's own datasets. */
  readonly wholeReplaceRemoves: 'all' | 'own';
  /** What `compareSchema` says of a restore that went well. */
  readonly schemaOutcome: 'equal' | 'none';
  /** Why it can never fall silent, where that is so. */
  readonly neverSilent?: string;
  /** How long what was let go of may take to be gone. @default 20 s */
  readonly patienceMs?: number;
}

/** Something that goes wrong from `arm` on, until it is disposed of. */
export interface Breakage {
  readonly name: string;
  /** Whether no read can succeed under it. */
  readonly isForGood: boolean;
  arm(): Promise<AsyncDisposable> | AsyncDisposable;
  /** Done once, when a dataset of several blocks has given its first. */
  readonly during?: (dataset: string) => Promise<void>;
}

/** A database that says nothing more from some point on. */
export interface Silence {
  arm(): Promise<AsyncDisposable & { readonly begun: Promise<void> }>;
}

/** A source that cannot give anything, and the codes that it may be refused with. */
export interface Refused {
  readonly name: string;
  readonly codes: readonly ErrorCode[];
  readonly source: Source;
}

/**
 * One database, empty at first, and a hand that knows it natively: it shares no code with the adapter, so that what it
 * reads and writes can judge what the adapter does.
 */
export interface Place extends AsyncDisposable {
  readonly facts: KindFacts;
  /** Never to be seen in a name or a message. */
  readonly secrets: readonly string[];
  /** By hand: puts a dataset in the place of what has that name; undefined removes it. */
  put(dataset: string, content: Content | undefined): Promise<void>;
  /** By hand: changes one record or adds it, in place. */
  setRecord(dataset: string, key: string, value: string): Promise<void>;
  /** By hand: removes a dataset, if the database lets it go at this moment. */
  vanish(dataset: string): Promise<'gone' | 'refused'>;
  /** By hand: everything that the database holds. */
  readByHand(): Promise<World>;
  /** What a reading says, by the description of the kind's records in its document. */
  decode(reading: Reading): World;
  /** The dataset names that the adapter gives, as `put` takes them. */
  nameOf(dataset: string): string;
  source(): Source;
  target(): Target;
  /** Sources that must be refused, the empty database and one that may not be read whole among them. */
  refused(): Promise<readonly Refused[]>;
  /** Ways in which a read of what is there now breaks. */
  breakages(): Promise<readonly Breakage[]>;
  /** Ways in which a restore breaks that may replace what is there. @param work one that succeeds */
  writeBreakages(work: () => Promise<unknown>): Promise<readonly Breakage[]>;
  silence?: Silence;
  /** By hand: connections or file handles that are open, but for the hand's own. */
  openHandles(): Promise<number>;
  /** By hand: the number of requests, connections or looks that the database was asked for so far. */
  readonly touched: number;
  /** Where scratch targets are made. */
  scratchServer(): ScratchServer;
  /** By hand: the scratch targets that are there. */
  listScratches(): Promise<readonly string[]>;
  /** By hand: what a scratch target of that name holds; undefined where it is not there. */
  readScratch(name: string): Promise<World | undefined>;
  /** By hand: defines one thing in a scratch target otherwise, of a kind with a schema. */
  spoilSchema?(name: string): Promise<void>;
  /** By hand: makes something of that name where scratch targets are made, which is no drill's. */
  occupy(name: string): Promise<void>;
}
