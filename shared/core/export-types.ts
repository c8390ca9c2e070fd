/** Content types of exports, by format; the format is also the extension of their files. */
export const EXPORT_TYPES = {
  sql: 'application/sql; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
} as const;
/** A form of files that backups are exported as. */
export type FileFormat = keyof typeof EXPORT_TYPES;
