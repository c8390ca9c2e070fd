import { newestNumber } from '../../repository/changes/list-segments.ts';
import type { Repository } from '../../repository/repository.ts';
import type { Source } from '../../sources/source.ts';

/**
 * The newest change segment of a source, before a backup of it begins: all that the backup lacks is in later ones, if its view has a join.
 *
 * @returns undefined if there is none, and the backup is no base. @throws E_STORE_*
 */
export async function newestChanges(
  { store }: Repository,
  { kind, name, capabilities }: Pick<Source, 'kind' | 'name' | 'capabilities'>,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (capabilities.joinsChanges !== true) return undefined;
  const number = await newestNumber(store, { kind, name }, signal);
  return number === 0 ? undefined : number;
}
