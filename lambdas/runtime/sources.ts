import type { ResolvedConfig } from '../../shared/config/config.ts';
import { openSource } from '../../shared/jobs/source/open-source.ts';
import { namedSource } from '../../shared/jobs/source/same-source.ts';
import { findNamed, openPlace } from './places.ts';

/** A source that is open, with what has to be closed. */
export type OpenedSource = Awaited<ReturnType<typeof openSource>>;

/**
 * The source of that name. Its backups carry the configured name: a database that moves to another host stays
 * the same source, and roles that may not read its secret still know whose backups they are.
 *
 * @throws E_USAGE for an unknown name, E_SOURCE_REFUSED, E_CONFIG
 */
export async function openConfiguredSource(
  name: string,
  config: ResolvedConfig,
  signal: AbortSignal,
): Promise<OpenedSource> {
  const place = findNamed(name, config.sources, 'source');
  const { config: found, env } = await openPlace(place, signal);
  return namedSource(await openSource(found, env), name);
}
