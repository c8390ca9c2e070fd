import { configuredName } from '../shared/jobs/source/naming.ts';
import { openSource } from '../shared/jobs/source/open-source.ts';
import { namedSource } from '../shared/jobs/source/same-source.ts';
import { findPlace } from './load-config.ts';
import type { CommandSession } from './session.ts';

/**
 * Opens the named source. A configured one goes by its name, even if its URL is given; any other by its
 * location.
 *
 * @throws E_USAGE, E_CONFIG
 */
export async function openNamedSource(
  session: CommandSession,
  text: string,
): Promise<Awaited<ReturnType<typeof openSource>>> {
  const { config, io } = session;
  const source = await openSource(findPlace(text, config, io), io.env);
  if (config.sources.some(({ name }) => name === text)) return namedSource(source, text);
  const name = configuredName(await session.sourceNames(), source.name);
  return name === source.name ? source : namedSource(source, name);
}
