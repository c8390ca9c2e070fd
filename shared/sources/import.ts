import type { SourceView } from './source.ts';

/** What a file is, and what opens it. */
export interface ImportOptions {
  /** One that the plugin states, or `auto`. */
  readonly format: string;
  /** Of an encrypted file. */
  readonly passphrase: string | undefined;
  readonly signal: AbortSignal;
}

/** A file that was read to its end, checked, and put in order; its view is read as that of a database is. */
export interface ImportedFile extends AsyncDisposable {
  readonly view: SourceView;
  /** One that the plugin states. */
  readonly format: string;
  readonly isEncrypted: boolean;
  /** When the data was read from the database, as far as the file says it, and how it does. */
  readonly date: { readonly at: Date; readonly from: string } | undefined;
  readonly sha256: string;
}

/**
 * Reads a file as what a source of that kind would have given. Memory does not grow with it.
 *
 * @throws E_USAGE, E_IMPORT_REFUSED, E_EMPTY_READ if it holds nothing
 */
export type Importer = (file: string, options: ImportOptions) => Promise<ImportedFile>;
