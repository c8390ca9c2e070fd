import { createHash } from 'node:crypto';
import { HoldfastError } from '../../core/errors.ts';
import type { PackId } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { type ListRef, listOf, type Manifest, type RunKey } from '../../format/manifest.ts';
import { packKey } from '../../format/pack.ts';
import {
  decodeListLeaf,
  decodeListRoot,
  type ListedPack,
  type ListNode,
  MOST_LIST_BYTES,
} from '../../format/pack-list.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import { asDamage, isDamage } from '../reading/damage.ts';
import type { DocumentMemory } from '../reading/document-memory.ts';

/** List objects read at once. */
const READS = 8;
/** Packs of remembered leaves: more than a backup of a terabyte has. About 10 MB. */
const MOST_REMEMBERED = 2 ** 16;

/** An object below `data/` that a backup needs: a pack, or a part of its list of packs. */
export type NamedObject = Pick<ListedPack, 'id' | 'bytes'>;

/**
 * A part of what a backup names: an object of its list and the packs in it; for a backup without a list, all
 * packs.
 */
export interface PackGroup {
  /** Undefined for the manifest itself. */
  readonly object: NamedObject | undefined;
  /** Empty for the root of a list. */
  readonly packs: readonly ListedPack[];
}

/** A damaged list object: nobody knows which packs are in it. */
export interface LostGroup {
  readonly object: NamedObject;
  readonly problem: HoldfastError;
}

interface WalkGroups {
  /** Leaves for which it returns false, by id, are skipped. */
  readonly isWanted?: (leaf: string) => boolean;
  readonly signal: AbortSignal;
}

/** Reads which packs manifests name, directly or through a list. Needs no key. */
export class PackLists {
  readonly #store: ObjectStore;
  /** Leaves that backups share, least recently used first. */
  readonly #leaves = new Map<string, RememberedLeaf>();
  #remembered = 0;
  /** Bodies of list objects, by id: what has that SHA-256 never changes. */
  readonly #bodies: DocumentMemory<Uint8Array> | undefined;

  /**
   * @param bodies keeps what was read, for a process that reads all lists again and again. @default only
   * leaves are kept
   */
  constructor(store: ObjectStore, bodies?: DocumentMemory<Uint8Array>) {
    this.#store = store;
    this.#bodies = bodies;
  }

  /** All packs, in their order. @throws E_DAMAGED naming the list object, E_STORE_* */
  async packs(manifest: Manifest, signal: AbortSignal): Promise<ListedPack[]> {
    const packs: ListedPack[] = [];
    for await (const group of this.groups(manifest, { signal }))
      for (const pack of group.packs) packs.push(pack);
    return packs;
  }

  /**
   * Everything below `data/` that the backup needs: its packs and the objects of its list; and every run key
   * that these and its manifest need.
   *
   * @throws as `packs`
   */
  async all(
    manifest: Manifest,
    signal: AbortSignal,
  ): Promise<{ readonly objects: readonly NamedObject[]; readonly keys: readonly RunKey[] }> {
    const objects: NamedObject[] = [];
    const keys = new Map(manifest.keys.map((key) => [keyName(key), key]));
    for await (const { object, packs } of this.groups(manifest, { signal })) {
      if (object) objects.push(object);
      for (const pack of packs) {
        objects.push(pack);
        if (pack.key && object) keys.set(keyName(pack.key), pack.key);
      }
    }
    return { objects, keys: [...keys.values()] };
  }

  /** @throws as `packs` */
  async *groups(manifest: Manifest, options: WalkGroups): AsyncGenerator<PackGroup> {
    for await (const group of this.walk(manifest, options)) {
      if ('problem' in group) throw group.problem;
      yield group;
    }
  }

  /**
   * As `groups`, but a damaged list object is returned as lost, and the walk goes on after it. @throws
   * E_STORE_*
   */
  async *walk(manifest: Manifest, options: WalkGroups): AsyncGenerator<PackGroup | LostGroup> {
    const list = listOf(manifest);
    if (!list) {
      yield { object: undefined, packs: ownPacks(manifest) };
      return;
    }
    const root = await this.#orLost(list, () => this.#root(list, options.signal));
    yield 'problem' in root ? root : { object: { id: list.id, bytes: list.bytes }, packs: [] };
    if ('problem' in root) return;
    const { isWanted = () => true, signal } = options;
    const wanted = root.found.filter(({ id }) => isWanted(id));
    const read = async (node: ListNode): Promise<PackGroup | LostGroup> => {
      const leaf = await this.#orLost(node, () => this.#leaf(node, signal));
      return 'problem' in leaf ? leaf : { object: { id: node.id, bytes: node.bytes }, packs: leaf.found };
    };
    yield* orderedMap(wanted, READS, read);
  }

  async #orLost<T>(
    { id, bytes }: NamedObject,
    read: () => Promise<T>,
  ): Promise<{ readonly found: T } | LostGroup> {
    try {
      return { found: await read() };
    } catch (error) {
      if (!isDamage(error)) throw error;
      return { object: { id, bytes }, problem: error };
    }
  }

  async #root(list: ListRef, signal: AbortSignal): Promise<readonly ListNode[]> {
    const children = decodeListRoot(await this.#read(list, signal), packKey(list.id as PackId));
    refuseOther(list, { packs: sum(children, 'packs'), packBytes: sum(children, 'packBytes') });
    return children;
  }

  async #leaf(node: ListNode, signal: AbortSignal): Promise<readonly ListedPack[]> {
    const known = this.#leaves.get(node.id);
    if (known) {
      this.#leaves.delete(node.id);
      this.#leaves.set(node.id, known);
      return checked(node, await known.packs);
    }
    const leaf: RememberedLeaf = { packs: this.#readLeaf(node, signal), count: node.packs };
    this.#leaves.set(node.id, leaf);
    this.#remembered += leaf.count;
    this.#makeRoom();
    try {
      return checked(node, await leaf.packs);
    } catch (error) {
      if (this.#leaves.get(node.id) === leaf) this.#forget(node.id, leaf);
      throw error;
    }
  }

  async #readLeaf(node: ListNode, signal: AbortSignal): Promise<readonly ListedPack[]> {
    return decodeListLeaf(await this.#read(node, signal), packKey(node.id as PackId));
  }

  /** Reads only as many bytes as it is said to have, which is few: somebody may have put anything there. */
  async #read({ id, bytes }: NamedObject, signal: AbortSignal): Promise<Uint8Array> {
    const object = packKey(id as PackId);
    const known = this.#bodies?.get(id, String(bytes));
    if (known) return known;
    if (bytes > MOST_LIST_BYTES)
      throw new HoldfastError('E_DAMAGED', `${object} claims to be a list of packs of ${bytes} bytes`);
    try {
      const read = await this.#store.get(object, { range: { offsetBytes: 0, lengthBytes: bytes }, signal });
      if (createHash('sha256').update(read).digest('hex') === id) {
        this.#bodies?.keep(id, { stamp: String(bytes), value: read, sizeBytes: bytes });
        return read;
      }
    } catch (error) {
      throw asDamage(error, object);
    }
    throw new HoldfastError(
      'E_DAMAGED',
      `${object}, a list of packs, was changed: its SHA-256 is not its name`,
      { hint: 'Restore it from a copy or an older version of the bucket, or restore another backup.' },
    );
  }

  #makeRoom(): void {
    for (const [id, leaf] of this.#leaves) {
      if (this.#remembered <= MOST_REMEMBERED || this.#leaves.size === 1) return;
      this.#forget(id, leaf);
    }
  }

  #forget(id: string, { count }: RememberedLeaf): void {
    this.#leaves.delete(id);
    this.#remembered -= count;
  }
}

interface RememberedLeaf {
  readonly packs: Promise<readonly ListedPack[]>;
  /** As what is above it says. */
  readonly count: number;
}

/** Everything that it says: two keys that differ in anything are different. */
function keyName({ run, purpose, rootKeyId, wrapped, source }: RunKey): string {
  return JSON.stringify([run, purpose, rootKeyId, wrapped, source]);
}

function ownPacks({ packs = [], keys }: Manifest): ListedPack[] {
  return packs.map(({ id, bytes, key }) => ({ id, bytes, key: keys[key] }));
}

function checked(node: ListNode, packs: readonly ListedPack[]): readonly ListedPack[] {
  refuseOther(node, { packs: packs.length, packBytes: sum(packs, 'bytes') });
  return packs;
}

/** @throws E_DAMAGED if a list object holds something other than its parent says */
function refuseOther(
  said: Pick<ListNode, 'id' | 'packs' | 'packBytes'>,
  got: Pick<ListNode, 'packs' | 'packBytes'>,
): void {
  if (said.packs === got.packs && said.packBytes === got.packBytes) return;
  throw new HoldfastError(
    'E_DAMAGED',
    `${packKey(said.id as PackId)} names ${got.packs} packs of ${got.packBytes} bytes; expected ${said.packs} of ${said.packBytes}`,
    { hint: 'It was written wrong: make a new backup, and restore another one.' },
  );
}

function sum<K extends string>(things: readonly Readonly<Record<K, number>>[], key: K): number {
  return things.reduce((total, thing) => total + thing[key], 0);
}
