import { HoldfastError } from '../../core/errors.ts';
import { type KeyField, keyFieldsOf, keyIdOf } from '../../core/key-fields.ts';
import type { CatalogDataset } from '../../format/catalog.ts';
import type { ChunkRef } from '../../format/chunk-ref.ts';
import { type ChunkBounds, scanRecords } from '../../format/key-bounds.ts';
import { packKey } from '../../format/pack.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import { isDamage } from '../../repository/reading/damage.ts';
import type { PartitionBounds } from '../../repository/reading/partition-bounds.ts';

/** Told what is wrong, and with which pack: the first 64 digits of its name. */
export type OnWrongBounds = (pack: string, problem: HoldfastError) => void;

/** What is said of the keys of a leaf's chunks. */
export interface SaidOfLeaf {
  /** The same for what is said in the same place. */
  readonly name: string;
  readonly pack: string;
  readonly chunks: readonly (ChunkBounds | undefined)[];
}

const NOTHING: SaidOfLeaf = { name: '', pack: '', chunks: [] };

/**
 * Compares the least and greatest keys that a backup has of a partition's chunks with the chunks: wrong ones hide rows, and nothing
 * else shows it.
 */
export class BoundsCheck {
  readonly #bounds: PartitionBounds;
  readonly #fields: readonly KeyField[];
  readonly #onWrong: OnWrongBounds;
  readonly #signal: AbortSignal;

  private constructor(
    bounds: PartitionBounds,
    fields: readonly KeyField[],
    options: { readonly onWrong: OnWrongBounds; readonly signal: AbortSignal },
  ) {
    this.#bounds = bounds;
    this.#fields = fields;
    this.#onWrong = options.onWrong;
    this.#signal = options.signal;
  }

  /** Undefined if there are none, or none that a reader goes by. @throws E_STORE_*, E_ABORTED */
  static async of(
    reader: BackupReader,
    { name, attributes, partitions }: CatalogDataset,
    partition: string,
    options: { readonly onWrong: OnWrongBounds; readonly signal: AbortSignal },
  ): Promise<BoundsCheck | undefined> {
    const fields = keyFieldsOf(attributes);
    try {
      const bounds = await reader.bounds(name, partition, options.signal);
      const isMeant = bounds && Buffer.compare(bounds.keyId, keyIdOf(fields)) === 0;
      return isMeant ? new BoundsCheck(bounds, fields, options) : undefined;
    } catch (error) {
      if (!isDamage(error)) throw error;
      const entry = partitions.find((one) => one.name === partition)?.bounds;
      const isOwn = entry === undefined || /^0+$/.test(entry.pack);
      options.onWrong(isOwn ? reader.manifest.catalog.pack : entry.pack, error);
      return undefined;
    }
  }

  /** What is said in the place of a leaf: the same for the same item. */
  nameOf(leaf: number): string {
    const place = this.#bounds.places[leaf];
    return place ? `${place.pack.id?.slice(0, 16)}${place.offset}` : '';
  }

  /** What is said of the chunks of a leaf; nothing if that cannot be read. @throws E_STORE_*, E_ABORTED */
  async said(leaf: number, refs: readonly ChunkRef[]): Promise<SaidOfLeaf> {
    const pack = this.#bounds.places[leaf]?.pack.id ?? '';
    const ids = refs.map(({ id }) => id);
    try {
      const found = await this.#bounds.of(leaf, ids, this.#signal);
      return found ? { name: this.nameOf(leaf), pack, chunks: found.chunks } : NOTHING;
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#onWrong(pack, error);
      return NOTHING;
    }
  }

  /** Takes the keys of a chunk again. */
  compare(plain: Uint8Array, said: ChunkBounds, pack: string): void {
    const { buffer, byteOffset, byteLength } = plain;
    const { bounds } = scanRecords(Buffer.from(buffer, byteOffset, byteLength), this.#fields);
    if (bounds && textOf(bounds) === textOf(said)) return;
    const problem = `the least and greatest keys in ${packKey(pack as never)} are not those of the chunk that they are of`;
    this.#onWrong(
      pack,
      new HoldfastError('E_DAMAGED', problem, {
        hint: 'A restore needs none of them; `rows` and `history` may miss rows. The next backup takes them again.',
      }),
    );
  }
}

/** The same for the same bounds. */
export function textOf({ least, greatest }: ChunkBounds): string {
  return `${Buffer.from(least).toString('latin1')}/${Buffer.from(greatest).toString('latin1')}`;
}
