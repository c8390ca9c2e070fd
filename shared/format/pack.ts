import { createHash } from 'node:crypto';
import { HoldfastError } from '../core/errors.ts';
import { type PackId, parsePackId } from '../core/ids.ts';
import type { ItemLocation, PackHandle } from './chunk-ref.ts';
import { padme } from './padding.ts';
import { openItem, PACK_HEADER_BYTES, type PackSeal, sealItem, TAG_BYTES } from './seal.ts';
import { ByteReader, ByteWriter } from './varint.ts';

const TRAILER_BYTES = 4;
/** Bounds what a directory can take, and the references that wait for a pack's name. */
const MOST_ITEMS = 65_536;
const DIRECTORY_BYTES_PER_ITEM = 4;

export interface ClosedPack {
  readonly id: PackId;
  /** The object; a view of the buffer that the builder was given. */
  readonly bytes: Buffer;
  readonly items: number;
}

export function packKey(id: PackId): string {
  return `data/${id.slice(0, 2)}/${id}`;
}

const PACK_KEY = /^data\/([0-9a-f]{2})\/(\1[0-9a-f]{62})$/;

/** The id in a pack's object key, undefined where the key is not one. */
export function packIdOf(key: string): PackId | undefined {
  return PACK_KEY.exec(key)?.[2] as PackId | undefined;
}

/** Fills one buffer with sealed items. docs/format.md, "Pack". */
export class PackBuilder {
  readonly handle: PackHandle = { id: undefined };
  readonly #seal: PackSeal;
  readonly #buffer: Buffer;
  readonly #sizes: number[] = [];
  #at = PACK_HEADER_BYTES;

  constructor(seal: PackSeal, buffer: Buffer) {
    this.#seal = seal;
    this.#buffer = buffer;
    buffer.set(seal.header, 0);
  }

  get isEmpty(): boolean {
    return this.#sizes.length === 0;
  }

  /** Whether an item of `plainBytes` (codec byte included) and the directory still fit. */
  fits(plainBytes: number): boolean {
    const directory = (this.#sizes.length + 3) * DIRECTORY_BYTES_PER_ITEM + TAG_BYTES + TRAILER_BYTES;
    return (
      this.#sizes.length < MOST_ITEMS && this.#at + plainBytes + TAG_BYTES + directory <= this.#buffer.length
    );
  }

  /** `item` must fit. */
  add(item: Uint8Array): ItemLocation {
    const offset = this.#at;
    const storedBytes = sealItem(this.#seal, offset, item, this.#buffer, offset);
    this.#at += storedBytes;
    this.#sizes.push(storedBytes);
    return { pack: this.handle, offset, storedBytes };
  }

  /**
   * Seals the directory, names the pack.
   *
   * @param padded makes the size a Padmé size, for packs that are not full
   */
  close(padded: boolean): ClosedPack {
    const writer = new ByteWriter(this.#sizes.length * DIRECTORY_BYTES_PER_ITEM + 8);
    writer.varint(this.#sizes.length);
    for (const size of this.#sizes) writer.varint(size);
    const bare = this.#at + writer.length + TAG_BYTES + TRAILER_BYTES;
    const total = padded ? Math.min(padme(bare), this.#buffer.length) : bare;
    writer.bytes(Buffer.alloc(Math.max(0, total - bare)));
    const directoryBytes = sealItem(this.#seal, this.#at, writer.finish(), this.#buffer, this.#at);
    const end = this.#at + directoryBytes;
    this.#buffer.writeUInt32LE(directoryBytes, end);
    const bytes = this.#buffer.subarray(0, end + TRAILER_BYTES);
    const id = parsePackId(createHash('sha256').update(bytes).digest('hex'));
    this.handle.id = id;
    return { id, bytes, items: this.#sizes.length };
  }
}

/**
 * Where each item of a whole pack lies, from its directory.
 *
 * @throws E_DAMAGED
 */
export function readDirectory(
  pack: Buffer,
  seal: PackSeal,
  packName: string,
): { readonly offset: number; readonly storedBytes: number }[] {
  const trailer = pack.length - TRAILER_BYTES;
  const directoryBytes = trailer >= PACK_HEADER_BYTES ? pack.readUInt32LE(trailer) : 0;
  const start = trailer - directoryBytes;
  if (directoryBytes < TAG_BYTES || start < PACK_HEADER_BYTES) {
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
  return items;
}
