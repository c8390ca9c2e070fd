import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { KiB, MiB } from '../core/units.ts';
import { parseJson } from './json-text.ts';
import { compress, decompress } from './zstd.ts';

/** Where bundles are: docs/reference/format.md, "Bundle". */
export const BUNDLES = 'bundles/';
const BUNDLE_FORMAT = 'holdfast-bundle';
/** Objects are grouped in sections of about this size, each compressed on its own. */
const SECTION_BYTES = 512 * KiB;
/** Larger objects are not bundled. */
export const MOST_BUNDLED_BYTES = 64 * KiB;
const MOST_SECTION_BYTES = SECTION_BYTES + MOST_BUNDLED_BYTES;
/** Enough for some 100,000 objects. */
const MOST_INDEX_BYTES = 8 * MiB;
const LENGTH_BYTES = 4;
const LEVEL = 3;

/** Bytes that do not compress grow a little. */
const size = z
  .number()
  .int()
  .min(0)
  .max(MOST_SECTION_BYTES + 4 * KiB);
const Index = z.object({
  format: z.literal(BUNDLE_FORMAT),
  version: z.literal(1),
  /** In storage order: the bytes of each section, and the keys and sizes of its objects. */
  sections: z.array(z.object({ bytes: size, objects: z.array(z.tuple([z.string(), size])) })),
});

/** A small object, as it lies in the store. */
export interface SmallObject {
  readonly key: string;
  readonly bytes: Uint8Array;
}

const KEY = /^bundles\/\d{8}_\d{6}_[0-9a-f]{8}$/;

/** @param unique 8 hex digits */
export function bundleKey(at: Date, unique: string): string {
  const [date, time] = at.toISOString().replace(/[-:]/g, '').slice(0, 15).split('T');
  return `${BUNDLES}${date}_${time}_${unique}`;
}

/** Whether an object of the store is a bundle, by its key. */
export function isBundleKey(key: string): boolean {
  return KEY.test(key);
}

/** @param objects in the order of their keys, none larger than MOST_BUNDLED_BYTES */
export async function encodeBundle(
  objects: AsyncIterable<SmallObject> | Iterable<SmallObject>,
): Promise<Buffer> {
  const sections: z.infer<typeof Index>['sections'] = [];
  const bodies: Buffer[] = [];
  let open: SmallObject[] = [];
  let openBytes = 0;
  const close = () => {
    if (open.length === 0) return;
    const body = compress(Buffer.concat(open.map(({ bytes }) => bytes)), LEVEL);
    bodies.push(body);
    sections.push({
      bytes: body.length,
      objects: open.map(({ key, bytes }): [string, number] => [key, bytes.length]),
    });
    [open, openBytes] = [[], 0];
  };
  for await (const object of objects) {
    open.push(object);
    openBytes += object.bytes.length;
    if (openBytes >= SECTION_BYTES) close();
  }
  close();
  const index = compress(Buffer.from(JSON.stringify({ format: BUNDLE_FORMAT, version: 1, sections })), LEVEL);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(index.length);
  return Buffer.concat([length, index, ...bodies]);
}

/** Where an object is in a bundle. */
export interface BundledObject {
  readonly section: Uint8Array;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** Where each object of a bundle is. Nothing in it is trusted: it may say anything. @throws E_DAMAGED */
export function readBundle(bytes: Uint8Array, what: string): ReadonlyMap<string, BundledObject> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const indexBytes = buffer.length < LENGTH_BYTES ? 0 : buffer.readUInt32LE(0);
  let at = LENGTH_BYTES + indexBytes;
  if (indexBytes === 0 || at > buffer.length) throw damaged(what, 'its index is cut short');
  const plain = decompress(buffer.subarray(LENGTH_BYTES, at), MOST_INDEX_BYTES);
  const index = Index.safeParse(parseJson(plain, what));
  if (!index.success) throw damaged(what, 'its index is not valid');
  const objects = new Map<string, BundledObject>();
  for (const section of index.data.sections) {
    const end = at + section.bytes;
    if (end > buffer.length) throw damaged(what, 'a section is cut short');
    const body = buffer.subarray(at, end);
    let offsetBytes = 0;
    for (const [key, lengthBytes] of section.objects) {
      objects.set(key, { section: body, offsetBytes, lengthBytes });
      offsetBytes += lengthBytes;
    }
    at = end;
  }
  return objects;
}

/** A section's objects, one after the other. @throws E_DAMAGED */
export function openSection(section: Uint8Array): Uint8Array {
  return decompress(section, MOST_SECTION_BYTES);
}

function damaged(what: string, problem: string): HoldfastError {
  return new HoldfastError('E_DAMAGED', `${what} is not a bundle: ${problem}`, {
    hint: 'It is not needed, and is ignored. The next prune writes another.',
  });
}
