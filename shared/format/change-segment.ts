import { createCipheriv, createDecipheriv, createHash, hkdfSync, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import { randomFor } from '../core/bound-random.ts';
import { HoldfastError, named } from '../core/errors.ts';
import { DOCUMENT_VERSION } from '../core/format-version.ts';
import type { JsonObject } from '../core/json.ts';
import { KiB, MiB } from '../core/units.ts';
import { ChangeRunKey, SegmentHead } from './change-head.ts';
import { parseJson } from './json-text.ts';
import { problems, refuseNewer } from './manifest.ts';
import { padFrame } from './padding.ts';
import { TAG_BYTES } from './seal.ts';
import { compress, decompress } from './zstd.ts';

/** What segments call themselves. */
const FORMAT = 'holdfast-changes';
const SALT_BYTES = 32;
const LEVEL = 3;
/** The clear line has two wrapped keys and little else. */
const MOST_CLEAR_BYTES = 64 * KiB;
/** A million sequences stay below it. */
const MOST_HEAD_BYTES = 128 * MiB;
const NEWLINE = 0x0a;

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const ClearSegment = z.object({
  format: z.literal(FORMAT),
  version: z.literal(DOCUMENT_VERSION),
  repository: hex(32),
  /** The object's own path, so that no segment can be put in another's place. */
  key: z.string(),
  source: z.object({ kind: z.string(), name: z.string() }),
  /** One for `changes`, which seals the head, and one for `data`, which seals the changes themselves. */
  keys: z.array(ChangeRunKey).length(2),
  salt: hex(64),
  commitment: hex(64),
  /** Bytes of the sealed head, and of the pack behind it; 0 if it is stored by itself, or if there are no changes. */
  head: count,
  payload: count,
});

/** The clear part of a change segment: docs/reference/format.md, "Change segments". */
export type ClearSegment = Readonly<z.infer<typeof ClearSegment>>;

/** A segment whose clear part was parsed. */
export interface ParsedSegment {
  readonly clear: ClearSegment;
  /** The clear line with its newline: the head is bound to it. */
  readonly line: Buffer;
}

/** What a segment is bound to, besides its keys. */
export type SegmentPlace = Pick<ClearSegment, 'repository' | 'key' | 'source'>;

/** A segment as it is stored. */
export interface EncodedSegment {
  readonly bytes: Buffer;
  /** SHA-256 of the clear line and the sealed head: the next segment names it. */
  readonly id: string;
}

/** @param payload a whole pack; empty if the changes are stored by themselves @throws E_INTERNAL for a head that could not be read again */
export function encodeSegment(
  { repository, key, source }: SegmentPlace,
  head: SegmentHead,
  sealing: {
    readonly keys: readonly ChangeRunKey[];
    readonly headKey: Uint8Array;
    readonly payload: Uint8Array;
  },
): EncodedSegment {
  const checked = SegmentHead.safeParse(head);
  if (!checked.success)
    throw new HoldfastError('E_INTERNAL', `a change segment cannot be stored: ${problems(checked.error)}`);
  const text = padFrame(compress(Buffer.from(JSON.stringify(checked.data)), LEVEL));
  // The nonce is always the same, so no two heads may have the same key.
  const salt = randomFor(SALT_BYTES, key, text);
  const derived = derive(sealing.headKey, salt);
  const clear: ClearSegment = {
    format: FORMAT,
    version: DOCUMENT_VERSION,
    repository,
    key,
    source: { kind: source.kind, name: source.name },
    keys: [...sealing.keys],
    salt: salt.toString('hex'),
    commitment: derived.commitment.toString('hex'),
    head: text.length + TAG_BYTES,
    payload: sealing.payload.length,
  };
  const line = Buffer.from(`${JSON.stringify(clear)}\n`);
  const cipher = createCipheriv('aes-256-gcm', derived.key, Buffer.alloc(12)).setAAD(line);
  const front = Buffer.concat([line, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  return { bytes: Buffer.concat([front, sealing.payload]), id: sha256(front) };
}

/**
 * Checks form and place only.
 *
 * @param bytes of the object, from its start; `MOST_CLEAR_BYTES` are always enough
 * @throws E_DAMAGED, E_NEWER_FORMAT, E_FOREIGN_REPOSITORY
 */
export function parseSegment(
  bytes: Uint8Array,
  { repository, key }: Pick<SegmentPlace, 'repository' | 'key'>,
): ParsedSegment {
  const object = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = object.subarray(0, MOST_CLEAR_BYTES).indexOf(NEWLINE) + 1;
  if (end === 0) throw damaged(key, 'does not begin with a line of JSON');
  const line = object.subarray(0, end);
  const document = parseJson(line, key);
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw damaged(key, 'does not begin with a line of JSON');
  refuseNewer(document as JsonObject, FORMAT, key);
  const parsed = ClearSegment.safeParse(document);
  if (!parsed.success) throw damaged(key, `is not a change segment: ${problems(parsed.error)}`);
  const { data: clear } = parsed;
  if (clear.repository !== repository)
    throw damaged(key, `is of repository ${clear.repository}, but this is ${repository}`);
  if (clear.key !== key) throw damaged(key, `holds the segment that was written for ${clear.key}`);
  keyFor(clear, 'changes');
  keyFor(clear, 'data');
  return { clear, line };
}

/** The wrapped key of a segment for one purpose. @throws E_DAMAGED */
export function keyFor({ key, keys }: ClearSegment, purpose: ChangeRunKey['purpose']): ChangeRunKey {
  const found = keys.find((one) => one.purpose === purpose);
  if (found) return found;
  throw damaged(key, `names no ${purpose} key`);
}

/** Bytes before the pack: the clear line and the sealed head. */
export function frontBytes({ clear, line }: ParsedSegment): number {
  return line.length + clear.head;
}

/**
 * @param front the first `frontBytes` of the object
 * @param headKey the `changes` key that it names, unwrapped
 * @throws E_DAMAGED
 */
export function openSegment(
  { clear, line }: ParsedSegment,
  front: Uint8Array,
  headKey: Uint8Array,
): { readonly head: SegmentHead; readonly id: string } {
  const { key } = clear;
  const derived = derive(headKey, Buffer.from(clear.salt, 'hex'));
  if (!timingSafeEqual(derived.commitment, Buffer.from(clear.commitment, 'hex')))
    throw damaged(key, 'was sealed with another key than the one it names');
  const sealed = front.subarray(line.length);
  if (clear.head < TAG_BYTES || sealed.length !== clear.head)
    throw damaged(key, `has ${sealed.length} bytes of its head, and says ${clear.head}`);
  const decipher = createDecipheriv('aes-256-gcm', derived.key, Buffer.alloc(12), {
    authTagLength: TAG_BYTES,
  });
  let text: Buffer;
  try {
    decipher.setAAD(line).setAuthTag(sealed.subarray(-TAG_BYTES));
    text = Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw damaged(key, 'was changed after it was sealed', cause);
  }
  const body = parseJson(
    named(key, () => decompress(text, MOST_HEAD_BYTES)),
    key,
  );
  const parsed = SegmentHead.safeParse(body);
  if (!parsed.success) throw damaged(key, `has a head that makes no sense: ${problems(parsed.error)}`);
  return { head: parsed.data, id: sha256(front) };
}

/** As for a pack: a key for one head, and a commitment to it. */
function derive(plain: Uint8Array, salt: Uint8Array): { readonly key: Buffer; readonly commitment: Buffer } {
  const bytes = Buffer.from(hkdfSync('sha256', plain, salt, 'holdfast/1 changes', 64));
  return { key: bytes.subarray(0, 32), commitment: bytes.subarray(32) };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function damaged(key: string, problem: string, cause?: unknown): HoldfastError {
  return new HoldfastError('E_DAMAGED', `${key} ${problem}`, {
    cause,
    hint: 'Restore the object from a copy or an older version of it; without it, no moment after it can be restored from the backups before it.',
  });
}
