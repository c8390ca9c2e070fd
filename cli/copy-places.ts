import type { ResolvedConfig } from '../shared/config/config.ts';
import type { CopyPlace } from '../shared/config/copy.ts';
import { HoldfastError } from '../shared/core/errors.ts';
import { placeFrom } from '../shared/jobs/copy/place-from.ts';
import { placeIn } from '../shared/jobs/source/adapters.ts';
import { sourceNames } from '../shared/jobs/source/source-names.ts';
import { usage } from './command.ts';
import type { Io } from './io.ts';

/** The configured place of that name, or all. @throws E_CONFIG if there is none, E_USAGE for another name */
function named({ copies }: ResolvedConfig, name: string | undefined): readonly CopyPlace[] {
  if (copies.length === 0)
    throw new HoldfastError('E_CONFIG', 'no second place is configured', {
      hint: 'Give one with --to PLACE, or write copy: { second: { to: … } } into the configuration.',
    });
  if (name === undefined) return copies;
  const found = copies.filter((place) => place.name === name);
  if (found.length > 0) return found;
  const names = copies.map((place) => place.name).join(', ');
  throw usage(`'${name}' is not a second place`, `Configured are ${names}; give any other with --to.`);
}

function resolve(place: CopyPlace, { cwd }: Pick<Io, 'cwd'>): CopyPlace {
  return placeFrom(cwd, place);
}

/** How `copy` finds its places, by name or by URL. */
export const copyPlaces = { named, resolve };

/** The names that manifests may have for a source: as configured, or as given. */
export async function namesOfSources(
  { sources }: ResolvedConfig,
  { cwd, env }: Pick<Io, 'cwd' | 'env'>,
): Promise<(source: string) => readonly string[]> {
  const absolute = sources.map((source) => placeIn(source, cwd, env));
  const names = await sourceNames(absolute, env);
  return (source) => names.get(source) ?? [source];
}
