import type { ContinuousSettings } from '../../config/continuous.ts';
import type { SourceConfig } from '../../jobs/source/adapters.ts';
import { ApiError } from '../server/api-error.ts';
import { unknownName } from '../server/unknown-name.ts';

/** A configured source or target. Requests name it; they never bring a URL of their own. */
export interface NamedPlace extends SourceConfig {
  readonly name: string;
  /** How its changes are backed up. Sources only. */
  readonly continuous?: ContinuousSettings;
}

/** @throws E_UNKNOWN_NAME, E_BAD_REQUEST if none is given and there are several, or none is configured */
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
      hint: `Add ${what}s to the configuration (docs/reference/configuration.md).`,
    });
  if (name !== undefined) throw unknownName(field, name, names);
  const problem = `is missing; there are ${names.join(', ')}`;
  throw new ApiError('E_BAD_REQUEST', `${field}: ${problem}`, {
    fields: [{ field, problem }],
    hint: `Allowed are ${names.join(', ')}.`,
  });
}
