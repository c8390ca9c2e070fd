import type { NamedSource } from '../core/config.ts';
import { openSource } from './adapters.ts';

/**
 * What the backups of each configured source may say that their source is: its name (functions), or the database without
 * secrets (command line, `serve`). A source that cannot be opened here has its name alone.
 *
 * @param sources paths of files are absolute
 */
export async function sourceNames(
  sources: readonly NamedSource[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = new Map<string, readonly string[]>();
  for (const source of sources) names.set(source.name, [source.name, ...(await databaseOf(source, env))]);
  return names;
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
