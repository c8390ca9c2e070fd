import { HoldfastError } from '../../../core/errors.ts';
import type { Consistency, DatasetPlan, PartitionPlan, SourceView } from '../../source.ts';
import { DATA_PARTITION, MOST_DATASETS, OWN_DATASET, ROOT_DATASET, roleOf } from '../reading/datasets.ts';
import { recordLine } from '../text/json.ts';
import { compareKeys } from '../text/key-order.ts';
import { blocksOf, recordsOf } from '../text/records.ts';
import type { RecordSpool } from './spool.ts';

/** What is known of the top-level nodes of a file. */
export class TopNodes {
  /** Levels below each node; given up when there are more than are a dataset each. */
  #depths: Map<string, number> | undefined = new Map();
  #depth = 0;
  #hasPriority = false;
  #isEmpty = true;

  /** @param top undefined if the whole is a single value */
  saw(top: string | undefined, depth: number): void {
    this.#isEmpty = false;
    this.#depth = Math.max(this.#depth, depth);
    if (top === undefined || top === '.value') this.#depths = undefined;
    else if (top === '.priority') this.#hasPriority = true;
    else if (this.#depths) {
      this.#depths.set(top, Math.max(this.#depths.get(top) ?? 0, depth - 1));
      if (this.#depths.size > MOST_DATASETS) this.#depths = undefined;
    }
  }

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** Undefined if the whole is one dataset. */
  get names(): readonly string[] | undefined {
    return this.#depths && [...this.#depths.keys()];
  }

  /** Name, role and depth of each dataset, in order. */
  get datasets(): readonly { readonly name: string; readonly role: string; readonly depth: number }[] {
    if (!this.#depths) return [{ name: ROOT_DATASET, role: 'root', depth: this.#depth }];
    const nodes = [...this.#depths].map(([name, depth]) => ({ name, role: 'node', depth }));
    nodes.sort((a, b) => compareKeys(a.name, b.name));
    return this.#hasPriority ? [...nodes, { name: OWN_DATASET, role: 'own', depth: 0 }] : nodes;
  }
}

/** The records of a file as the datasets that a read of the same database makes. */
export class ImportView implements SourceView {
  readonly position = '';
  readonly server = 'Firebase Realtime Database';
  /** Each kind of file holds what one request brought. */
  readonly consistency: Consistency = 'atomic';
  readonly omitted: readonly string[];
  readonly datasets: readonly DatasetPlan[];
  readonly #spool: RecordSpool;

  constructor(spool: RecordSpool, tops: TopNodes, omitted: readonly string[]) {
    this.#spool = spool;
    this.omitted = omitted;
    this.datasets = tops.datasets.map(({ name, role, depth }) => ({
      name,
      kind: 'data',
      attributes: { role, depth },
      partitions: [{ name: DATA_PARTITION, estimatedBytes: spool.bytesOf(topOf({ name, role })) }],
    }));
  }

  read(dataset: DatasetPlan, _: PartitionPlan, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return blocksOf(this.#records(dataset, signal));
  }

  /** The file is read and checked by now. */
  async check(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spool[Symbol.asyncDispose]();
  }

  async *#records(dataset: DatasetPlan, signal: AbortSignal): AsyncGenerator<string> {
    const role = roleOf(dataset);
    let count = 0;
    for await (const { path, value } of this.#spool.read(topOf({ name: dataset.name, role }), signal)) {
      count++;
      if (role !== 'node') yield recordLine(path.join('/'), value);
      else if (path.length > 1) yield recordLine(path.slice(1).join('/'), value);
      else yield* recordsOf(value, '');
    }
    if (count === 0) throw new HoldfastError('E_INTERNAL', `nothing of ${dataset.name} was kept of the file`);
  }
}

function topOf({ name, role }: { readonly name: string; readonly role: string }): string | undefined {
  return role === 'root' ? undefined : name;
}
