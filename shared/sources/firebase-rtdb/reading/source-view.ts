import { throwIfAborted } from '../../../core/abort.ts';
import { systemClock } from '../../../core/clock.ts';
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import { parallel } from '../../../core/parallel.ts';
import type { BackupContents, StoredDataset } from '../../contents.ts';
import type {
  ChangedPartition,
  Consistency,
  DatasetPlan,
  PartitionPlan,
  ReadingCost,
  SourceView,
} from '../../source.ts';
import type { FirebaseConnection } from '../connection/connection.ts';
import type { FirebaseOptions } from '../connection/options.ts';
import { showPath } from '../connection/paths.ts';
import { ServerHabits } from '../connection/server-habits.ts';
import { EtagNotes, NoteBudget } from '../etags/etag-notes.ts';
import type { EtagProbe } from '../etags/etags.ts';
import { keptTrust } from '../etags/kept-trust.ts';
import { recordLine } from '../text/json.ts';
import { blocksOf } from '../text/records.ts';
import { DatasetReader } from './dataset-reader.ts';
import {
  DATA_PARTITION,
  ETAGS_DATASET,
  keysOfDataset,
  RULES_DATASET,
  roleOf,
  storedDataset,
} from './datasets.ts';
import { KeyAccounts } from './key-accounts.ts';
import { readPriority } from './node-reads.ts';
import { ParentDataset } from './parent-dataset.ts';

const GB = 1e9;
const PROBES_AT_ONCE = 8;

/** A dataset as it was found before it is read. */
export interface PlannedDataset {
  readonly name: string;
  readonly role: string;
  /** The parent's. */
  readonly stored: StoredDataset | undefined;
  /** Nothing of it changed since. */
  readonly isSame: boolean;
  /** The priority of the root. */
  readonly own: string | undefined;
}

/** What a view reads from. */
export interface ViewContents {
  readonly connection: FirebaseConnection;
  readonly options: FirebaseOptions;
  readonly probe: EtagProbe;
  readonly parent: BackupContents | undefined;
  readonly planned: readonly PlannedDataset[];
  readonly rules: string | undefined;
  readonly omitted: readonly string[];
  /** Of everything, before anything was read. */
  readonly rootEtag: string | undefined;
  readonly from: Date;
  readonly onWarning: (message: string) => void;
}

/** What is known of a dataset, more and more as it is read. */
interface DatasetState {
  readonly planned: PlannedDataset;
  readonly notes: EtagNotes;
  reader: DatasetReader | undefined;
  /** That its last read gave. */
  records: number;
}

/** A Firebase database while it is backed up. There is no snapshot: ETags say what stayed as it was meanwhile. */
export class FirebaseView implements SourceView {
  readonly position = '';
  readonly server = 'Firebase Realtime Database';
  readonly omitted: readonly string[];
  readonly #contents: ViewContents;
  readonly #states: readonly DatasetState[];
  readonly #habits = new ServerHabits();
  #rounds = 0;
  #skippedBytes = 0;
  #isAtomic = false;
  #to: Date;

  constructor(contents: ViewContents) {
    this.#contents = contents;
    this.omitted = contents.omitted;
    const budget = new NoteBudget();
    this.#states = contents.planned.map((planned) => ({
      planned,
      notes: new EtagNotes(budget),
      reader: undefined,
      records: planned.isSame ? (planned.stored?.records ?? 0) : 0,
    }));
    this.#skippedBytes = contents.planned.reduce(
      (sum, { isSame, stored }) => sum + (isSame ? (stored?.plainBytes ?? 0) : 0),
      0,
    );
    this.#to = contents.from;
  }

  /** What is said of each dataset grows while it is read: what is stored is what is said at the end. */
  get datasets(): readonly DatasetPlan[] {
    const { rules } = this.#contents;
    const data = this.#states.map((state) => this.#planOf(state));
    return [
      ...(rules === undefined ? [] : [rulesPlan(rules)]),
      ...data,
      {
        name: ETAGS_DATASET,
        kind: 'schema',
        attributes: { role: 'etags', bookkeeping: true, ...this.#etagAttributes() },
        partitions: this.#states.map(etagsPartitionOf),
        readLast: true,
      },
    ];
  }

  get consistency(): Consistency {
    return this.#isAtomic ? 'atomic' : 'per-subtree';
  }

  get window(): { readonly from: Date; readonly to: Date } {
    return { from: this.#contents.from, to: this.#to };
  }

  get cost(): ReadingCost {
    const { connection, options } = this.#contents;
    const { requests, readBytes } = connection.traffic;
    const taken = this.#states.reduce((sum, { reader }) => sum + (reader?.takenBytes ?? 0), 0);
    return {
      requests,
      readBytes,
      skippedBytes: this.#skippedBytes + taken,
      usd: (readBytes / GB) * options.usdPerGB,
      usdPerGB: options.usdPerGB,
    };
  }

  async *read(
    dataset: DatasetPlan,
    partition: PartitionPlan,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, void> {
    if (partition.sameAsParent && (yield* this.#asParent(dataset.name, partition.name, signal))) return;
    switch (roleOf(dataset)) {
      case 'rules':
        yield Buffer.from(withNewline(this.#contents.rules ?? ''));
        return;
      case 'etags':
        yield* blocksOf(this.#stateOf(partition.name).notes.records(this.#contents.probe.isTrusted));
        return;
      case 'own':
        yield* blocksOf(this.#ownRecords(dataset, signal));
        return;
      default:
        yield* blocksOf(this.#readData(this.#stateOf(dataset.name), dataset, signal));
    }
  }

  async changed(signal: AbortSignal): Promise<readonly ChangedPartition[]> {
    throwIfAborted(signal);
    // What was taken from the last backup on the word of ETags that turned out to be worth nothing.
    const taken = this.#contents.probe.isTrusted ? [] : this.#states.filter(isTaken);
    if (taken.length > 0) return taken.map((state) => this.#again(state));
    if (this.#rounds++ >= this.#contents.options.rereads) return [];
    return this.#states.filter(({ reader }) => reader?.hasChanged).map((state) => this.#again(state));
  }

  /** @throws E_EMPTY_READ, E_SOURCE_CHANGED if listed top-level nodes are missing */
  async check(signal: AbortSignal): Promise<void> {
    this.#accountForAll();
    this.#isAtomic = await this.#isAsRead(signal);
    this.#to = systemClock.now();
  }

  #again(state: DatasetState): ChangedPartition {
    return { dataset: this.#planOf(state), partition: partitionOf(DATA_PARTITION, false, 0) };
  }

  /** Each top-level node that was listed has records, or is gone. */
  #accountForAll(): void {
    const { options } = this.#contents;
    const states = this.#states.filter(({ planned }) => planned.role === 'node');
    const accounts = new KeyAccounts((path) => showPath([...options.base, ...path]));
    accounts.listed(
      [],
      states.map(({ planned }) => planned.name),
    );
    for (const { planned, reader, records } of states) {
      if (records > 0) accounts.emitted(recordLine(planned.name, 'true'));
      else if (reader?.isGone) accounts.gone([], planned.name);
    }
    accounts.end();
    if (this.#states.length === 0) return;
    if (this.#states.some(({ records, planned }) => records > 0 && planned.role !== 'own')) return;
    throw new HoldfastError('E_SOURCE_CHANGED', 'all that was listed was removed before it could be read', {
      hint: 'Check the database; an empty answer is never taken for a backup.',
    });
  }

  /** Whether the database holds now what was read of it, all of it. */
  async #isAsRead(signal: AbortSignal): Promise<boolean> {
    const { probe, options, rootEtag } = this.#contents;
    const isRootSame = async () =>
      rootEtag !== undefined && (await probe.probe(options.base, signal)) === rootEtag;
    if (!(await isRootSame()) || !probe.isTrusted) return false;
    const wasRead = this.#states.some(({ planned }) => !planned.isSame);
    if (!wasRead) return true;
    let isSame = true;
    await parallel(this.#states, { most: PROBES_AT_ONCE, signal }, async (state, stopping) => {
      const { name, role } = state.planned;
      const { etag } = this.#planOf(state).attributes;
      if (role === 'own' || !isSame) return;
      const path = [...options.base, ...(role === 'node' ? [name] : [])];
      const now = etag === undefined ? undefined : await probe.probe(path, stopping);
      if (now === undefined || now !== etag) isSame = false;
    });
    return isSame && isRootSame();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#contents.connection[Symbol.asyncDispose]();
  }

  /** Gives what the parent has, and whether that could be read. @throws what reading it failed with later than at once */
  async *#asParent(
    dataset: string,
    partition: string,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, boolean> {
    const { parent, onWarning } = this.#contents;
    const stored = storedDataset(parent, dataset);
    const part = stored?.partitions.find(({ name }) => name === partition);
    if (!parent || !stored || !part) return false;
    let given = 0;
    try {
      for await (const block of parent.read(stored, part, signal)) {
        given += block.length;
        yield block;
      }
      return true;
    } catch (error) {
      if (given > 0 || !isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
      onWarning(`${dataset} is read anew, as the last backup of it cannot be: ${error.message}`);
      return false;
    }
  }

  async *#ownRecords({ name }: DatasetPlan, signal: AbortSignal): AsyncGenerator<string> {
    const { connection, options } = this.#contents;
    const priority =
      this.#stateOf(name).planned.own ?? (await readPriority(connection, options.base, signal));
    if (priority !== undefined) yield recordLine('.priority', priority);
  }

  async *#readData(
    state: DatasetState,
    dataset: DatasetPlan,
    signal: AbortSignal,
  ): AsyncGenerator<Buffer | string> {
    const { connection, options, probe, parent, onWarning } = this.#contents;
    const { stored, isSame } = state.planned;
    // What was thought to be had from the parent is not to be had: it is read after all.
    if (isSame && !state.reader) this.#skippedBytes -= stored?.plainBytes ?? 0;
    state.notes.clear();
    const onProblem = (error: Error) =>
      onWarning(`${dataset.name} is read anew, as the last backup of it cannot be: ${error.message}`);
    const { probeBytes, limits } = options;
    await using before =
      parent && stored && !isSame
        ? new ParentDataset(parent, stored, { limits, onProblem, signal })
        : undefined;
    const path = [...options.base, ...keysOfDataset(dataset)];
    state.reader = new DatasetReader({
      connection,
      probe,
      habits: this.#habits,
      limits,
      path,
      parent: before,
      probeBytes,
      notes: state.notes,
      signal,
    });
    state.records = 0;
    for await (const record of state.reader.records()) {
      state.records++;
      yield record;
    }
  }

  #planOf({ planned, reader }: DatasetState): DatasetPlan {
    const { name, role, stored, isSame } = planned;
    const before = isSame ? stored?.attributes : undefined;
    const etag = reader ? this.#etagOf(reader) : before?.['etag'];
    return {
      name,
      kind: 'data',
      attributes: {
        role,
        depth: Math.max(reader?.depth ?? 0, Number(before?.['depth'] ?? 0)),
        ...(etag === undefined ? {} : { etag }),
      },
      partitions: [partitionOf(DATA_PARTITION, isSame, stored?.plainBytes ?? 0)],
    };
  }

  #etagOf({ etag, isEtagProbed, hasChanged }: DatasetReader): string | undefined {
    if (hasChanged || (isEtagProbed && !this.#contents.probe.isTrusted)) return undefined;
    return etag;
  }

  #etagAttributes(): JsonObject {
    const { rootEtag, probe } = this.#contents;
    const root = this.#isAtomic && rootEtag !== undefined ? { root: rootEtag } : {};
    return { ...root, ...keptTrust(probe.trust, this.#states.some(isUnread)) };
  }

  #stateOf(name: string): DatasetState {
    const found = this.#states.find(({ planned }) => planned.name === name);
    if (found) return found;
    throw new HoldfastError('E_NO_DATASET', `the database has no ${name}`);
  }
}

function rulesPlan(text: string): DatasetPlan {
  return {
    name: RULES_DATASET,
    kind: 'schema',
    attributes: { role: 'rules', finalNewline: text.endsWith('\n') },
    partitions: [partitionOf(DATA_PARTITION, false, text.length)],
  };
}

/** ETags of data that is read after all are not those of the last backup: known only when it is their turn. */
function etagsPartitionOf(state: DatasetState): PartitionPlan {
  return {
    name: state.planned.name,
    estimatedBytes: 0,
    get sameAsParent() {
      return isUnread(state);
    },
  };
}

/** The last backup's as a whole. */
function isUnread({ planned, reader }: DatasetState): boolean {
  return planned.isSame && !reader;
}

/** Some of it, or all, is the last backup's. */
function isTaken(state: DatasetState): boolean {
  return isUnread(state) || (state.reader?.takenBytes ?? 0) > 0;
}

function partitionOf(name: string, sameAsParent: boolean, estimatedBytes: number): PartitionPlan {
  return { name, estimatedBytes, sameAsParent };
}

function withNewline(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
