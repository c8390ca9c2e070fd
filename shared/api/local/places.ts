import { nearest } from '../../core/nearest.ts';
import type { SourceConfig } from '../../jobs/adapters.ts';
import { ApiError } from '../api-error.ts';

/** A source or target of the configuration. Requests name it; they never bring a URL of their own. */
export interface NamedPlace extends SourceConfig {
  readonly name: string;
}

/** @throws E_BAD_REQUEST for a name that is not configured, or none where there are several */
export function placeNamed(
  places: readonly NamedPlace[],
  name: string | undefined,
  field: 'source' | 'to',
): NamedPlace {
  const what = field === 'to' ? 'target' : 'source';
  const [only, ...others] = places;
  if (name === undefined && only && others.length === 0) return only;
  const found = places.find((place) => place.name === name);
  if (found) return found;
  const names = places.map((place) => place.name);
  if (names.length === 0)
    throw new ApiError('E_BAD_REQUEST', `${field}: no ${what}s are configured`, {
      fields: [{ field, problem: `no ${what}s are configured` }],
      hint: `Write ${what}s into the configuration (docs/configuration.md).`,
    });
  const meant = name === undefined ? undefined : nearest(name, names);
  const problem =
    name === undefined ? `is missing; there are ${names.join(', ')}` : `is no ${what} of the configuration`;
  throw new ApiError('E_BAD_REQUEST', `${field}: ${problem}`, {
    fields: [{ field, problem }],
    hint: meant === undefined ? `Allowed are ${names.join(', ')}.` : `Did you mean ${meant}?`,
  });
}
