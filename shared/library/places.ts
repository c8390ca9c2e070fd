import type { RowPlace } from '../jobs/inside/rows-plan.ts';
import { openScratch, openTarget, placeOfUrl, type SourceConfig } from '../jobs/source/adapters.ts';
import { openSource } from '../jobs/source/open-source.ts';
import type { SourcePlugin } from '../sources/plugin.ts';

/** A database, or a file or folder of text. */
export interface Place {
  /** `postgres://…`, `https://NAME.firebaseio.com`, or a path. May hold a password, which no error shows. */
  readonly url: string;
  /** Same as a source's `options` in the configuration: docs/reference/configuration.md. */
  readonly options?: Readonly<Record<string, string | number | boolean>>;
  /** What opens it, of a kind of your own. @default the one that knows the URL */
  readonly plugin?: SourcePlugin;
  /**
   * Environment variables that drivers read, such as `PGSSLROOTCERT`; pass `process.env` for those of the
   * process. @default none
   */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Opens a database to back up. */
export const sourceAt = (place: string | Place) => openSource(...configOf(place));
/** Opens a database to restore into. */
export const targetAt = (place: string | Place) => openTarget(...configOf(place));
/** Where single rows are put back. */
export function rowPlaceAt(place: string | Place): RowPlace {
  const [config, env] = configOf(place);
  return { config, env };
}
/** Opens a server where drills make their databases. */
export const scratchAt = (place: string | Place) => openScratch(...configOf(place));

function configOf(place: string | Place): [SourceConfig, NonNullable<Place['env']>] {
  const given: Place = typeof place === 'string' ? { url: place } : place;
  const { url, options = {}, env = {}, plugin } = given;
  const cwd = process.cwd();
  const known = plugin
    ? { kind: plugin.kind, url: plugin.resolveUrl?.(url, cwd) ?? url, plugin }
    : placeOfUrl(url, cwd);
  return [{ ...known, options }, env];
}
