import * as z from 'zod';

/**
 * Classes that return an object at once, and that packs may move to later. `ONEZONE_IA` loses everything with
 * its zone, and archives make a restore wait for hours: neither suits backups.
 */
export const LATER_STORAGE_CLASSES = ['STANDARD_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'] as const;
/** Classes that packs may be stored in. */
export const STORAGE_CLASSES = ['STANDARD', ...LATER_STORAGE_CLASSES] as const;
/** A storage class of S3. */
export type StorageClass = (typeof STORAGE_CLASSES)[number];

/** Storage class of packs of chunks, by type of backup; `*` stands for types that are not named. */
export type StorageClasses = Readonly<Record<string, StorageClass>>;

/** `storageClass` of the configuration. */
export const StorageClassConfig = z.record(
  z
    .string()
    .regex(/^([a-z][a-z0-9-]{0,31}|\*)$/, "a type has 1 to 32 of a-z, 0-9 and '-', or is '*' for all others"),
  z.enum(STORAGE_CLASSES),
);

/** Undefined: the store's default. */
export function storageClassOf(classes: StorageClasses, type: string): StorageClass | undefined {
  return Object.hasOwn(classes, type) ? classes[type] : classes['*'];
}
