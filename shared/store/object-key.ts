import { HoldfastError } from '../core/errors.ts';
import type { ByteRange } from './object-store.ts';

const PREFIX = /^([A-Za-z0-9_-][A-Za-z0-9._-]*\/)*([A-Za-z0-9_-][A-Za-z0-9._-]*)?$/;
const KEY = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

/** @throws E_INTERNAL for a key that is not of the form `ObjectStore` allows, such as one with `..` */
export function checkKey(key: string): void {
  if (!KEY.test(key) || key.length > 900)
    throw new HoldfastError('E_INTERNAL', `'${key}' is not a valid object key`);
}

/** @throws E_INTERNAL for a prefix that no key can have, such as `../` */
export function checkPrefix(prefix: string): void {
  if (!PREFIX.test(prefix)) throw new HoldfastError('E_INTERNAL', `no object key begins with '${prefix}'`);
}

/** `range`, or the whole object without one. @throws E_RANGE if it runs past the end */
export function rangeWithin(range: ByteRange | undefined, sizeBytes: number, key: string): ByteRange {
  if (!range) return { offsetBytes: 0, lengthBytes: sizeBytes };
  const end = range.offsetBytes + range.lengthBytes;
  if (end <= sizeBytes) return range;
  throw new HoldfastError('E_RANGE', `a read of ${key} ends at byte ${end}, the object has ${sizeBytes}`);
}

/** The error of an object that is not there. */
export function notFound(key: string, cause?: unknown): HoldfastError {
  return new HoldfastError('E_OBJECT_NOT_FOUND', `no object at ${key}`, { cause });
}

/** The error of an object that is there already. */
export function exists(key: string, cause?: unknown): HoldfastError {
  return new HoldfastError('E_OBJECT_EXISTS', `there is already an object at ${key}`, { cause });
}
