/** What a file to import may be: an export of the database, or a file of the system that Holdfast replaces. */
export const IMPORT_FORMATS = [
  { format: 'firebase', label: 'an export of Firebase' },
  { format: 'original', label: 'a backup of the original system' },
] as const;
/** A form of files that can be imported. */
export type ImportFormat = (typeof IMPORT_FORMATS)[number]['format'];
