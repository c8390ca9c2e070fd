import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { TEST_KEY } from './engine.ts';

/**
 * Reads and writes what a backup consists of by hand, from docs/reference/format.md: what somebody can do who holds keys and may put objects.
 * It shares no code with what it attacks but the wrapping of keys.
 */

export interface Entry {
  readonly run: string;
  readonly purpose: string;
  readonly rootKeyId: string;
  readonly wrapped: string;
}

/** A manifest as JSON: this code knows no more of it than it changes. */
// biome-ignore lint/suspicious/noExplicitAny: it is somebody else's document
export type Document = Record<string, any>;

export interface Place {
  /** 64 hex digits. */
  readonly pack: string;
  readonly offset: number;
  readonly storedBytes: number;
}

/** A reference of a leaf, with its chain. */
export interface Reference {
  readonly id: Buffer;
  readonly plainBytes: number;
  readonly records: number;
  readonly flags: number;
  readonly before: number;
  readonly after: number;
  readonly chain: readonly Place[];
}

export const SELF = '0'.repeat(64);
const HEADER = 88;
const TAG = 16;

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export async function documentAt(store: ObjectStore, key: string): Promise<Document> {
  const { mac: _, ...document } = JSON.parse(Buffer.from(await store.get(key)).toString());
  return document;
}

/** A document with the MAC of a key at its end. */
export function signed(document: Document, key: Uint8Array | string): Buffer {
  const body = JSON.stringify(document).slice(0, -1);
  return Buffer.from(`${body},\n"mac":"${createHmac('sha256', key).update(body).digest('hex')}"}\n`);
}

/** A key of a run of somebody's own, wrapped under a root key. */
export async function newKey(
  repository: string,
  { run, purpose, underKey = TEST_KEY }: { run: string; purpose: string; underKey?: string },
): Promise<{ readonly plain: Uint8Array; readonly entry: Entry }> {
  const context = { repository, run, purpose: purpose as 'data' };
  const { plain, rootKeyId, wrapped } = await new HexKeyProvider(underKey).generateDataKey(context);
  return { plain, entry: { run, purpose, rootKeyId, wrapped } };
}

export function unwrap(repository: string, entry: Entry, underKey = TEST_KEY): Promise<Uint8Array> {
  const { run, purpose } = entry;
  return new HexKeyProvider(underKey).unwrapDataKey(entry, { repository, run, purpose: purpose as 'data' });
}

/** A pack of these items, each as its plain bytes; where they lie in it. */
export function pack(
  purpose: 'data' | 'index',
  run: string,
  key: Uint8Array,
  items: readonly Uint8Array[],
): { readonly id: string; readonly bytes: Buffer; readonly places: readonly Place[] } {
  const salt = randomBytes(32);
  const derived = Buffer.from(hkdfSync('sha256', key, salt, 'holdfast/1 pack', 64));
  const kind = purpose === 'data' ? 1 : 2;
  const head = Buffer.concat([
    Buffer.from('HFPK'),
    Buffer.from([1, 1, kind, 0]),
    Buffer.from(run, 'hex'),
    salt,
    derived.subarray(32),
  ]);
  const parts: Buffer[] = [head];
  let at = HEADER;
  const seal = (plain: Uint8Array) => {
    const cipher = createCipheriv('aes-256-gcm', derived.subarray(0, 32), nonce(at));
    cipher.setAAD(head);
    const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    parts.push(sealed);
    at += sealed.length;
    return { offset: at - sealed.length, storedBytes: sealed.length };
  };
  const placed = items.map(seal);
  const { storedBytes } = seal(
    Buffer.concat([varint(items.length), ...placed.map((place) => varint(place.storedBytes))]),
  );
  const trailer = Buffer.alloc(4);
  trailer.writeUInt32LE(storedBytes);
  const bytes = Buffer.concat([...parts, trailer]);
  const id = sha256(bytes);
  return { id, bytes, places: placed.map((place) => ({ pack: id, ...place })) };
}

export function objectOf(packId: string): string {
  return `data/${packId.slice(0, 2)}/${packId}`;
}

/** An item's plain bytes. */
export async function itemAt(store: ObjectStore, place: Place, keyOf: (run: string) => Promise<Uint8Array>) {
  const bytes = Buffer.from(await store.get(objectOf(place.pack)));
  const key = await keyOf(bytes.toString('hex', 8, 24));
  const derived = Buffer.from(hkdfSync('sha256', key, bytes.subarray(24, 56), 'holdfast/1 pack', 64));
  const decipher = createDecipheriv('aes-256-gcm', derived.subarray(0, 32), nonce(place.offset));
  const end = place.offset + place.storedBytes - TAG;
  decipher.setAAD(bytes.subarray(0, HEADER));
  decipher.setAuthTag(bytes.subarray(end, end + TAG));
  return Buffer.concat([decipher.update(bytes.subarray(place.offset, end)), decipher.final()]);
}

export const compressed = (plain: Uint8Array) => zstdCompressSync(plain);
export const expanded = (frame: Uint8Array) => zstdDecompressSync(frame);

/** The references of a leaf. @param self the pack that it lies in */
export function readLeaf(plain: Buffer, self: string): Reference[] {
  let at = 1;
  const next = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = plain[at++] ?? 0;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  const some = <T>(n: number, read: () => T) => Array.from({ length: n }, read);
  const take = (bytes: number) => {
    at += bytes;
    return plain.subarray(at - bytes, at);
  };
  const n = next();
  const packs = some(next(), () => take(32).toString('hex')).map((id) => (id === SELF ? self : id));
  const ids = some(n, () => take(32));
  const plainBytes = some(n, next);
  const records = some(n, next);
  const flags = some(n, () => take(1)[0] ?? 0);
  const before = some(n, () => take(4).readUInt32LE());
  const after = some(n, () => take(4).readUInt32LE());
  const lengths = some(n, () => take(1)[0] ?? 0);
  const chains: Place[][] = lengths.map(() => []);
  for (let step = 0; step < 16; step++) {
    const here = [...chains.keys()].filter((i) => (lengths[i] ?? 0) > step);
    const which = here.map(() => packs[next()] ?? '');
    const moved = here.map(() => next()).map((z) => (z % 2 ? -(z + 1) / 2 : z / 2));
    const sizes = here.map(() => next());
    const ends = new Map<string, number>();
    for (const [k, i] of here.entries()) {
      const of = which[k] ?? '';
      const offset = (ends.get(of) ?? 0) + (moved[k] ?? 0);
      const storedBytes = sizes[k] ?? 0;
      ends.set(of, offset + storedBytes);
      chains[i]?.push({ pack: of, offset, storedBytes });
    }
  }
  return chains.map((chain, i) => ({
    id: Buffer.from(ids[i] ?? ''),
    plainBytes: plainBytes[i] ?? 0,
    records: records[i] ?? 0,
    flags: flags[i] ?? 0,
    before: before[i] ?? 0,
    after: after[i] ?? 0,
    chain,
  }));
}

/** The plain bytes of a leaf. */
export function writeLeaf(refs: readonly Reference[]): Buffer {
  const packs = [...new Set(refs.flatMap(({ chain }) => chain.map((place) => place.pack)))];
  const u32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes;
  };
  const columns = [
    Buffer.from([1]),
    varint(refs.length),
    varint(packs.length),
    ...packs.map((id) => Buffer.from(id, 'hex')),
    ...refs.map(({ id }) => id),
    ...refs.map((ref) => varint(ref.plainBytes)),
    ...refs.map((ref) => varint(ref.records)),
    Buffer.from(refs.map(({ flags }) => flags)),
    ...refs.map(({ before }) => u32(before)),
    ...refs.map(({ after }) => u32(after)),
    Buffer.from(refs.map(({ chain }) => chain.length)),
  ];
  for (let step = 0; step < 16; step++) {
    const places = refs.flatMap(({ chain }) => chain[step] ?? []);
    const ends = new Map<string, number>();
    const moved = places.map(({ pack: of, offset, storedBytes }) => {
      const by = offset - (ends.get(of) ?? 0);
      ends.set(of, offset + storedBytes);
      return by < 0 ? -2 * by - 1 : 2 * by;
    });
    columns.push(...places.map((place) => varint(packs.indexOf(place.pack))));
    columns.push(...moved.map(varint), ...places.map((place) => varint(place.storedBytes)));
  }
  return Buffer.concat(columns);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) + 128);
  return Buffer.from([...bytes, left]);
}

function nonce(offset: number): Buffer {
  const iv = Buffer.alloc(12);
  iv.writeBigUInt64LE(BigInt(offset));
  return iv;
}
