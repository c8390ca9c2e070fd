import { createCipheriv, createDecipheriv, hkdfSync, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import { randomFor } from '../core/bound-random.ts';
import { HoldfastError } from '../core/errors.ts';
import { DOCUMENT_VERSION } from '../core/format-version.ts';
import type { JsonObject } from '../core/json.ts';
import { parseJson } from './json-text.ts';
import { problems, RunKey, refuseNewer } from './manifest.ts';
import { TAG_BYTES } from './seal.ts';
import { compress, decompress } from './zstd.ts';

/** What the parts of a run in shares leave for each other. Not part of any backup. */
export const RUNS = 'runs/';

const RUN_FORMAT = 'holdfast-run';
const LEVEL = 3;
/** The plan of a million partitions is well below it. */
const MOST_BODY_BYTES = 2 ** 28;
const SALT_BYTES = 32;

const RunDocument = z.object({
  format: z.literal(RUN_FORMAT),
  version: z.literal(DOCUMENT_VERSION),
  repository: z.string().regex(/^[0-9a-f]{32}$/),
  /** The object's own path, so that no document can be put in another's place. */
  key: z.string(),
  /** An `index` key, wrapped. */
  wrapped: RunKey,
  salt: z.string().regex(/^[0-9a-f]{64}$/),
  commitment: z.string().regex(/^[0-9a-f]{64}$/),
  sealed: z.base64(),
});

/** The clear part: docs/reference/format.md, "Runs in shares". */
export type RunDocument = Readonly<z.infer<typeof RunDocument>>;

/** The key that a document of a run is sealed with. */
export interface RunDocumentKey {
  readonly entry: z.infer<typeof RunKey>;
  readonly plain: Uint8Array;
}

/** A document of a run as it is stored. */
export function encodeRunDocument(
  { repository, key, body }: Pick<RunDocument, 'repository' | 'key'> & { readonly body: JsonObject },
  { entry, plain }: RunDocumentKey,
): Buffer {
  const text = compress(Buffer.from(JSON.stringify(body)), LEVEL);
  // The nonce is always the same, so no two documents may have the same key.
  const salt = randomFor(SALT_BYTES, key, text);
  const derived = derive(plain, salt);
  const cipher = createCipheriv('aes-256-gcm', derived.key, Buffer.alloc(12)).setAAD(Buffer.from(key));
  const sealed = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  const document: RunDocument = {
    format: RUN_FORMAT,
    version: DOCUMENT_VERSION,
    repository,
    key,
    wrapped: entry,
    salt: salt.toString('hex'),
    commitment: derived.commitment.toString('hex'),
    sealed: sealed.toString('base64'),
  };
  return Buffer.from(`${JSON.stringify(document)}\n`);
}

/** Checks form and place only. @throws E_DAMAGED, E_NEWER_FORMAT, E_FOREIGN_REPOSITORY */
export function parseRunDocument(
  bytes: Uint8Array,
  expected: Pick<RunDocument, 'repository' | 'key'>,
): RunDocument {
  const { repository, key } = expected;
  const document = parseJson(bytes, key);
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw damaged(key, 'is not a JSON document');
  refuseNewer(document as JsonObject, RUN_FORMAT, key);
  const parsed = RunDocument.safeParse(document);
  if (!parsed.success) throw damaged(key, `is not a document of a run: ${problems(parsed.error)}`);
  const { data } = parsed;
  if (data.repository !== repository)
    throw damaged(key, `is of repository ${data.repository}, but this is ${repository}`);
  if (data.key !== key) throw damaged(key, `holds something that was written for ${data.key}`);
  if (data.wrapped.purpose !== 'index')
    throw damaged(key, `names a ${data.wrapped.purpose} key, not an index key`);
  return data;
}

/** @param plain the key that the document names, unwrapped. @throws E_DAMAGED */
export function openRunDocument(
  { key, salt, commitment, sealed }: RunDocument,
  plain: Uint8Array,
): JsonObject {
  const derived = derive(plain, Buffer.from(salt, 'hex'));
  if (!timingSafeEqual(derived.commitment, Buffer.from(commitment, 'hex')))
    throw damaged(key, 'was sealed with another key than the one it names');
  const bytes = Buffer.from(sealed, 'base64');
  if (bytes.length < TAG_BYTES) throw damaged(key, `has ${bytes.length} sealed bytes, fewer than a tag`);
  const options = { authTagLength: TAG_BYTES };
  const decipher = createDecipheriv('aes-256-gcm', derived.key, Buffer.alloc(12), options);
  try {
    decipher.setAAD(Buffer.from(key)).setAuthTag(bytes.subarray(-TAG_BYTES));
    const text = Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]);
    return parseJson(decompress(text, MOST_BODY_BYTES), key) as JsonObject;
  } catch (cause) {
    throw damaged(key, 'was changed after it was sealed', cause);
  }
}

/** As for a pack: a key for one document, and a commitment to it. */
function derive(plain: Uint8Array, salt: Uint8Array): { readonly key: Buffer; readonly commitment: Buffer } {
  const bytes = Buffer.from(hkdfSync('sha256', plain, salt, 'holdfast/1 run', 64));
  return { key: bytes.subarray(0, 32), commitment: bytes.subarray(32) };
}

function damaged(key: string, problem: string, cause?: unknown): HoldfastError {
  return new HoldfastError('E_DAMAGED', `${key} ${problem}`, {
    cause,
    hint: 'Start a new run; no listed backup needs this one.',
  });
}
