import type { ObjectStore } from '../../../shared/store/object-store.ts';

interface Pack {
  readonly id: string;
  readonly bytes: number;
}

/** A list of packs as it is stored. */
export interface StoredList {
  readonly root: string;
  readonly leaves: readonly { readonly id: string; readonly packs: readonly Pack[] }[];
}

export function objectOf(id: string): string {
  return `data/${id.slice(0, 2)}/${id}`;
}

/** Objects below `data/` that a manifest says it needs, and those of its list; by docs/reference/format.md, with no code of Holdfast's. */
export async function neededObjects(store: ObjectStore, manifestKey: string): Promise<string[]> {
  const manifest = JSON.parse(Buffer.from(await store.get(manifestKey)).toString()) as {
    readonly packs?: readonly Pack[];
    readonly list?: { readonly id: string };
  };
  if (!manifest.list) return (manifest.packs ?? []).map(({ id }) => objectOf(id));
  const { root, leaves } = await readList(store, manifest.list.id);
  const packs = leaves.flatMap((leaf) => [leaf.id, ...leaf.packs.map(({ id }) => id)]);
  return [root, ...packs].map(objectOf);
}

export async function readList(store: ObjectStore, root: string): Promise<StoredList> {
  const reader = new Bytes(await store.get(objectOf(root)), 1);
  const count = reader.varint();
  const ids = Array.from({ length: count }, () => reader.id());
  const leaves = [];
  for (const id of ids) leaves.push({ id, packs: await readLeaf(store, id) });
  return { root, leaves };
}

async function readLeaf(store: ObjectStore, id: string): Promise<Pack[]> {
  const reader = new Bytes(await store.get(objectOf(id)), 0);
  reader.skip(reader.varint());
  const count = reader.varint();
  const ids = Array.from({ length: count }, () => reader.id());
  return ids.map((pack) => ({ id: pack, bytes: reader.varint() }));
}

class Bytes {
  readonly #bytes: Buffer;
  #at = 24;

  constructor(bytes: Uint8Array, level: number) {
    this.#bytes = Buffer.from(bytes);
    const header = this.#bytes.toString('hex', 0, 8);
    if (header !== `4846504c010${level}0000`)
      throw new Error(`a list of level ${level} begins with ${header}`);
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  id(): string {
    this.#at += 32;
    return this.#bytes.toString('hex', this.#at - 32, this.#at);
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }
}
