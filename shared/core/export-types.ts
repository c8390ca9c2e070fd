/** Content types of exports, by format, which is also the ending of their files' names. */
export const EXPORT_TYPES = {
  sql: 'application/sql; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
} as const;
export type FileFormat = keyof typeof EXPORT_TYPES;
