import type {
  ChangedPartition,
  Consistency,
  DatasetPlan,
  PartitionPlan,
  ReadingCost,
  SourceView,
} from '../../source.ts';
import { nameIn, splitName } from './instance-contents.ts';
import { namingInstance } from './instances.ts';

/** One database of several that are backed up as one. */
export interface InstanceView {
  readonly name: string;
  /** Its database, for messages. */
  readonly database: string;
  readonly view: SourceView;
}

/**
 * The views of several databases as one. Each has its own rules, ETags and priority of its root. What each gives may be
 * of one moment; that all are is never claimed: see docs/reference/firebase.md.
 */
export class InstancesView implements SourceView {
  readonly position = '';
  readonly server = 'Firebase Realtime Database';
  readonly consistency: Consistency = 'per-subtree';
  readonly #instances: readonly InstanceView[];

  constructor(instances: readonly InstanceView[]) {
    this.#instances = instances;
  }

  get datasets(): readonly DatasetPlan[] {
    return this.#instances.flatMap(({ name, view }) => view.datasets.map((dataset) => within(name, dataset)));
  }

  /** What is true of several instances is one line. */
  get omitted(): readonly string[] {
    const lines = this.#instances.flatMap(({ name, view }) => view.omitted.map((text) => ({ name, text })));
    return [...Map.groupBy(lines, ({ text }) => text)].map(
      ([text, of]) => `${of.map(({ name }) => name).join(', ')}: ${text}`,
    );
  }

  get window(): { readonly from: Date; readonly to: Date } | undefined {
    const windows = this.#instances.map(({ view }) => view.window).filter((window) => window !== undefined);
    if (windows.length === 0) return undefined;
    return {
      from: new Date(Math.min(...windows.map(({ from }) => from.getTime()))),
      to: new Date(Math.max(...windows.map(({ to }) => to.getTime()))),
    };
  }

  get cost(): ReadingCost {
    const costs = this.#instances.map(({ view }) => view.cost).filter((cost) => cost !== undefined);
    const sum = (of: (cost: ReadingCost) => number) => costs.reduce((total, cost) => total + of(cost), 0);
    return {
      requests: sum(({ requests }) => requests),
      readBytes: sum(({ readBytes }) => readBytes),
      skippedBytes: sum(({ skippedBytes }) => skippedBytes),
      usd: sum(({ usd }) => usd),
      usdPerGB: costs[0]?.usdPerGB ?? 0,
    };
  }

  async *read(
    dataset: DatasetPlan,
    partition: PartitionPlan,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, void> {
    const [instance, name] = splitName(dataset.name);
    const found = this.#instances.find((one) => one.name === instance);
    if (!found) return;
    try {
      yield* found.view.read({ ...dataset, name }, partition, signal);
    } catch (error) {
      throw namingInstance(error, instance, found.database);
    }
  }

  async changed(signal: AbortSignal): Promise<readonly ChangedPartition[]> {
    const changed: ChangedPartition[] = [];
    for (const { name, database, view } of this.#instances) {
      const parts = await naming(name, database, async () => view.changed?.(signal));
      for (const { dataset, partition } of parts ?? [])
        changed.push({ dataset: within(name, dataset), partition });
    }
    return changed;
  }

  async check(signal: AbortSignal): Promise<void> {
    for (const { name, database, view } of this.#instances)
      await naming(name, database, () => view.check(signal));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#instances.map(({ view }) => view[Symbol.asyncDispose]()));
  }
}

function within(instance: string, dataset: DatasetPlan): DatasetPlan {
  const { name, attributes } = dataset;
  return { ...dataset, name: nameIn(instance, name), attributes: { ...attributes, instance } };
}

async function naming<T>(instance: string, database: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw namingInstance(error, instance, database);
  }
}
