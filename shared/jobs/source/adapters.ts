import { HoldfastError } from '../../core/errors.ts';
import type { Env, SourceConfig, SourcePlugin } from '../../sources/plugin.ts';
import { KINDS, pluginNamed, pluginOf, pluginOfUrl } from '../../sources/registry.ts';
import type { ScratchServer } from '../../sources/scratch.ts';
import type { Target } from '../../sources/target.ts';

export type { Env, SourceConfig };

/** @throws E_CONFIG listing every problem with its settings */
export function openTarget(config: SourceConfig, env: Env): Promise<Target> {
  return pluginFor(config).openTarget(config, env);
}

/**
 * Where drills of a kind of source make their scratch targets. @throws E_CONFIG listing every problem with
 * its settings
 */
export function openScratch(config: SourceConfig, env: Env): Promise<ScratchServer> {
  return pluginFor(config).openScratch(config, env);
}

/** The kind of a place. @throws E_CONFIG if its URL is in a variable that is not set, E_SOURCE_UNSUPPORTED */
export function pluginFor(place: SourceConfig): SourcePlugin {
  refuseUnset(place);
  return place.plugin ?? pluginOf(place.kind);
}

/** A kind of source that this release knows. @throws E_SOURCE_UNSUPPORTED */
export function knownKind(kind: string): string {
  return pluginOf(kind).kind;
}

/** A URL of a configuration that is in a variable of the environment. */
const IN_VARIABLE = /^env:([A-Za-z_][A-Za-z0-9_]*)$/;

/**
 * The same place with its relative paths made whole, of a kind that lies on a disk, and with the URL that `env:NAME` stands for.
 * If that variable is not set, the URL stays as it is: `refuseUnset` says so when the place is opened.
 */
export function placeIn<Place extends Pick<SourceConfig, 'kind' | 'url'>>(
  place: Place,
  folder: string,
  env: Env,
): Place {
  const [, variable] = IN_VARIABLE.exec(place.url) ?? [];
  const url = variable === undefined ? place.url : env[variable];
  if (!url) return place;
  const { resolveUrl } = pluginNamed(place.kind) ?? {};
  return { ...place, url: resolveUrl === undefined ? url : resolveUrl(url, folder) };
}

/** @throws E_CONFIG if the URL of a place is in a variable that is not set */
export function refuseUnset({ url }: Pick<SourceConfig, 'url'>): void {
  const [, variable] = IN_VARIABLE.exec(url) ?? [];
  if (variable === undefined) return;
  throw new HoldfastError(
    'E_CONFIG',
    `the environment variable ${variable}, which the configuration names, is not set`,
    {
      hint: 'Set it to the URL of the database.',
    },
  );
}

/**
 * What a URL or a path means; paths become absolute.
 *
 * @param cwd where relative paths begin
 * @throws E_USAGE; the message contains only the scheme of a URL
 */
export function placeOfUrl(url: string, cwd: string): SourceConfig {
  const plugin = pluginOfUrl(url);
  if (plugin) return placeIn({ kind: plugin.kind, url, options: {} }, cwd, {});
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1];
  const examples = KINDS.filter(({ isOnDisk = false }) => !isOnDisk).map(({ urlExample }) => urlExample);
  throw new HoldfastError('E_USAGE', `${scheme}:// is not a kind of database that this release knows`, {
    hint: `Give ${examples.join(', ')}, a name from the configuration, or a path without ://.`,
  });
}
