import { HoldfastError } from '../core/errors.ts';
import { parseJson } from './json-text.ts';
import { problems, RunKey } from './manifest.ts';
import { ByteReader, ByteWriter } from './varint.ts';

/** A pack, as a manifest or a list names it. */
export interface ListedPack {
  readonly id: string;
  readonly bytes: number;
  /** The run key that seals it; undefined if the document names a key that it does not hold. */
  readonly key: RunKey | undefined;
}

/** A list object, as its parent names it, with totals over all packs below it. */
export interface ListNode {
  readonly id: string;
  /** Of the object itself. */
  readonly bytes: number;
  readonly packs: number;
  readonly packBytes: number;
}

/** Larger objects are not read: no valid list comes near. */
export const MOST_LIST_BYTES = 4 * 2 ** 20;

const MAGIC = Buffer.from('HFPL');
const VERSION = 1;
const LEAF = 0;
const ROOT = 1;
const SALT_BYTES = 16;
const HEADER_BYTES = 8 + SALT_BYTES;
const ID_BYTES = 32;

/**
 * Bounds of a leaf, in packs. In between, pack ids decide where it ends, so that a change moves the ends of
 * few leaves.
 */
const LEAST_PACKS = 256;
const MOST_PACKS = 4096;
const END_BELOW = 2 ** 32 / 768;

/** Splits packs, in order, into groups: one per leaf. */
export function splitPacks<P extends Pick<ListedPack, 'id'>>(packs: readonly P[]): readonly (readonly P[])[] {
  const groups: P[][] = [];
  let group: P[] = [];
  for (const pack of packs) {
    group.push(pack);
    const isEnd = group.length >= LEAST_PACKS && Number.parseInt(pack.id.slice(0, 8), 16) < END_BELOW;
    if (!isEnd && group.length < MOST_PACKS) continue;
    groups.push(group);
    group = [];
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

/** @param salt 16 fresh random bytes, so that no object is ever stored twice under the same name */
export function encodeListLeaf(packs: readonly ListedPack[], salt: Uint8Array): Buffer {
  const keys: RunKey[] = [];
  const places = new Map<string, number>();
  const placeOf = ({ id, key }: ListedPack): number => {
    if (!key) throw new HoldfastError('E_INTERNAL', `pack ${id} has no key`);
    const name = JSON.stringify(key);
    const place = places.get(name) ?? keys.push(key) - 1;
    places.set(name, place);
    return place;
  };
  const indexes = packs.map(placeOf);
  const json = Buffer.from(JSON.stringify(keys));
  const writer = begin(LEAF, salt, packs.length * 40 + json.length + HEADER_BYTES);
  writer.varint(json.length);
  writer.bytes(json);
  writer.varint(packs.length);
  for (const { id } of packs) writer.hex(id);
  for (const { bytes } of packs) writer.varint(bytes);
  for (const index of indexes) writer.varint(index);
  return writer.finish();
}

/** @throws E_DAMAGED, E_NEWER_FORMAT */
export function decodeListLeaf(bytes: Uint8Array, what: string): ListedPack[] {
  const reader = open(bytes, LEAF, what);
  const keys = RunKey.array().safeParse(parseJson(reader.bytes(reader.count(1)), what));
  if (!keys.success) throw new HoldfastError('E_DAMAGED', `${what}: ${problems(keys.error)}`);
  const count = reader.count(ID_BYTES + 2);
  const ids = Array.from({ length: count }, () => reader.hex(ID_BYTES));
  const sizes = Array.from({ length: count }, () => reader.varint());
  const packs = ids.map((id, i) => {
    const key = keys.data[reader.varint()];
    if (!key) throw reader.damaged(`pack ${id} has a key that the list lacks`);
    return { id, bytes: sizes[i] ?? 0, key };
  });
  reader.end();
  return packs;
}

/** @param salt as of a leaf */
export function encodeListRoot(children: readonly ListNode[], salt: Uint8Array): Buffer {
  const writer = begin(ROOT, salt, children.length * 48 + HEADER_BYTES);
  writer.varint(children.length);
  for (const { id } of children) writer.hex(id);
  for (const { bytes } of children) writer.varint(bytes);
  for (const { packs } of children) writer.varint(packs);
  for (const { packBytes } of children) writer.varint(packBytes);
  return writer.finish();
}

/** @throws E_DAMAGED, E_NEWER_FORMAT */
export function decodeListRoot(bytes: Uint8Array, what: string): ListNode[] {
  const reader = open(bytes, ROOT, what);
  const count = reader.count(ID_BYTES + 3);
  const ids = Array.from({ length: count }, () => reader.hex(ID_BYTES));
  const column = () => Array.from({ length: count }, () => reader.varint());
  const [sizes, packs, packBytes] = [column(), column(), column()];
  reader.end();
  return ids.map((id, i) => ({
    id,
    bytes: sizes[i] ?? 0,
    packs: packs[i] ?? 0,
    packBytes: packBytes[i] ?? 0,
  }));
}

function begin(level: number, salt: Uint8Array, initialBytes: number): ByteWriter {
  const writer = new ByteWriter(initialBytes);
  writer.bytes(MAGIC);
  writer.u8(VERSION);
  writer.u8(level);
  writer.bytes(Buffer.alloc(2));
  writer.bytes(salt);
  return writer;
}

function open(bytes: Uint8Array, level: number, what: string): ByteReader {
  const reader = new ByteReader(bytes, what);
  if (reader.left < HEADER_BYTES || !reader.bytes(MAGIC.length).equals(MAGIC))
    throw new HoldfastError('E_DAMAGED', `${what} is not a list of packs`);
  const version = reader.u8();
  if (version > VERSION)
    throw new HoldfastError(
      'E_NEWER_FORMAT',
      `${what} is of list version ${version}; this release reads ${VERSION}`,
      { hint: 'Install the newest release.' },
    );
  const got = reader.u8();
  if (got !== level) throw reader.damaged(`it is of level ${got}, expected ${level}`);
  reader.bytes(2 + SALT_BYTES);
  return reader;
}
