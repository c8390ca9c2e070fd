import { Cursor, check } from './bytes.ts';
import { count, digits, type Json, list, parse } from './json.ts';
import { type RunKey, runKey } from './keys.ts';
import { type NamedPack, readObject } from './packs.ts';

const MOST = 4 * 1024 * 1024;

interface PackList {
  readonly packs: readonly NamedPack[];
  readonly keys: readonly RunKey[];
}

function openObject(
  folder: string,
  { id, bytes, level }: { id: string; bytes: number; level: number },
): Cursor {
  check(bytes <= MOST, 'an object of a list of packs is too large');
  const cursor = new Cursor(readObject(folder, id, bytes));
  check(cursor.take(4).toString('latin1') === 'HFPL', 'not an object of a list of packs');
  check(cursor.u8() === 1, 'a list of packs of another version');
  check(cursor.u8() === level, 'an object of a list of packs of another level');
  check(cursor.take(2).readUInt16LE() === 0, 'an object of a list of packs of another form');
  cursor.take(16);
  return cursor;
}

function readLeaf(folder: string, { id, bytes }: { id: string; bytes: number }): PackList {
  const cursor = openObject(folder, { id, bytes, level: 0 });
  const keys = list(parse(cursor.take(cursor.varint()))).map(runKey);
  const items = cursor.varint();
  const ids = cursor.many(items, () => cursor.take(32).toString('hex'));
  const sizes = cursor.many(items, () => cursor.varint());
  const packs = cursor
    .many(items, () => cursor.varint())
    .map((index, item): NamedPack => {
      const key = keys[index];
      check(key !== undefined, 'a pack has no key');
      return { id: ids[item]!, bytes: sizes[item]!, key };
    });
  cursor.end();
  return { packs, keys };
}

function bytesOf(packs: readonly NamedPack[]): number {
  return packs.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** What a manifest's `list` names. */
export function readPackList(folder: string, said: Json): PackList {
  const root = openObject(folder, { id: digits(said['id'], 64), bytes: count(said['bytes']), level: 1 });
  const items = root.varint();
  const ids = root.many(items, () => root.take(32).toString('hex'));
  const [sizes = [], counts = [], sums = []] = root.many(3, () => root.many(items, () => root.varint()));
  root.end();
  const leaves = ids.map((id, item) => {
    const leaf = readLeaf(folder, { id, bytes: sizes[item]! });
    const right = leaf.packs.length === counts[item] && bytesOf(leaf.packs) === sums[item];
    check(right, 'a leaf of a list of packs has other sums than its root says');
    return leaf;
  });
  const packs = leaves.flatMap((leaf) => leaf.packs);
  const right = packs.length === count(said['packs']) && bytesOf(packs) === count(said['packBytes']);
  check(right, 'a list of packs has other sums than the manifest says');
  return { packs, keys: leaves.flatMap(({ keys }) => keys) };
}
