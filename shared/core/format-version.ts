/** Which page of docs/reference/format.md a repository or a backup is written by. Both are read for ever. */
export type FormatVersion = 1 | 2;

/** Newer ones are refused. */
export const NEWEST_FORMAT: FormatVersion = 2;

/** What `init` makes if nobody asks for another. */
export const DEFAULT_FORMAT: FormatVersion = 2;

/** Of all documents but `repository.json` and manifests: there is one version of each. */
export const DOCUMENT_VERSION = 1;
