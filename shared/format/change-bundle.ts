import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { DOCUMENT_VERSION } from '../core/format-version.ts';
import type { JsonObject } from '../core/json.ts';
import { KiB, MiB } from '../core/units.ts';
import { parseJson } from './json-text.ts';
import { problems, refuseNewer } from './manifest.ts';

/** What bundles of segments call themselves. */
const FORMAT = 'holdfast-change-bundle';
/** The line in front of the segments is no longer. */
export const MOST_INDEX_BYTES = 64 * KiB;
/** A bundle is no larger, by what its segments have together. */
export const MOST_BUNDLE_BYTES = 32 * MiB;
const NEWLINE = 0x0a;

const Index = z.object({
  format: z.literal(FORMAT),
  version: z.literal(DOCUMENT_VERSION),
  /** The object's own path. */
  key: z.string(),
  /** Bytes of each segment, the oldest first. */
  sizes: z.array(z.number().int().min(1).max(MOST_BUNDLE_BYTES)).min(1),
});

/** A segment in a bundle. */
export interface BundledSegment {
  readonly number: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** Segments, byte for byte as they are stored by themselves, behind a line that says how long they are. @param segments oldest first */
export function encodeChangeBundle(key: string, segments: readonly Uint8Array[]): Buffer {
  const index = {
    format: FORMAT,
    version: DOCUMENT_VERSION,
    key,
    sizes: segments.map(({ length }) => length),
  };
  const line = Buffer.from(`${JSON.stringify(index)}\n`);
  if (line.length > MOST_INDEX_BYTES)
    throw new HoldfastError('E_INTERNAL', `a bundle of ${segments.length} segments has too long an index`);
  return Buffer.concat([line, ...segments]);
}

/**
 * Where the segments of a bundle lie, the oldest first. Each says itself what it is, so this needs no trust.
 *
 * @param bytes of the object, from its start; `MOST_INDEX_BYTES` are always enough
 * @param about its name, and the numbers of segments in it
 * @throws E_DAMAGED, E_NEWER_FORMAT
 */
export function parseChangeBundle(
  bytes: Uint8Array,
  about: { readonly key: string; readonly first: number; readonly last: number; readonly sizeBytes: number },
): readonly BundledSegment[] {
  const { key, first, last, sizeBytes } = about;
  const object = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = object.subarray(0, MOST_INDEX_BYTES).indexOf(NEWLINE) + 1;
  if (end === 0) throw damaged(key, 'does not begin with a line of JSON');
  const document = parseJson(object.subarray(0, end), key);
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw damaged(key, 'does not begin with a line of JSON');
  refuseNewer(document as JsonObject, FORMAT, key);
  const parsed = Index.safeParse(document);
  if (!parsed.success) throw damaged(key, `is not a bundle of change segments: ${problems(parsed.error)}`);
  const { key: own, sizes } = parsed.data;
  if (own !== key) throw damaged(key, `holds the bundle that was written for ${own}`);
  if (sizes.length !== last - first + 1)
    throw damaged(key, `has ${sizes.length} segments, and its name says ${last - first + 1}`);
  let offsetBytes = end;
  const segments = sizes.map((lengthBytes, i) => {
    const at = { number: first + i, offsetBytes, lengthBytes };
    offsetBytes += lengthBytes;
    return at;
  });
  if (offsetBytes !== sizeBytes) throw damaged(key, `has ${sizeBytes} bytes, and says ${offsetBytes}`);
  return segments;
}

function damaged(key: string, problem: string): HoldfastError {
  return new HoldfastError('E_DAMAGED', `${key} ${problem}`, {
    hint: 'Restore the object from a copy or an older version of it; without it, no moment after it can be restored from the backups before it.',
  });
}
