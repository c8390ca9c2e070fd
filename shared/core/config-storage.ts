import * as z from 'zod';

/**
 * Classes that give an object back at once. Of `ONEZONE_IA` a lost zone takes everything, archives make a restore wait for
 * hours: neither is for backups.
 */
export const STORAGE_CLASSES = ['STANDARD', 'STANDARD_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'] as const;
/** Classes that packs may move to later. */
export const LATER_STORAGE_CLASSES = ['STANDARD_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'] as const;
export type StorageClass = (typeof STORAGE_CLASSES)[number];

/** Of packs of chunks, by type of backup; `*`: all types that are not named. */
export type StorageClasses = Readonly<Record<string, StorageClass>>;

export const StorageClassConfig = z.record(
  z
    .string()
    .regex(/^([a-z][a-z0-9-]{0,31}|\*)$/, "a type is 1 to 32 of a-z, 0-9 and '-', or '*' for all others"),
  z.enum(STORAGE_CLASSES),
);

/** Undefined: the store's own. */
export function storageClassOf(classes: StorageClasses, type: string): StorageClass | undefined {
  return Object.hasOwn(classes, type) ? classes[type] : classes['*'];
}
