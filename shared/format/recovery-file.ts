import { createHash, hkdfSync } from 'node:crypto';
import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { DOCUMENT_VERSION } from '../core/format-version.ts';
import { encodeAuthenticated, isAuthentic, parseAuthenticated } from './authenticated-json.ts';
import { problems, refuseNewer } from './manifest.ts';

/** Public halves, and the removals of some of them: no role of a function writes here. */
export const RECOVERY_KEYS = 'keys/recovery/';
/** Keys wrapped to them, stored beside each backup. */
export const RECOVERY_WRAPS = 'recovery/';
const KEY_FORMAT = 'holdfast-recovery-key';
const REMOVAL_FORMAT = 'holdfast-recovery-removal';
const WRAP_FORMAT = 'holdfast-recovery-wrap';
/** How recovery keys are wrapped to: a hybrid of ML-KEM-768 and X25519. */
export const RECOVERY_KEM = 'X-Wing';

const KEY_NAME = /^keys\/recovery\/([0-9a-f]{32})\.json$/;
const REMOVAL_NAME = /^keys\/recovery\/([0-9a-f]{32})\.removed\.json$/;
const WRAP_NAME = /^recovery\/[0-9a-f]{32}\/[0-9a-f]{32}$/;

const common = {
  version: z.literal(DOCUMENT_VERSION),
  repository: z.string().regex(/^[0-9a-f]{32}$/),
  /** Its own object key. */
  key: z.string(),
};
const KeyFile = z.object({
  format: z.literal(KEY_FORMAT),
  ...common,
  createdAt: z.iso.datetime(),
  kem: z.literal(RECOVERY_KEM),
  publicKey: z.base64(),
  /** The repository's secret, sealed under the private half. */
  secret: z.base64(),
});
const Removal = z.object({ format: z.literal(REMOVAL_FORMAT), ...common, removedAt: z.iso.datetime() });
const Wrap = z.object({
  format: z.literal(WRAP_FORMAT),
  ...common,
  run: z.string(),
  purpose: z.enum(['data', 'index', 'manifest', 'changes', 'root']),
  enc: z.base64(),
  sealed: z.base64(),
});

/** docs/reference/format.md, "Recovery keys". */
export type RecoveryKeyFile = Readonly<z.infer<typeof KeyFile>>;
/** That a recovery key is not to be wrapped to any more. */
export type RecoveryRemoval = Readonly<z.infer<typeof Removal>>;
/** A run's key, wrapped to a recovery key. */
export type RecoveryWrapFile = Readonly<z.infer<typeof Wrap>>;
type Body<T> = Omit<T, 'format' | 'version'>;

/** The key of the object with the public half of a recovery key. */
export function recoveryKeyName(id: string): string {
  return `${RECOVERY_KEYS}${id}.json`;
}

/** The key of the object that says it was removed. */
export function recoveryRemovalName(id: string): string {
  return `${RECOVERY_KEYS}${id}.removed.json`;
}

/** The id of the recovery key whose public half, or removal, an object is; undefined for any other object. */
export function parseRecoveryKeyName(
  key: string,
): { readonly id: string; readonly isRemoval: boolean } | undefined {
  const [, id] = KEY_NAME.exec(key) ?? [];
  if (id !== undefined) return { id, isRemoval: false };
  const [, removed] = REMOVAL_NAME.exec(key) ?? [];
  return removed === undefined ? undefined : { id: removed, isRemoval: true };
}

/** The key: a run key as a manifest has it, or a root key (`run` is its id, and nothing wraps it). */
export interface KeyToName {
  readonly run: string;
  readonly purpose: RecoveryWrapFile['purpose'];
  readonly wrapped: string;
}

/**
 * Depends on everything that a manifest says about the key: a retried commit makes another key for the same
 * run, and a forged manifest may give other runs' keys.
 */
export function recoveryWrapName(id: string, { run, purpose, wrapped }: KeyToName): string {
  const name = createHash('sha256').update(`${run}/${purpose}/${wrapped}`).digest('hex').slice(0, 32);
  return `${RECOVERY_WRAPS}${id}/${name}`;
}

/** Whether an object is a wrapped key, by its key. */
export function isRecoveryWrapName(key: string): boolean {
  return WRAP_NAME.test(key);
}

/** The public half as it is stored. */
export function encodeRecoveryKey(file: Body<RecoveryKeyFile>, secret: Uint8Array): Buffer {
  return encodeAuthenticated(
    { format: KEY_FORMAT, version: DOCUMENT_VERSION, ...file },
    keyOf(secret, 'keys'),
  );
}

/** The removal as it is stored. */
export function encodeRecoveryRemoval(file: Body<RecoveryRemoval>, secret: Uint8Array): Buffer {
  const document = { format: REMOVAL_FORMAT, version: DOCUMENT_VERSION, ...file };
  return encodeAuthenticated(document, keyOf(secret, 'keys'));
}

/** The wrapped key as it is stored. */
export function encodeRecoveryWrap(file: Body<RecoveryWrapFile>, secret: Uint8Array): Buffer {
  const document = { format: WRAP_FORMAT, version: DOCUMENT_VERSION, ...file };
  return encodeAuthenticated(document, keyOf(secret, 'wraps'));
}

/** @throws E_DAMAGED, E_NEWER_FORMAT, E_FOREIGN_REPOSITORY */
export function parseRecoveryKey(bytes: Uint8Array, key: string): RecoveryKeyFile {
  return parse(KeyFile, KEY_FORMAT, { bytes, key });
}

/** @throws E_DAMAGED, E_NEWER_FORMAT, E_FOREIGN_REPOSITORY */
export function parseRecoveryRemoval(bytes: Uint8Array, key: string): RecoveryRemoval {
  return parse(Removal, REMOVAL_FORMAT, { bytes, key });
}

/** @throws E_DAMAGED, E_NEWER_FORMAT, E_FOREIGN_REPOSITORY */
export function parseRecoveryWrap(bytes: Uint8Array, key: string): RecoveryWrapFile {
  return parse(Wrap, WRAP_FORMAT, { bytes, key });
}

/** The purpose that it claims, even if it is forged; undefined if it is not a wrapped key. */
export function wrapPurpose(bytes: Uint8Array, key: string): RecoveryWrapFile['purpose'] | undefined {
  try {
    return parseRecoveryWrap(bytes, key).purpose;
  } catch (error) {
    if (error instanceof HoldfastError) return undefined;
    throw error;
  }
}

/**
 * Whether a holder of the repository's secret wrote it.
 *
 * @throws E_DAMAGED, naming its repository if that is another one
 */
export function checkRecovery(
  bytes: Uint8Array,
  file: { readonly key: string; readonly repository: string },
  about: { readonly repository: string; readonly secret: Uint8Array; readonly kind: 'keys' | 'wraps' },
): void {
  const { key } = file;
  if (file.repository !== about.repository)
    throw new HoldfastError(
      'E_DAMAGED',
      `${key} is of repository ${file.repository}, but this is ${about.repository}`,
    );
  if (isAuthentic(bytes, keyOf(about.secret, about.kind))) return;
  throw new HoldfastError('E_DAMAGED', `${key} was not written by Holdfast, or was changed afterwards`, {
    hint: 'It is not trusted. Find out who put it there; restore it from an older version of the object, or remove it.',
  });
}

function parse<T extends { readonly key: string }>(
  schema: z.ZodType<T>,
  format: string,
  { bytes, key }: { readonly bytes: Uint8Array; readonly key: string },
): T {
  const document = parseAuthenticated(bytes, key);
  refuseNewer(document, format, key);
  const parsed = schema.safeParse(document);
  if (!parsed.success)
    throw new HoldfastError('E_DAMAGED', `${key} is not of format ${format}: ${problems(parsed.error)}`);
  if (parsed.data.key !== key)
    throw new HoldfastError('E_DAMAGED', `${key} holds something that was written as ${parsed.data.key}`, {
      hint: 'Move the object back to its own path.',
    });
  return parsed.data;
}

function keyOf(secret: Uint8Array, kind: 'keys' | 'wraps'): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, new Uint8Array(0), `holdfast/1 recovery ${kind}`, 32));
}
