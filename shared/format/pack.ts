import { createHash, randomInt } from 'node:crypto';
import { releaseMemory } from '../core/buffer-memory.ts';
import { HoldfastError } from '../core/errors.ts';
import { type PackId, parsePackId } from '../core/ids.ts';
import type { ItemLocation, PackHandle } from './chunk-ref.ts';
import { blurredPadme, padme } from './padding.ts';
import { isOfVersion1, itemOverhead, openItem, PACK_HEADER_BYTES, type PackSeal, sealItem } from './seal.ts';
import { ByteReader, ByteWriter } from './varint.ts';

/** The directory's length follows it. In version 2 it is sealed, as it reveals how much is padding. */
const LENGTH_BYTES = 4;
/** Bounds the directory, and the references that wait for a pack's id. */
const MOST_ITEMS = 65_536;
const DIRECTORY_BYTES_PER_ITEM = 4;
/**
 * Up to this share of a pack of version 2 stays free, at random: nobody can see whether one more byte would
 * have fitted.
 */
const FREE_SHARE = 1 / 128;

/** A pack that takes no more. */
export interface ClosedPack {
  readonly id: PackId;
  /** The object; a view of the buffer that the builder was given, or of a larger one. */
  readonly bytes: Buffer;
  readonly items: number;
}

/** Where a pack lies in the store. */
export function packKey(id: PackId): string {
  return `data/${id.slice(0, 2)}/${id}`;
}

const PACK_KEY = /^data\/([0-9a-f]{2})\/(\1[0-9a-f]{62})$/;

/** The id in a pack's path; undefined if it is not the path of a pack. */
export function packIdOf(key: string): PackId | undefined {
  return PACK_KEY.exec(key)?.[2] as PackId | undefined;
}

/** How many times larger a buffer becomes that is too small: few of its bytes are ever copied. */
const GROWTH = 4;

/** Fills one buffer with sealed items. docs/reference/format.md, "Pack". */
export class PackBuilder {
  readonly handle: PackHandle = { id: undefined };
  readonly #seal: PackSeal;
  readonly #capacity: number;
  #buffer: Buffer;
  readonly #sizes: number[] = [];
  readonly #freeBytes: number;
  #at = PACK_HEADER_BYTES;

  /**
   * @param buffer with room for the header; it is replaced by larger ones as the pack is filled
   * @param capacity bytes of a full pack
   */
  constructor(seal: PackSeal, buffer: Buffer, capacity: number = buffer.length) {
    this.#seal = seal;
    this.#buffer = buffer;
    this.#capacity = capacity;
    this.#freeBytes = isOfVersion1(seal) ? 0 : randomInt(Math.max(1, Math.floor(capacity * FREE_SHARE)));
    buffer.set(seal.header, 0);
  }

  get isEmpty(): boolean {
    return this.#sizes.length === 0;
  }

  /** Whether an item of `plainBytes` (codec byte included) and the directory still fit. Padding, or a map of columns, may follow it. */
  fits(plainBytes: number): boolean {
    const overhead = itemOverhead(this.#seal);
    const sizes = (this.#sizes.length + 3) * DIRECTORY_BYTES_PER_ITEM;
    const directory = sizes + overhead + trailerBytes(this.#seal);
    const room = this.#capacity - (this.isEmpty ? 0 : this.#freeBytes);
    return this.#sizes.length + 1 < MOST_ITEMS && this.#at + plainBytes + overhead + directory <= room;
  }

  /** `item` must fit. */
  add(item: Uint8Array): ItemLocation {
    const offset = this.#at;
    this.#makeRoom(item.length + itemOverhead(this.#seal));
    const storedBytes = sealItem(this.#seal, offset, item, this.#buffer, offset);
    this.#at += storedBytes;
    this.#sizes.push(storedBytes);
    return { pack: this.handle, offset, storedBytes };
  }

  /**
   * Adds zeros, so that the beginning of the next item says little about the size of those before it. They
   * must fit.
   */
  pad(): void {
    const least = this.#at + itemOverhead(this.#seal);
    this.add(Buffer.alloc(blurredPadme(least) - least));
  }

  /**
   * Seals the directory and computes the pack's id.
   *
   * @param padded pads to a Padmé size, for packs that are not full. In version 2, a full pack takes the
   * whole buffer, so that its size does not reveal how much was left over
   */
  close(padded: boolean): ClosedPack {
    const writer = new ByteWriter(this.#sizes.length * DIRECTORY_BYTES_PER_ITEM + 8);
    writer.varint(this.#sizes.length);
    for (const size of this.#sizes) writer.varint(size);
    const bare = this.#at + writer.length + itemOverhead(this.#seal) + trailerBytes(this.#seal);
    writer.bytes(Buffer.alloc(Math.max(0, this.#sizeFor(bare, padded) - bare)));
    const directory = writer.finish();
    this.#makeRoom(directory.length + itemOverhead(this.#seal) + trailerBytes(this.#seal));
    const directoryBytes = sealItem(this.#seal, this.#at, directory, this.#buffer, this.#at);
    const trailer = this.#at + directoryBytes;
    writeLength(this.#seal, directoryBytes, this.#buffer, trailer);
    const bytes = this.#buffer.subarray(0, trailer + trailerBytes(this.#seal));
    const id = parsePackId(createHash('sha256').update(bytes).digest('hex'));
    this.handle.id = id;
    return { id, bytes, items: this.#sizes.length };
  }

  #sizeFor(bare: number, padded: boolean): number {
    const size = isOfVersion1(this.#seal) ? padme(bare) : blurredPadme(bare);
    if (padded) return Math.min(size, this.#capacity);
    return isOfVersion1(this.#seal) ? bare : this.#capacity;
  }

  /** Small packs take little memory: the buffer has all of a full pack only once it is needed. */
  #makeRoom(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#buffer.length || this.#buffer.length >= this.#capacity) return;
    const larger = Buffer.from(
      new ArrayBuffer(Math.min(this.#capacity, Math.max(needed, this.#buffer.length * GROWTH))),
    );
    this.#buffer.copy(larger, 0, 0, this.#at);
    releaseMemory(this.#buffer);
    this.#buffer = larger;
  }
}

function trailerBytes(seal: PackSeal): number {
  return isOfVersion1(seal) ? LENGTH_BYTES : LENGTH_BYTES + itemOverhead(seal);
}

function writeLength(seal: PackSeal, directoryBytes: number, into: Buffer, at: number): void {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(directoryBytes);
  if (isOfVersion1(seal)) length.copy(into, at);
  else sealItem(seal, at, length, into, at);
}

/** @throws E_DAMAGED */
function readLength(pack: Buffer, at: number, seal: PackSeal, packName: string): number {
  const stored = pack.subarray(at);
  if (isOfVersion1(seal)) return stored.readUInt32LE(0);
  return openItem(seal, at, stored, `the length of the directory of ${packName}`).readUInt32LE(0);
}

/**
 * Where each item of a whole pack is, from its directory.
 *
 * @throws E_DAMAGED
 */
export function readDirectory(
  pack: Buffer,
  seal: PackSeal,
  packName: string,
): { readonly offset: number; readonly storedBytes: number }[] {
  const trailer = pack.length - trailerBytes(seal);
  const directoryBytes = trailer >= PACK_HEADER_BYTES ? readLength(pack, trailer, seal, packName) : 0;
  const start = trailer - directoryBytes;
  if (directoryBytes < itemOverhead(seal) || start < PACK_HEADER_BYTES) {
    throw new HoldfastError(
      'E_DAMAGED',
      `${packName} has a directory of ${directoryBytes} bytes in ${pack.length}`,
    );
  }
  const reader = new ByteReader(
    openItem(seal, start, pack.subarray(start, trailer), `the directory of ${packName}`),
    packName,
  );
  const count = reader.count(1);
  const items = [];
  let offset = PACK_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const storedBytes = reader.varint();
    items.push({ offset, storedBytes });
    offset += storedBytes;
  }
  if (offset !== start) throw reader.damaged(`its items end at ${offset}, its directory begins at ${start}`);
  if (reader.bytes(reader.left).some((byte) => byte !== 0))
    throw reader.damaged('its directory is padded with bytes other than zeros');
  return items;
}
