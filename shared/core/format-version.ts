/**
 * The version of docs/reference/format.md that a repository or backup follows. Both will be readable forever.
 */
export type FormatVersion = 1 | 2;

/** Newer ones are refused. */
export const NEWEST_FORMAT: FormatVersion = 2;

/** What `init` makes by default. */
export const DEFAULT_FORMAT: FormatVersion = 2;

/** The version of all documents except `repository.json` and manifests, which have versions of their own. */
export const DOCUMENT_VERSION = 1;
