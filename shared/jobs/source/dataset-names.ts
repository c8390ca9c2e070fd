import { isHoldfastError } from '../../core/errors.ts';
import { pluginNamed } from '../../sources/registry.ts';

/** Why datasets of these names cannot be restored to a database of their kind; undefined if they can. */
export function checkNames(kind: string, names: readonly string[]): string | undefined {
  try {
    pluginNamed(kind)?.checkNames?.(names);
    return undefined;
  } catch (error) {
    if (isHoldfastError(error)) return error.message;
    throw error;
  }
}
