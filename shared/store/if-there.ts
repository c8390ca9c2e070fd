import { isHoldfastError } from '../core/errors.ts';
import type { ObjectHead, ObjectStore, PutOptions } from './object-store.ts';

/** Undefined if the object does not exist. */
export async function headIfThere(
  key: string,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<ObjectHead | undefined> {
  try {
    return await store.head(key, { signal });
  } catch (error) {
    if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) return undefined;
    throw error;
  }
}

/** Undefined if the object does not exist. */
export async function getIfThere(
  key: string,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  try {
    return await store.get(key, { signal });
  } catch (error) {
    if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) return undefined;
    throw error;
  }
}

/** @returns whether it was put; false if the key is taken, by anybody */
export async function putIfAbsent(
  key: string,
  body: Uint8Array,
  store: ObjectStore,
  options: PutOptions,
): Promise<boolean> {
  try {
    await store.put(key, body, options);
    return true;
  } catch (error) {
    if (isHoldfastError(error, 'E_OBJECT_EXISTS')) return false;
    throw error;
  }
}
