import { isHoldfastError } from '../../shared/core/errors.ts';
import type { Invocation } from './invocation.ts';
import type { OpenedRepository } from './settings.ts';
import { logger } from './telemetry.ts';

/**
 * Undefined if there is none yet: a deployment's first backup makes it, and until then there is nothing to
 * verify or to remove. If a first backup never comes, the watchdog reports it by the age of its schedule.
 *
 * @throws what `Invocation.repository` throws, except E_NO_REPOSITORY
 */
export async function repositoryIfMade(
  { repository }: Invocation,
  options?: Parameters<Invocation['repository']>[0],
): Promise<OpenedRepository | undefined> {
  try {
    return await repository(options);
  } catch (error) {
    if (!isHoldfastError(error, 'E_NO_REPOSITORY')) throw error;
    logger.info('there is no repository yet; the first backup makes it');
    return undefined;
  }
}
