import type { NamedSource } from '../../config/named-source.ts';
import { configuredName, type Naming, type SourceNames } from './naming.ts';
import { openSource } from './open-source.ts';

/**
 * The names that backups may have for each configured source: its name, or the database without secrets, as
 * earlier releases of the command line and of `serve` wrote it. A source that cannot be opened here has only
 * its name.
 *
 * @param sources paths of files are absolute
 */
export async function sourceNames(
  sources: readonly NamedSource[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<SourceNames> {
  const names = new Map<string, readonly string[]>();
  for (const source of sources) names.set(source.name, [source.name, ...(await databaseOf(source, env))]);
  return names;
}

/** Opens no source until a backup has a name that is not configured. */
export function namingOf(
  sources: readonly NamedSource[],
  env: Readonly<Record<string, string | undefined>>,
): Naming {
  const known = new Set(sources.map(({ name }) => name));
  let names: Promise<SourceNames> | undefined;
  return async (stored) => {
    const isKnown = [...stored].every((name) => known.has(name));
    if (isKnown || sources.length === 0) return (name) => name;
    names ??= sourceNames(sources, env);
    const found = await names;
    return (name) => configuredName(found, name);
  };
}

async function databaseOf(
  { secret, ...source }: NamedSource,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly string[]> {
  if (secret !== undefined) return [];
  try {
    return [(await openSource(source, env)).name];
  } catch {
    return [];
  }
}
