import type { ResolvedConfig } from '../../shared/config/config.ts';
import { isHoldfastError } from '../../shared/core/errors.ts';
import { initConfiguredRepository } from '../../shared/jobs/open-repository.ts';
import type { Invocation } from '../runtime/invocation.ts';
import type { OpenedRepository } from '../runtime/settings.ts';
import { logger } from '../runtime/telemetry.ts';

/**
 * The repository; a deployment's first backup makes it. Refused if the bucket has backups but their
 * repository's file is missing.
 *
 * @throws E_REPOSITORY_EXISTS, E_FOREIGN_REPOSITORY, E_STORE_*, E_KEY_*
 */
export async function openOrMake({ config, repository, signal }: Invocation): Promise<OpenedRepository> {
  try {
    return await repository();
  } catch (error) {
    if (!isHoldfastError(error, 'E_NO_REPOSITORY')) throw error;
  }
  await make(config, signal);
  return repository();
}

async function make(config: ResolvedConfig, signal: AbortSignal): Promise<void> {
  const { repository = '' } = config;
  try {
    const { location, repositoryId } = await initConfiguredRepository({ ...config, repository }, signal);
    logger.warn('there was no repository, so one was made', { location, repositoryId });
  } catch (error) {
    // If two first backups run at once, one of them makes it.
    if (!isHoldfastError(error, 'E_REPOSITORY_EXISTS')) throw error;
  }
}
