import type { Source } from '../../sources/source.ts';

/** Whether a backup is of a source, by its name or, for earlier releases, by its location. */
export function isOfSource(
  stored: { readonly kind: string; readonly name: string },
  { kind, name, location }: Pick<Source, 'kind' | 'name' | 'location'>,
): boolean {
  return stored.kind === kind && (stored.name === name || stored.name === location);
}

/** A source whose backups go by a configured name; earlier ones, under its location, are its own too. */
export function namedSource(source: Source, name: string): Source {
  const { kind, name: location, capabilities, sharing } = source;
  return { kind, name, location, capabilities, sharing, open: (...options) => source.open(...options) };
}
