import type { ReadChunk } from './bounds.ts';
import { Cursor, check, refuse, sha256, unzstd } from './bytes.ts';
import { checkMap, columns } from './columns.ts';
import { count, digits, type Json } from './json.ts';
import type { Location, Packs } from './packs.ts';
import { shapes } from './shapes.ts';

const OWN_PACK = '0'.repeat(64);
const INDEX_ITEM = 1024 ** 3;
const LONGEST_CHAIN = 16;

/** What a parent, or the catalog, says of a node. */
interface Reference extends Location {
  readonly id: string;
  readonly level: number;
  readonly chunks: number;
  readonly plainBytes: number;
  readonly records: number;
}

interface Chunk {
  readonly id: string;
  readonly plainBytes: number;
  readonly records: number;
  readonly chain: Location[];
}

export function locations(cursor: Cursor, items: number, packs: readonly string[]): Location[] {
  const indexes = cursor.many(items, () => cursor.varint());
  const starts = cursor.many(items, () => cursor.signed());
  const ends = new Map<string, number>();
  return cursor
    .many(items, () => cursor.varint())
    .map((storedBytes, item) => {
      const pack = packs[indexes[item]!] ?? refuse('a location is in no pack of its node');
      const offset = (ends.get(pack) ?? 0) + starts[item]!;
      ends.set(pack, offset + storedBytes);
      return { pack, offset, storedBytes };
    });
}

const id = (cursor: Cursor) => () => cursor.take(32).toString('hex');

export function rootOf(json: Json, catalogPack: string): Reference {
  const pack = digits(json['pack'], 64);
  return {
    id: digits(json['id'], 64),
    level: count(json['level']),
    chunks: count(json['chunks']),
    plainBytes: count(json['plainBytes']),
    records: count(json['records']),
    pack: pack === OWN_PACK ? catalogPack : pack,
    offset: count(json['offset']),
    storedBytes: count(json['storedBytes']),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

/** Reads what trees hold, chunk by chunk. */
export class Trees {
  readonly #packs: Packs;
  readonly #maxBytes: number;
  readonly #seen: Set<string>;
  /** Of what was read since it was made empty. */
  readonly leaves: ReadChunk[][] = [];

  /** `seen` gets what is there of the things that the page describes. */
  constructor(packs: Packs, maxBytes: number, seen: Set<string>) {
    this.#packs = packs;
    this.#maxBytes = maxBytes;
    this.#seen = seen;
  }

  /** The stream of records of a partition. `purpose`: of the packs of its chunks. */
  read(reference: Reference, purpose: string): Buffer {
    const node = unzstd(this.#packs.item(reference, 'index'), INDEX_ITEM);
    check(sha256(node) === reference.id, 'a node has other bytes than its id says');
    const cursor = new Cursor(node);
    const leaf = cursor.u8() === 1;
    if (!leaf) check(node[0] === 2, 'a node of another kind');
    const level = leaf ? 0 : cursor.u8();
    check(level === reference.level && (leaf || (level > 0 && level <= 5)), 'a node of another level');
    this.#seen.add(leaf ? 'leaf' : 'inner node');
    const most = leaf ? 1024 : 512;
    const items = cursor.varint();
    check(items >= 1 && items <= most, 'a node has too many items, or none');
    const packs = cursor
      .many(cursor.varint(), id(cursor))
      .map((pack) => (pack === OWN_PACK ? reference.pack : pack));
    for (const pack of packs) this.#packs.named(pack);
    return leaf
      ? this.#readLeaf(cursor, { reference, items, packs, purpose })
      : this.#readInner(cursor, { reference, items, packs, purpose });
  }

  #readInner(cursor: Cursor, { reference, items, packs, purpose }: Node): Buffer {
    const ids = cursor.many(items, id(cursor));
    const [chunks = [], plainBytes = [], records = []] = cursor.many(3, () =>
      cursor.many(items, () => cursor.varint()),
    );
    cursor.many(items, () => cursor.u32());
    const places = locations(cursor, items, packs);
    cursor.end();
    checkSums(reference, [sum(chunks), sum(plainBytes), sum(records)]);
    return Buffer.concat(
      places.map((place, item) =>
        this.read(
          {
            ...place,
            id: ids[item]!,
            level: reference.level - 1,
            chunks: chunks[item]!,
            plainBytes: plainBytes[item]!,
            records: records[item]!,
          },
          purpose,
        ),
      ),
    );
  }

  #readLeaf(cursor: Cursor, { reference, items, packs, purpose }: Node): Buffer {
    const ids = cursor.many(items, id(cursor));
    const plainBytes = cursor.many(items, () => cursor.varint());
    const records = cursor.many(items, () => cursor.varint());
    const flags = cursor.many(items, () => cursor.u8());
    check(
      flags.every((flag) => flag <= 1),
      'a flag that this page does not know',
    );
    cursor.take(8 * items);
    const lengths = cursor.many(items, () => cursor.u8());
    check(
      lengths.every((length) => length >= 1 && length <= LONGEST_CHAIN),
      'a chain of another length than 1 to 16',
    );
    const chunks = ids.map(
      (each, item): Chunk => ({
        id: each,
        plainBytes: plainBytes[item]!,
        records: records[item]!,
        chain: [],
      }),
    );
    for (let step = 0; step < LONGEST_CHAIN; step += 1) {
      const longer = chunks.filter((_, item) => lengths[item]! > step);
      for (const [item, place] of locations(cursor, longer.length, packs).entries())
        longer[item]!.chain.push(place);
    }
    cursor.end();
    checkSums(reference, [items, sum(plainBytes), sum(records)]);
    const bytes = chunks.map((chunk) => this.#readChunk(chunk, purpose));
    this.leaves.push(
      bytes.map((each, item) => ({ id: ids[item]!, bytes: each, endsInside: flags[item] === 1 })),
    );
    return Buffer.concat(bytes);
  }

  #readChunk({ chain, ...said }: Chunk, purpose: string): Buffer {
    let result: Buffer | null = null;
    for (const place of chain) {
      const item = this.#packs.item(place, purpose);
      check(item.length > 0, 'an item has no codec');
      this.#seen.add(`codec ${item[0]}`);
      const behind = item[0] === 4 ? this.#packs.behind(place, purpose) : null;
      if (behind?.[0] === 6) {
        checkMap(item, behind);
        this.#seen.add('map of columns');
      }
      const rest = item.subarray(1);
      result = result === null ? this.#whole(item[0]!, rest) : this.#changed(item[0]!, rest, result);
      check(result.length <= this.#maxBytes, 'a chunk is too large');
    }
    check(result !== null && result.length === said.plainBytes, 'a chunk has another size');
    check(sha256(result) === said.id, 'a chunk has other bytes than its id says');
    check(
      result.reduce((all, byte) => all + (byte === 10 ? 1 : 0), 0) === said.records,
      'a chunk has another number of records',
    );
    return result;
  }

  #whole(codec: number, rest: Buffer): Buffer {
    if (codec === 0) return rest;
    if (codec === 1) return unzstd(rest, this.#maxBytes);
    if (codec === 4) return columns(rest, this.#maxBytes, this.#seen);
    return codec === 5
      ? shapes(rest, this.#maxBytes, this.#seen)
      : refuse('a chain begins with no full chunk');
  }

  #changed(codec: number, rest: Buffer, base: Buffer): Buffer {
    check(codec === 2 || codec === 3, 'a full chunk inside a chain');
    return applied(codec === 2 ? rest : unzstd(rest, 2 * this.#maxBytes + 128), base, this.#maxBytes);
  }
}

interface Node {
  readonly reference: Reference;
  readonly items: number;
  readonly packs: readonly string[];
  readonly purpose: string;
}

function checkSums({ chunks, plainBytes, records }: Reference, found: readonly number[]): void {
  const right = found[0] === chunks && found[1] === plainBytes && found[2] === records;
  check(right, 'the sums of a node are not those that are said of it');
}

/** The result of a delta. */
function applied(delta: Buffer, base: Buffer, most: number): Buffer {
  const cursor = new Cursor(delta);
  const bytes = cursor.varint();
  check(bytes <= most, 'a chunk is too large');
  let at = 0;
  const pairs = cursor.many(cursor.varint(), () => {
    const start = at + cursor.signed();
    const copied = cursor.varint();
    at = start + copied;
    check(start >= 0 && at <= base.length, 'a copy outside of the base');
    return { copy: base.subarray(start, at), insert: cursor.varint() };
  });
  const result = Buffer.concat(pairs.flatMap(({ copy, insert }) => [copy, cursor.take(insert)]));
  cursor.end();
  check(result.length === bytes, 'a delta has a result of another size');
  return result;
}
