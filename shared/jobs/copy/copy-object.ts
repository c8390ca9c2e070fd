import { createHash } from 'node:crypto';
import { HoldfastError } from '../../core/errors.ts';
import { putIfAbsent } from '../../store/if-there.ts';
import type { ObjectHead, ObjectStore, PutOptions } from '../../store/object-store.ts';

/** What an object must be. */
interface Expected {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/**
 * Puts an object, unless one exists, and checks what the store has then, even if others put it.
 *
 * @returns the store's object; `isNew`: put by this call
 * @throws E_DAMAGED if it has other bytes, E_STORE_*
 */
export async function putCompared(
  to: ObjectStore,
  key: string,
  body: Uint8Array,
  options: PutOptions & { readonly signal: AbortSignal },
): Promise<ObjectHead & { readonly isNew: boolean }> {
  const sha256 = options.sha256 ?? sha256Of(body);
  const isNew = await putIfAbsent(key, body, to, { ...options, sha256 });
  const head = await compareObject(to, key, { sizeBytes: body.length, sha256 }, options.signal);
  return { ...head, isNew };
}

/**
 * Compares an object's size and checksum with what they must be: the checksum that the store itself took on
 * arrival; if it keeps none, by reading the object back.
 *
 * @throws E_DAMAGED if it differs, E_OBJECT_NOT_FOUND, E_STORE_*
 */
export async function compareObject(
  store: ObjectStore,
  key: string,
  expected: Expected,
  signal: AbortSignal,
): Promise<ObjectHead> {
  const head = await store.head(key, { signal });
  if (head.sizeBytes !== expected.sizeBytes)
    throw otherBytes(store, key, `${head.sizeBytes} bytes`, expected);
  const sha256 = head.sha256 ?? sha256Of(await store.get(key, { signal }));
  if (sha256 !== expected.sha256) throw otherBytes(store, key, `SHA-256 ${sha256}`, expected);
  return head;
}

/** Lower-case hex. */
export function sha256Of(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}

/** The error of an object that another place has with other bytes. */
export function otherBytes(
  { location }: ObjectStore,
  key: string,
  got: string,
  { sizeBytes, sha256 }: Expected,
): HoldfastError {
  return new HoldfastError(
    'E_DAMAGED',
    `${location} has a different object at ${key}: ${got}, expected ${sizeBytes} bytes with SHA-256 ${sha256}`,
    { hint: 'A copy replaces nothing. Find out who put it there, remove it, then copy again.' },
  );
}
