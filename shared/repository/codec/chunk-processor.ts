import { hash, randomBytes } from 'node:crypto';
import { releaseMemory } from '../../core/buffer-memory.ts';
import type { KeyField } from '../../core/key-fields.ts';
import { KiB } from '../../core/units.ts';
import { type Meter, NO_METER } from '../../core/work-meter.ts';
import { decodeChain, encodeDeltaItem, encodeFull, mapOf } from '../../format/codec.ts';
import { encodeDelta } from '../../format/delta.ts';
import { scanRecords } from '../../format/key-bounds.ts';
import { PackBuilder } from '../../format/pack.ts';
import { padme } from '../../format/padding.ts';
import { NONCE_BYTES, newPackSeal, TAG_BYTES } from '../../format/seal.ts';
import { countRecords, openChain } from './chunk-decoder.ts';
import type {
  ChunkToStore,
  ItemBatch,
  PackClosed,
  RunSettings,
  StoredChunk,
  StoredItem,
} from './codec-task.ts';
import { TableChoice } from './table-choice.ts';

/** Deltas are small, so a higher level costs little. */
const DELTA_LEVEL = 9;
/** Header, directory and tags of a pack with one item, with some room. */
const PACK_OVERHEAD_BYTES = 1024;
/** Of the first buffer of a pack; most small backups fill no more. */
const FIRST_BYTES = 128 * KiB;

/**
 * Hashes, compresses and seals chunks of one run into packs of its own. Synchronous: runs on a worker
 * thread, or inline for what is small.
 */
export class ChunkProcessor {
  readonly #settings: RunSettings;
  readonly #meter: Meter;
  /** Undefined: chunks are not stored as columns. */
  readonly #tables: TableChoice | undefined;
  #spare: ArrayBuffer | undefined;
  #builder: PackBuilder | undefined;
  #closed: PackClosed[] = [];
  #packs = 0;

  constructor(settings: RunSettings, meter: Meter = NO_METER) {
    this.#settings = settings;
    this.#meter = meter;
    const { version, purpose, level } = settings;
    if (version > 1 && purpose === 'data' && level > 0) this.#tables = new TableChoice(level);
  }

  /** Takes back a buffer to build the next pack in; keeps only one, and releases others. */
  reuse(buffer: ArrayBuffer): void {
    if (this.#spare) releaseMemory(new Uint8Array(buffer));
    else this.#spare = buffer;
  }

  /** @param keyFields of the key that the least and the greatest are wanted of; none: of no key */
  store(
    block: Buffer,
    chunks: readonly ChunkToStore[],
    bases: ItemBatch | undefined,
    keyFields: readonly KeyField[] = [],
  ): StoredChunk[] {
    return chunks.map((chunk) => {
      const plain = block.subarray(chunk.start, chunk.end);
      return this.#storeChunk(plain, chunk, { bases, keyFields });
    });
  }

  /** Seals `plain` (codec byte and body) unchanged. */
  addItem(item: Uint8Array): StoredItem {
    return this.#meter.run('seal', item.length, () => {
      const { offset, storedBytes } = this.#room(item.length).add(item);
      return { pack: this.#packs, offset, storedBytes };
    });
  }

  /** See PackBuilder.pad; room for it must have been reserved. */
  pad(): void {
    this.#builder?.pad();
  }

  /** Packs that were filled since the last call. */
  takeClosed(): PackClosed[] {
    const closed = this.#closed;
    this.#closed = [];
    return closed;
  }

  /** Closes the open pack too. */
  finish(): PackClosed[] {
    this.#meter.run('seal', 0, () => this.#close(true));
    return this.takeClosed();
  }

  #storeChunk(
    plain: Buffer,
    chunk: ChunkToStore,
    { bases, keyFields }: { readonly bases: ItemBatch | undefined; readonly keyFields: readonly KeyField[] },
  ): StoredChunk {
    const { length } = plain;
    const meter = this.#meter;
    const id = chunk.id
      ? Buffer.from(chunk.id)
      : meter.run('hash', length, () => hash('sha256', plain, 'buffer'));
    const scan = (fields: readonly KeyField[]) =>
      meter.run('count', length, () => countAndBounds(plain, fields));
    if (chunk.parentId && id.equals(chunk.parentId))
      return { status: 'same', bounds: chunk.lacksBounds ? scan(keyFields).bounds : undefined };
    if (chunk.mayDelta && !chunk.base) return { status: 'needs-base', id };
    const delta = chunk.base && bases ? this.#delta(plain, chunk.base, bases) : undefined;
    const item = delta ?? meter.run('compress', length, () => this.#encode(plain));
    const location = this.#addChunk(item);
    releaseMemory(item);
    return {
      status: 'stored',
      id,
      ...scan(keyFields),
      isDelta: delta !== undefined,
      ...location,
    };
  }

  /** An item of a chunk; behind one of columns, in the same pack, where they are. */
  #addChunk(item: Buffer): StoredItem {
    const map = mapOf(item);
    if (!map) return this.addItem(item);
    this.reserve(item.length + NONCE_BYTES + TAG_BYTES + map.length);
    const location = this.addItem(item);
    this.#meter.run('seal', map.length, () => this.#builder?.add(map));
    return location;
  }

  #encode(plain: Buffer): Buffer {
    return this.#tables?.encode(plain) ?? encodeFull(plain, this.#settings.level);
  }

  /** Undefined if the delta is not worth it. */
  #delta(plain: Buffer, base: NonNullable<ChunkToStore['base']>, bases: ItemBatch): Buffer | undefined {
    const { level, maxChunkBytes } = this.#settings;
    const meter = this.#meter;
    const items = openChain(base.chain, bases, meter);
    const from = meter.run('decompress', plain.length, () => decodeChain(items, maxChunkBytes));
    const delta = meter.run('differ', plain.length, () => encodeDelta(from, plain));
    releaseMemory(from);
    const item = meter.run('compress', delta.length, () =>
      encodeDeltaItem(delta, level > 0 ? DELTA_LEVEL : 0),
    );
    return item.length <= base.maxDeltaBytes ? item : undefined;
  }

  /** Makes sure that an item of `itemBytes` fits into the open pack, and returns that pack. */
  reserve(itemBytes: number): number {
    this.#room(itemBytes);
    return this.#packs;
  }

  #room(itemBytes: number): PackBuilder {
    if (this.#builder && !this.#builder.fits(itemBytes)) this.#close(false);
    this.#builder ??= this.#newBuilder(itemBytes);
    return this.#builder;
  }

  #newBuilder(itemBytes: number): PackBuilder {
    const { version, purpose, runKeyId, runKey } = this.#settings;
    const seal = newPackSeal(purpose, runKeyId, runKey, randomBytes(32), version);
    const capacity = this.#sizeFor(itemBytes);
    const buffer = this.#spare ?? new ArrayBuffer(Math.min(capacity, FIRST_BYTES));
    this.#spare = undefined;
    // The size of a full pack of version 2 says nothing about its content, nor about a larger pack that was
    // there before.
    if (version === 1)
      return new PackBuilder(seal, Buffer.from(buffer), Math.max(capacity, buffer.byteLength));
    return new PackBuilder(seal, Buffer.from(buffer, 0, Math.min(capacity, buffer.byteLength)), capacity);
  }

  /** Bytes of a full pack that begins with such an item. */
  #sizeFor(itemBytes: number): number {
    const { version, packBytes } = this.#settings;
    const least = itemBytes + PACK_OVERHEAD_BYTES;
    return least <= packBytes ? packBytes : version === 1 ? least : padme(least);
  }

  #close(padded: boolean): void {
    if (!this.#builder) return;
    const { id, bytes } = this.#builder.close(padded);
    this.#closed.push({ pack: this.#packs, id, buffer: bytes.buffer as ArrayBuffer, length: bytes.length });
    this.#builder = undefined;
    this.#packs++;
  }
}

function countAndBounds(plain: Buffer, keyFields: readonly KeyField[]): Pick<Scan, 'records' | 'bounds'> {
  return keyFields.length > 0
    ? scanRecords(plain, keyFields)
    : { records: countRecords(plain), bounds: undefined };
}

type Scan = Extract<StoredChunk, { status: 'stored' }>;
