import { Cursor, check, hkdf, load, refuse, sha256 } from './bytes.ts';
import { type Keys, open, type RunKey } from './keys.ts';

export interface Location {
  readonly pack: string;
  readonly offset: number;
  readonly storedBytes: number;
}

export interface NamedPack {
  readonly id: string;
  readonly bytes: number;
  readonly key: RunKey;
}

const HEADER = 88;
const PURPOSES = ['', 'data', 'index'];
const MOST = 1024 ** 3;

/** An object below `data/`: its name is the SHA-256 of its bytes. */
export function readObject(folder: string, id: string, bytes: number): Buffer {
  const found = load(folder, `data/${id.slice(0, 2)}/${id}`);
  check(found.length === bytes, `pack ${id} has another size`);
  check(sha256(found) === id, `pack ${id} has other bytes than its name says`);
  return found;
}

/** What a pack says of the key that it was sealed with. */
export function headerOf(bytes: Buffer): { version: number; purpose: string; run: string } {
  check(bytes.length >= HEADER && bytes.toString('latin1', 0, 4) === 'HFPK', 'not a pack');
  const [version = 0, algorithm, purpose = 0, zero] = bytes.subarray(4, 8);
  check([1, 2].includes(version) && algorithm === 1 && zero === 0, 'a pack of another version');
  check(purpose === 1 || purpose === 2, 'a pack of another purpose');
  return { version, purpose: PURPOSES[purpose] ?? '', run: bytes.toString('hex', 8, 24) };
}

export class Pack {
  readonly purpose: string;
  readonly version: number;
  readonly #bytes: Buffer;
  readonly #key: Buffer;
  /** Stored bytes by offset. */
  readonly #items = new Map<number, number>();

  constructor(bytes: Buffer, named: NamedPack, keys: Keys) {
    const { version, purpose, run } = headerOf(bytes);
    check(purpose === named.key.purpose && run === named.key.run, 'a pack of another key than is said');
    const [info, count] = version === 1 ? ['holdfast/1 pack', 64] : (['holdfast/2 pack', 96] as const);
    const derived = hkdf(keys.unwrap(named.key), info, count, bytes.subarray(24, 56));
    check(derived.subarray(32, 64).equals(bytes.subarray(56, HEADER)), 'a pack of another run key');
    this.purpose = purpose;
    this.version = version;
    this.#bytes = bytes;
    this.#key = derived.subarray(0, 32);
    this.#readDirectory(purpose === 'data' ? 2 * keys.maxBytes + 128 : MOST);
  }

  #readDirectory(most: number): void {
    const end = this.#bytes.length - (this.version === 1 ? 4 : 32);
    check(end > HEADER, 'a pack is too short');
    const length = this.version === 1 ? this.#bytes.readUInt32LE(end) : this.#open(end, 32).readUInt32LE();
    check(length <= end - HEADER, 'the directory of a pack is too long');
    const directory = new Cursor(this.#open(end - length, length));
    const count = directory.varint();
    check(count <= 65_536, 'a pack has too many items');
    let at = HEADER;
    for (let index = 0; index < count; index += 1) {
      const stored = directory.varint();
      check(stored <= most, 'an item is too large');
      this.#items.set(at, stored);
      at += stored;
    }
    check(at === end - length, 'the items of a pack do not end where its directory begins');
    const rest = directory.rest();
    check(
      rest.every((byte) => byte === 0),
      'a directory is padded with other bytes than zeros',
    );
  }

  #open(offset: number, stored: number): Buffer {
    const header = this.#bytes.subarray(0, HEADER);
    const item = this.#bytes.subarray(offset, offset + stored);
    const place = Buffer.alloc(12);
    place.writeBigUInt64LE(BigInt(offset));
    if (this.version === 1) return open(this.#key, place, item, header, 'an item');
    check(stored >= 28, 'an item is too short');
    const associated = Buffer.concat([header, place.subarray(0, 8)]);
    return open(this.#key, item.subarray(0, 12), item.subarray(12), associated, 'an item');
  }

  item(offset: number, storedBytes: number): Buffer {
    check(this.#items.get(offset) === storedBytes, 'no item of a pack lies there');
    return this.#open(offset, storedBytes);
  }

  /** The item that lies behind another one; null: that is the last one. */
  behind({ offset, storedBytes }: Location): Buffer | null {
    const next = offset + storedBytes;
    const bytes = this.#items.get(next);
    return bytes === undefined ? null : this.#open(next, bytes);
  }
}

/** The packs that a manifest names. */
export class Packs {
  readonly #folder: string;
  readonly #keys: Keys;
  readonly #named: ReadonlyMap<string, NamedPack>;
  readonly #open = new Map<string, Pack>();
  /** Versions of the packs that were opened. */
  readonly versions = new Set<number>();

  constructor(folder: string, keys: Keys, named: readonly NamedPack[]) {
    this.#folder = folder;
    this.#keys = keys;
    this.#named = new Map(named.map((pack) => [pack.id, pack]));
    check(this.#named.size === named.length, 'a pack is named twice');
  }

  named(id: string): NamedPack {
    return this.#named.get(id) ?? refuse(`pack ${id} is not one that the backup names`);
  }

  item({ pack, offset, storedBytes }: Location, purpose: string): Buffer {
    return this.#opened(pack, purpose).item(offset, storedBytes);
  }

  /** The item that lies behind another one in its pack, if there is one. */
  behind(location: Location, purpose: string): Buffer | null {
    return this.#opened(location.pack, purpose).behind(location);
  }

  #opened(pack: string, purpose: string): Pack {
    let found = this.#open.get(pack);
    if (found === undefined) {
      const named = this.named(pack);
      found = new Pack(readObject(this.#folder, pack, named.bytes), named, this.#keys);
      this.versions.add(found.version);
      this.#open.set(pack, found);
    }
    check(found.purpose === purpose, `an item lies in a pack of ${found.purpose}, not of ${purpose}`);
    return found;
  }
}
