import type { HoldfastError } from '../../core/errors.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import type { ChunkRef } from '../../format/chunk-ref.ts';
import type { KeyRanges } from '../../format/key-ranges.ts';
import type { BackupReader } from './backup-reader.ts';
import { isDamage } from './damage.ts';
import type { PartitionBounds } from './partition-bounds.ts';
import type { Leaf } from './tree-reader.ts';

/** Leaves whose bounds are read at once. */
const LEAVES_AT_ONCE = 8;

/** Chunks of a leaf, and whether each may hold what is looked for. */
export interface MarkedLeaf {
  readonly refs: readonly ChunkRef[];
  /** As many as there are chunks. */
  readonly isNear: readonly boolean[];
}

/** What is looked for, and where. */
export interface NearOptions {
  readonly dataset: string;
  readonly partition: string;
  readonly ranges: Pick<KeyRanges, 'keyId' | 'mayBeIn'>;
  /** Told once if least and greatest keys are damaged: then everything is near. */
  readonly onDamage?: ((problem: HoldfastError) => void) | undefined;
  readonly signal: AbortSignal;
}

/**
 * The chunks of a partition in order, marked where one of some keys may be, by the least and greatest keys that the backup has of them.
 * A chunk of which those are not known may hold any key.
 *
 * @throws E_DAMAGED of the tree, E_STORE_*
 */
export async function* markedLeaves(reader: BackupReader, options: NearOptions): AsyncGenerator<MarkedLeaf> {
  const { dataset, partition, ranges, signal } = options;
  const known = new KnownBounds(reader, options);
  const leaves = reader.leaves(reader.root(dataset, partition), { signal });
  const opened = orderedMap(numbered(leaves), LEAVES_AT_ONCE, async ({ leaf, refs }) => ({
    refs,
    bounds: await known.of(leaf, refs),
  }));
  let wasInside = false;
  for await (const { refs, bounds } of opened) {
    const isNear: boolean[] = [];
    for (const [i, ref] of refs.entries()) {
      const one = wasInside || ref.endsInside ? undefined : bounds?.[i];
      wasInside = ref.endsInside;
      isNear.push(one === undefined || ranges.mayBeIn(one));
    }
    yield { refs, isNear };
  }
}

async function* numbered(leaves: AsyncIterable<Leaf>) {
  let leaf = 0;
  for await (const { refs } of leaves) yield { leaf: leaf++, refs };
}

/** The same, only those that may hold one of the keys. */
export async function* nearChunks(
  reader: BackupReader,
  options: NearOptions,
): AsyncGenerator<{ readonly refs: readonly ChunkRef[] }> {
  for await (const { refs, isNear } of markedLeaves(reader, options))
    yield { refs: refs.filter((_, i) => isNear[i]) };
}

/** Least and greatest keys of one key, as far as they can be read. */
class KnownBounds {
  readonly #reader: BackupReader;
  readonly #options: NearOptions;
  #bounds: Promise<PartitionBounds | undefined> | undefined;
  #isDamaged = false;

  constructor(reader: BackupReader, options: NearOptions) {
    this.#reader = reader;
    this.#options = options;
  }

  async of(leaf: number, refs: readonly ChunkRef[]) {
    const { ranges, onDamage, signal } = this.#options;
    try {
      const bounds = await this.#open();
      if (!bounds || Buffer.compare(bounds.keyId, ranges.keyId) !== 0) return undefined;
      const found = await bounds.of(
        leaf,
        refs.map(({ id }) => id),
        signal,
      );
      return found?.chunks;
    } catch (error) {
      if (!isDamage(error)) throw error;
      if (!this.#isDamaged) onDamage?.(error);
      this.#isDamaged = true;
      return undefined;
    }
  }

  #open(): Promise<PartitionBounds | undefined> {
    const { dataset, partition, signal } = this.#options;
    this.#bounds ??= this.#reader.bounds(dataset, partition, signal);
    return this.#bounds;
  }
}
