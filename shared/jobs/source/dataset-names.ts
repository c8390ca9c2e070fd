import { isHoldfastError } from '../../core/errors.ts';
import { refuseNames } from '../../sources/files/target-names.ts';
import type { SourceKind } from '../../sources/source-kind.ts';

/** What refuses names of datasets that cannot be given back; kinds that are missing take any. Apart from adapters.ts, which loads drivers. */
const CHECKS: Partial<Record<SourceKind, (names: readonly string[]) => void>> = { files: refuseNames };

/** Why datasets of these names cannot be restored to a database of their kind; undefined where they can. */
export function checkNames(kind: string, names: readonly string[]): string | undefined {
  try {
    if (Object.hasOwn(CHECKS, kind)) CHECKS[kind as SourceKind]?.(names);
    return undefined;
  } catch (error) {
    if (isHoldfastError(error)) return error.message;
    throw error;
  }
}
