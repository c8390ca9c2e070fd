import { HoldfastError } from '../../../core/errors.ts';

/** A file that is damaged, cut off, of another kind, or holds what no Firebase database can hold. */
export function refused(what: string, hint?: string, cause?: unknown): HoldfastError {
  return new HoldfastError('E_IMPORT_REFUSED', `the file cannot be imported: ${what}`, {
    cause,
    hint: hint ?? 'Nothing was stored. Export the data again, or use another copy of the file.',
  });
}
