import { createHash } from 'node:crypto';
import { HoldfastError } from '../core/errors.ts';
import type { ChunkRef, ItemLocation, PackHandle } from './chunk-ref.ts';
import { MAX_CHAIN } from './chunk-ref.ts';
import { ByteReader, ByteWriter } from './varint.ts';

/** Stands for the pack that will hold the item being written, whose id is not known yet. */
export const SELF = '0'.repeat(64);

const LEAF = 1;
const INNER = 2;
const FLAG_ENDS_INSIDE = 1;

/** A leaf ends after a reference whose end fingerprint is below this: one in 256. */
const LEAF_END = 2 ** 24;
const LEAF_MIN = 32;
/** Most references of a leaf. */
export const MOST_CHUNKS_A_LEAF = 1024;
const LEAF_MAX = MOST_CHUNKS_A_LEAF;
/** An inner node ends after a child whose last end fingerprint, mixed with the level, is below this: one in 64. */
const INNER_END = 2 ** 26;
const INNER_MIN = 16;
const INNER_MAX = 512;
/** With 16 children at the least, a million leaves. */
const MAX_LEVEL = 5;

/** A child of an inner node, or the root of a partition. */
export interface NodeRef {
  /** SHA-256 of the node's plain bytes. */
  readonly id: Buffer;
  /** 0 for a leaf. */
  readonly level: number;
  readonly chunks: number;
  readonly plainBytes: number;
  readonly records: number;
  /** The fingerprint after the last chunk's end. */
  readonly after: number;
  readonly location: ItemLocation;
}

/** The id of a node: the SHA-256 of its bytes. */
export function nodeId(plain: Uint8Array): Buffer {
  return createHash('sha256').update(plain).digest();
}

/** Upper bound on a leaf or inner node of `count` entries, plain or compressed. */
export function mostNodeBytes(count: number, chainSteps: number): number {
  return 1024 + count * 96 + chainSteps * (32 + 3 * 8);
}

/** Whether a leaf of `count` references, `last` the newest, ends here. */
export function leafEnds(count: number, last: ChunkRef): boolean {
  return count >= LEAF_MAX || (count >= LEAF_MIN && last.after < LEAF_END);
}

/** Whether an inner node of `count` children, `last` the newest, ends here. */
export function innerEnds(count: number, last: NodeRef): boolean {
  const mixed = Math.imul(last.after, 2_654_435_761 + 2 * (last.level + 1)) >>> 0;
  return count >= INNER_MAX || (count >= INNER_MIN && mixed < INNER_END);
}

/** @param self the pack that will hold the leaf; all others must have an id */
export function encodeLeaf(refs: readonly ChunkRef[], self: PackHandle): Buffer {
  const out = new ByteWriter(refs.length * 96);
  out.u8(LEAF);
  out.varint(refs.length);
  const packs = writePacks(
    out,
    refs.flatMap((ref) => ref.chain),
    self,
  );
  for (const ref of refs) out.bytes(ref.id);
  for (const ref of refs) out.varint(ref.plainBytes);
  for (const ref of refs) out.varint(ref.records);
  for (const ref of refs) out.u8(ref.endsInside ? FLAG_ENDS_INSIDE : 0);
  for (const ref of refs) out.u32(ref.before);
  for (const ref of refs) out.u32(ref.after);
  for (const ref of refs) out.u8(ref.chain.length);
  for (let step = 0; step < MAX_CHAIN; step++) {
    writeLocations(
      out,
      refs.flatMap((ref) => ref.chain[step] ?? []),
      packs,
    );
  }
  return out.finish();
}

/** @param self the pack that holds the leaf. @throws E_DAMAGED */
export function decodeLeaf(plain: Uint8Array, packs: PackNames, self: PackHandle, what: string): ChunkRef[] {
  const reader = new ByteReader(plain, what);
  if (reader.u8() !== LEAF) throw reader.damaged('it is not a leaf');
  const count = reader.count(40);
  if (count === 0 || count > LEAF_MAX)
    throw reader.damaged(`a leaf has 1 to ${LEAF_MAX} references, got ${count}`);
  const handles = readPacks(reader, packs, self);
  const column = <T>(read: () => T): T[] => Array.from({ length: count }, read);
  const ids = column(() => reader.bytes(32));
  const plainBytes = column(() => reader.varint());
  const records = column(() => reader.varint());
  const flags = column(() => reader.u8());
  const before = column(() => reader.u32());
  const after = column(() => reader.u32());
  const chains: ItemLocation[][] = column(() => []);
  const lengths = column(() => reader.u8());
  if (lengths.some((n) => n < 1 || n > MAX_CHAIN))
    throw reader.damaged(`a chain has 1 to ${MAX_CHAIN} steps`);
  for (let step = 0; step < MAX_CHAIN; step++) {
    const longer = chains.filter((_, i) => (lengths[i] ?? 0) > step);
    for (const [i, location] of readLocations(reader, longer.length, handles).entries())
      longer[i]?.push(location);
  }
  reader.end();
  return ids.map((id, i) => ({
    id,
    plainBytes: plainBytes[i] ?? 0,
    records: records[i] ?? 0,
    endsInside: flags[i] === FLAG_ENDS_INSIDE,
    before: before[i] ?? 0,
    after: after[i] ?? 0,
    chain: chains[i] ?? [],
  }));
}

/** All children are of one level, one below the node's. `self` as for a leaf. */
export function encodeInner(children: readonly NodeRef[], self: PackHandle): Buffer {
  const out = new ByteWriter(children.length * 64);
  out.u8(INNER);
  out.u8((children[0]?.level ?? 0) + 1);
  out.varint(children.length);
  const packs = writePacks(
    out,
    children.map((child) => child.location),
    self,
  );
  for (const child of children) out.bytes(child.id);
  for (const child of children) out.varint(child.chunks);
  for (const child of children) out.varint(child.plainBytes);
  for (const child of children) out.varint(child.records);
  for (const child of children) out.u32(child.after);
  writeLocations(
    out,
    children.map((child) => child.location),
    packs,
  );
  return out.finish();
}

/** @throws E_DAMAGED */
export function decodeInner(
  plain: Uint8Array,
  level: number,
  { packs, self, what }: { readonly packs: PackNames; readonly self: PackHandle; readonly what: string },
): NodeRef[] {
  const reader = new ByteReader(plain, what);
  if (reader.u8() !== INNER) throw reader.damaged('it is not an inner node');
  const got = reader.u8();
  if (got !== level || level < 1 || level > MAX_LEVEL)
    throw reader.damaged(`its level is ${got}, expected ${level}`);
  const count = reader.count(40);
  if (count === 0 || count > INNER_MAX)
    throw reader.damaged(`a node has 1 to ${INNER_MAX} children, got ${count}`);
  const handles = readPacks(reader, packs, self);
  const column = <T>(read: () => T): T[] => Array.from({ length: count }, read);
  const ids = column(() => reader.bytes(32));
  const chunks = column(() => reader.varint());
  const plainBytes = column(() => reader.varint());
  const records = column(() => reader.varint());
  const after = column(() => reader.u32());
  const locations = readLocations(reader, count, handles);
  reader.end();
  return locations.map((location, i) => ({
    id: ids[i] ?? Buffer.alloc(0),
    level: level - 1,
    chunks: chunks[i] ?? 0,
    plainBytes: plainBytes[i] ?? 0,
    records: records[i] ?? 0,
    after: after[i] ?? 0,
    location,
  }));
}

/** One handle a pack, so that references to a pack can be compared by handle. */
export class PackNames {
  readonly #handles = new Map<string, PackHandle>();

  /** @param id as stored: zeros stand for `self` */
  resolve(id: string, self: PackHandle): PackHandle {
    return id === SELF ? self : this.handle(id);
  }

  /** @param id 64 hex digits */
  handle(id: string): PackHandle {
    let handle = this.#handles.get(id);
    if (!handle) {
      handle = { id: id as PackHandle['id'] };
      this.#handles.set(id, handle);
    }
    return handle;
  }
}

/**
 * The packs in order of first use, as a count and 32 bytes each; zeros stand for the pack that holds the node
 * itself.
 */
export function writePacks(
  out: ByteWriter,
  locations: readonly ItemLocation[],
  self: PackHandle,
): Map<PackHandle, number> {
  const packs = new Map<PackHandle, number>();
  for (const { pack } of locations) if (!packs.has(pack)) packs.set(pack, packs.size);
  out.varint(packs.size);
  for (const pack of packs.keys()) {
    if (pack !== self && !pack.id)
      throw new HoldfastError('E_INTERNAL', 'a tree node was written before its packs were named');
    out.hex(pack === self ? SELF : (pack.id ?? SELF));
  }
  return packs;
}

/** What `writePacks` wrote. @throws E_DAMAGED */
export function readPacks(reader: ByteReader, packs: PackNames, self: PackHandle): PackHandle[] {
  const count = reader.count(32);
  return Array.from({ length: count }, () => packs.resolve(reader.hex(32), self));
}

/** Three columns: pack; offset, relative to the end of the previous item in the same pack; stored bytes. */
export function writeLocations(
  out: ByteWriter,
  locations: readonly ItemLocation[],
  packs: ReadonlyMap<PackHandle, number>,
): void {
  for (const { pack } of locations) out.varint(packs.get(pack) ?? 0);
  const ends = new Map<PackHandle, number>();
  for (const { pack, offset, storedBytes } of locations) {
    out.signed(offset - (ends.get(pack) ?? 0));
    ends.set(pack, offset + storedBytes);
  }
  for (const { storedBytes } of locations) out.varint(storedBytes);
}

/** What `writeLocations` wrote. @throws E_DAMAGED */
export function readLocations(
  reader: ByteReader,
  count: number,
  packs: readonly PackHandle[],
): ItemLocation[] {
  const handles = Array.from({ length: count }, () => {
    const pack = packs[reader.varint()];
    if (!pack) throw reader.damaged('a location names a pack that the node does not list');
    return pack;
  });
  const gaps = handles.map(() => reader.signed());
  const sizes = handles.map(() => reader.varint());
  const ends = new Map<PackHandle, number>();
  return handles.map((pack, i) => {
    const offset = (gaps[i] ?? 0) + (ends.get(pack) ?? 0);
    const storedBytes = sizes[i] ?? 0;
    if (offset < 0) throw reader.damaged('a location begins before its pack');
    ends.set(pack, offset + storedBytes);
    return { pack, offset, storedBytes };
  });
}
