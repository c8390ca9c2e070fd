import { createHash } from 'node:crypto';
import { Cursor, check, unzstd } from './bytes.ts';
import { count, type Json, list, object, text } from './json.ts';
import type { Location, Packs } from './packs.ts';
import { locations } from './tree.ts';

/** A chunk as it was read, in the order of its leaf. */
export interface ReadChunk {
  readonly id: string;
  readonly bytes: Buffer;
  readonly endsInside: boolean;
}

interface Field {
  readonly place: number;
  readonly form: string;
}

const LIST_BYTES = 64 * 1024 * 1024;
const ITEM_BYTES = 128 * 1024;

/** Least and greatest keys of a partition, compared with its rows. Returns how many chunks have some. */
export function checkBounds(
  packs: Packs,
  place: Location,
  {
    keyFields,
    leaves,
  }: { readonly keyFields: Json[string]; readonly leaves: readonly (readonly ReadChunk[])[] },
): number {
  const fields = list(keyFields).map(object);
  const named = fields.map(({ place: at, name, type, form }) => [
    count(at),
    text(name),
    text(type),
    text(form),
  ]);
  const keyId = createHash('sha256').update(JSON.stringify(named)).digest('hex').slice(0, 16);
  const cursor = new Cursor(unzstd(packs.item(place, 'index'), LIST_BYTES));
  check(cursor.u8() === 1, 'a list of bounds of another kind');
  const isMeant = cursor.take(8).toString('hex') === keyId;
  check(cursor.varint() === leaves.length, 'bounds of another number of leaves');
  const has = cursor.many(leaves.length, () => cursor.u8());
  check(
    has.every((flag) => flag <= 1),
    'a leaf has bounds or none',
  );
  const ids = cursor.many(cursor.varint(), () => cursor.take(32).toString('hex'));
  const items = locations(cursor, has.filter((flag) => flag === 1).length, ids);
  cursor.end();
  if (!isMeant) return 0;
  let known = 0;
  let inside = false;
  for (const [i, chunks] of leaves.entries()) {
    const item = has[i] === 1 ? items.shift() : undefined;
    const said = item ? readItem(unzstd(packs.item(item, 'data'), ITEM_BYTES), keyId, chunks) : [];
    for (const [n, chunk] of chunks.entries()) {
      const bounds = said[n];
      const isWhole = !inside && !chunk.endsInside;
      inside = chunk.endsInside;
      if (!bounds || !isWhole) continue;
      known += 1;
      const keys = fields.map(({ place: at, form }) => ({ place: count(at), form: text(form) }));
      checkChunk(chunk.bytes, keys, bounds);
    }
  }
  return known;
}

interface Bounds {
  readonly least: Buffer;
  readonly greatest: Buffer;
}

function readItem(plain: Buffer, keyId: string, chunks: readonly ReadChunk[]): (Bounds | null)[] {
  const cursor = new Cursor(plain);
  check(cursor.u8() === 1, 'bounds of another kind');
  check(cursor.take(8).toString('hex') === keyId, 'bounds of another key');
  const leaf = Buffer.concat(chunks.map(({ id }) => Buffer.from(id, 'hex')));
  check(cursor.take(8).equals(createHash('sha256').update(leaf).digest().subarray(0, 8)), 'of another leaf');
  check(cursor.varint() === chunks.length, 'bounds of another number of chunks');
  const [least = [], greatest = []] = cursor.many(2, () => cursor.many(chunks.length, () => cursor.varint()));
  const [from, to] = [least, greatest].map((lengths) =>
    lengths.map((length) => (length === 0 ? null : cursor.take(length - 1))),
  );
  cursor.end();
  return chunks.map((_, i) => {
    const [one, other] = [from?.[i] ?? null, to?.[i] ?? null];
    check((one === null) === (other === null), 'one bound of two');
    if (!one || !other) return null;
    check(one.length <= 32 && other.length <= 32, 'a bound is too long');
    return { least: one, greatest: other };
  });
}

/** Every key is between the bounds, and they are no wider than the page says. */
function checkChunk(bytes: Buffer, fields: readonly Field[], { least, greatest }: Bounds): void {
  const lines = bytes.toString('latin1').split('\n').slice(0, -1);
  const keys = lines.map((line) => {
    const values = line.split('\t');
    return Buffer.concat(fields.map(({ place, form }) => canonical(values[place] ?? '', form)));
  });
  keys.sort(Buffer.compare);
  const [first, last] = [keys.at(0), keys.at(-1)];
  check(first !== undefined && last !== undefined, 'bounds of no row');
  check(least.equals(first.subarray(0, 32)), 'the least key is another');
  check(
    greatest.equals(last.length <= 32 ? last : after(last.subarray(0, 32))),
    'the greatest key is another',
  );
}

function canonical(value: string, form: string): Buffer {
  if (form === 'text') return Buffer.from(`${value.replaceAll('\0', '\0\xff')}\0\0`, 'latin1');
  const shifted = BigInt(value) + 2n ** 63n;
  return Buffer.from(shifted.toString(16).padStart(16, '0'), 'hex');
}

function after(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 255) end -= 1;
  const cut = Buffer.from(bytes.subarray(0, end));
  cut.writeUInt8(cut.readUInt8(end - 1) + 1, end - 1);
  return cut;
}
