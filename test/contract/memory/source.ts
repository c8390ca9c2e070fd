import { HoldfastError } from '../../../shared/core/errors.ts';
import type {
  DatasetPlan,
  OpenOptions,
  SharedView,
  Source,
  SourceCapabilities,
  SourceView,
  ViewSharing,
} from '../../../shared/sources/source.ts';
import type { Content } from '../world.ts';
import type { MemoryDatabase } from './database.ts';

const RECORDS_A_PARTITION = 2000;
const RECORDS_A_BLOCK = 4;

/** The shortest source that keeps every promise of `Source`: its specification. */
export class MemorySource implements Source, ViewSharing {
  readonly kind = 'files';
  readonly name: string;
  readonly capabilities: SourceCapabilities = { consistency: 'atomic', maxReaders: 3 };
  readonly sharing: ViewSharing = this;
  readonly #database: MemoryDatabase;

  constructor(database: MemoryDatabase, name: string) {
    this.#database = database;
    this.name = `memory:${name}`;
  }

  async open(signal: AbortSignal, { parent }: OpenOptions = {}): Promise<SourceView> {
    if (signal.aborted) throw new HoldfastError('E_ABORTED', 'stopped on request');
    const { data, denied, versions, views } = this.#database;
    const [hidden] = [...data.keys()].filter((name) => denied.has(name));
    if (hidden !== undefined) throw new HoldfastError('E_SOURCE_DENIED', `${hidden} may not be read`);
    if (data.size === 0) throw new HoldfastError('E_EMPTY_READ', `${this.name} holds nothing`);
    const datasets = [...data].map(([name, content]): DatasetPlan => {
      const attributes = { shape: content.shape, version: versions.get(name) ?? 0 };
      const before = parent?.datasets.find((one) => one.name === name);
      const isSame = before?.attributes['version'] === attributes.version;
      const partitions = partsOf(content).map((part, i) => ({
        name: String(i),
        estimatedBytes: part.length,
        sameAsParent: isSame,
      }));
      return { name, kind: 'data', attributes, partitions };
    });
    const id = String(views.size);
    views.set(id, data);
    const consistency = 'atomic';
    return this.#view(
      { server: 'memory 1', position: id, omitted: [], datasets, consistency, handle: { id } },
      signal,
    );
  }

  async join(shared: SharedView, signal: AbortSignal): Promise<SourceView> {
    return this.#view(shared, signal);
  }

  #view(shared: SharedView, signal: AbortSignal): SourceView {
    const data = this.#database.views.get(String(shared.handle['id']));
    if (!data) throw new HoldfastError('E_SOURCE_LOST', 'the view is no more');
    const connection = this.#database.connect();
    signal.addEventListener('abort', () => connection.close());
    return {
      ...shared,
      read: async function* ({ name }, partition, stopping) {
        const lines = partsOf(data.get(name))[Number(partition.name)] ?? [];
        for (let at = 0; at < lines.length; at += RECORDS_A_BLOCK) {
          const block = Buffer.from(lines.slice(at, at + RECORDS_A_BLOCK).join(''));
          await connection.pass(block.length, stopping);
          yield block;
        }
        await connection.pass(0, stopping);
      },
      check: (stopping) => connection.pass(0, stopping),
      [Symbol.asyncDispose]: async () => connection.close(),
    };
  }
}

/** Records as lines, some of them a partition. */
export function partsOf(content: Content | undefined): readonly (readonly string[])[] {
  if (!content) return [];
  if (content.shape === 'value') return [[`${JSON.stringify(content.value)}\n`]];
  const lines = [...content.records].map(
    ([key, value]) => `${JSON.stringify([key, typeof value === 'string' ? value : [...value]])}\n`,
  );
  const parts = Math.max(1, Math.ceil(lines.length / RECORDS_A_PARTITION));
  return Array.from({ length: parts }, (_, i) =>
    lines.slice(i * RECORDS_A_PARTITION, (i + 1) * RECORDS_A_PARTITION),
  );
}
