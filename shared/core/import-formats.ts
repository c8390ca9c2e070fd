/** What a file to import may be. */
export const IMPORT_FORMATS = ['auto', 'firebase', 'original'] as const;
/** `firebase`: an export of the database; `original`: a file of the system that Holdfast replaces. */
export type ImportFormat = (typeof IMPORT_FORMATS)[number];
