import { hasRole } from '../../core/api-names.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { RowsPageOptions } from '../../jobs/inside/rows-page.ts';
import { configuredName } from '../../jobs/source/naming.ts';
import { openSource } from '../../jobs/source/open-source.ts';
import { sourceNames } from '../../jobs/source/source-names.ts';
import type { Source } from '../../sources/source.ts';
import { notShown } from '../presenters/rows.ts';
import { ApiError } from '../server/api-error.ts';
import type { Caller } from '../server/caller.ts';
import type { LocalBackendOptions } from './options.ts';
import type { NamedPlace } from './places.ts';

type Options = Pick<LocalBackendOptions, 'repository' | 'sources' | 'env' | 'masks'>;

/** The configured source that a backup is of; undefined if it is no longer configured. */
async function placeOf(
  { sources, env }: Options,
  stored: { readonly name: string },
): Promise<NamedPlace | undefined> {
  const name = configuredName(await sourceNames(sources, env), stored.name);
  return sources.find((source) => source.name === name);
}

/** The source of a backup as it is now. @throws E_BAD_REQUEST if it is not configured, E_CONFIG */
export async function liveSource(options: Options, stored: { readonly name: string }): Promise<Source> {
  const place = await placeOf(options, stored);
  if (place) return openSource(place, options.env);
  const problem = `the backup is of ${stored.name}, which is not configured`;
  throw new ApiError('E_BAD_REQUEST', `with: ${problem}`, {
    fields: [{ field: 'with', problem }],
    hint: 'Compare it with another backup, or add the source to the configuration.',
  });
}

/** What a caller gets to see of rows: undefined: all of it. @throws E_FORBIDDEN if there are no masks for others */
export async function maskFor(
  options: Options,
  key: BackupKey,
  { caller, signal }: { readonly caller: Caller; readonly signal: AbortSignal },
): Promise<RowsPageOptions['maskOf']> {
  if (hasRole(caller.roles, 'restorer')) return undefined;
  const stored = (await options.repository.readManifest(key, signal)).source;
  const place = await placeOf(options, stored);
  const mask = place && options.masks?.(place.name);
  if (!mask) throw notShown(stored.name);
  return async (contents, dataset) => mask(contents, dataset, signal);
}
