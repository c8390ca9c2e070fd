import { createHash } from 'node:crypto';
import { HoldfastError } from '../../core/errors.ts';
import { KEYS_PREFIX, type KeysFile } from '../../format/keys-file.ts';
import { getIfThere, putIfAbsent } from '../../store/if-there.ts';
import type { ObjectStore } from '../../store/object-store.ts';

const HASH_BYTES = 32;

type Reference = NonNullable<KeysFile['signedBefore']>;

function objectOf({ sha256 }: Pick<Reference, 'sha256'>): string {
  return `${KEYS_PREFIX}signed/${sha256}`;
}

const OBJECT = /^keys\/signed\/([0-9a-f]{64})$/;

/** The SHA-256 in the name of such a list; undefined if the object is not one. */
export function signedBeforeOf(key: string): string | undefined {
  return OBJECT.exec(key)?.[1];
}

/** @throws E_DAMAGED if it is not what was written */
export function proveSignedBefore(bytes: Uint8Array, key: string, sha256: string): void {
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new HoldfastError('E_DAMAGED', `${key} was changed: its SHA-256 is not its name`);
}

/**
 * Stores the SHA-256s (hex) of everything signed so far, sorted; returns what names the object. @throws
 * E_STORE_*
 */
export async function putSignedBefore(
  store: ObjectStore,
  hashes: readonly string[],
  signal: AbortSignal,
): Promise<Reference> {
  const sorted = [...new Set(hashes)].sort();
  const body = Buffer.concat(sorted.map((hash) => Buffer.from(hash, 'hex')));
  const reference = { sha256: createHash('sha256').update(body).digest('hex'), count: sorted.length };
  await putIfAbsent(objectOf(reference), body, store, { signal });
  return reference;
}

/** What older root keys signed before the newest came: nothing that they sign later is trusted. */
export class SignedBefore {
  readonly #store: ObjectStore;
  readonly #reference: Reference;
  #hashes: Promise<Buffer> | undefined;

  constructor(store: ObjectStore, reference: Reference) {
    this.#store = store;
    this.#reference = reference;
  }

  /**
   * Whether an object with this SHA-256 (hex) is listed. @throws E_DAMAGED if the list was changed, E_STORE_*
   */
  async has(sha256: string, signal: AbortSignal): Promise<boolean> {
    this.#hashes ??= this.#read(signal);
    this.#hashes.catch(() => {
      this.#hashes = undefined;
    });
    return isAmong(await this.#hashes, Buffer.from(sha256, 'hex'));
  }

  async #read(signal: AbortSignal): Promise<Buffer> {
    const object = objectOf(this.#reference);
    const body = await getIfThere(object, this.#store, signal);
    const found = body && createHash('sha256').update(body).digest('hex');
    if (body && found === this.#reference.sha256) return Buffer.from(body);
    throw new HoldfastError('E_DAMAGED', `${object} ${body ? 'was changed' : 'is missing'}`, {
      hint: 'Restore it from an older version of the object: without it nothing that older keys signed is trusted.',
    });
  }
}

/** Binary search: the hashes are sorted. */
function isAmong(hashes: Buffer, wanted: Buffer): boolean {
  let [from, to] = [0, hashes.length / HASH_BYTES];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    const order = hashes.subarray(middle * HASH_BYTES, (middle + 1) * HASH_BYTES).compare(wanted);
    if (order === 0) return true;
    if (order < 0) from = middle + 1;
    else to = middle;
  }
  return false;
}
