import type { ContinuousSettings } from '../../shared/config/continuous.ts';
import { isHoldfastError } from '../../shared/core/errors.ts';
import { sleep } from '../../shared/core/sleep.ts';
import { MINUTE_MS, SECOND_MS } from '../../shared/core/units.ts';
import { newestChanges } from '../../shared/jobs/changes/newest-changes.ts';
import { openChangeSetup } from '../../shared/jobs/changes/openers.ts';
import type { Invocation } from '../runtime/invocation.ts';
import { findNamed, openPlace } from '../runtime/places.ts';
import type { OpenedRepository } from '../runtime/settings.ts';
import type { OpenedSource } from '../runtime/sources.ts';
import { logger } from '../runtime/telemetry.ts';

/** A poll begins within its interval, and ends within this. */
const POLL_MS = MINUTE_MS;
/** Polls that are further apart are not waited for. */
const MOST_MS = 5 * MINUTE_MS;
const LOOK_MS = SECOND_MS;

/**
 * Waits until a source that is polled has its first change segment. Changes can be applied to no backup that began before that, so a
 * second backup would have to follow at once. A database that is not set up for polls, or whose polls fail, holds up no backup.
 *
 * @throws E_STORE_*, E_ABORTED
 */
export async function waitForFirstChanges(
  repository: OpenedRepository,
  opened: OpenedSource,
  { config, signal }: Pick<Invocation, 'config' | 'signal'>,
): Promise<void> {
  const { name } = opened;
  const source = findNamed(name, config.sources, 'source');
  const { continuous } = source;
  if (!continuous || opened.capabilities.joinsChanges !== true) return;
  const isStored = async () => (await newestChanges(repository, opened, signal)) !== undefined;
  if ((await isStored()) || !(await isSetUp(source, signal))) return;
  logger.info('waits for the first poll of its changes', { source: name });
  const until = performance.now() + mostMs(continuous);
  while (performance.now() < until) {
    await sleep(LOOK_MS, signal);
    if (await isStored()) return;
  }
  logger.warn('no poll has stored changes: they cannot be applied to this backup', { source: name });
}

function mostMs({ everyMs }: ContinuousSettings): number {
  return Math.min(everyMs + POLL_MS, MOST_MS);
}

/** What is wrong is for polls to say. */
async function isSetUp(source: Parameters<typeof openPlace>[0], signal: AbortSignal): Promise<boolean> {
  try {
    const { config, env } = await openPlace(source, signal);
    await using setup = await openChangeSetup(config, env);
    return (await setup.state(signal)).isSetUp;
  } catch (error) {
    if (signal.aborted || !isHoldfastError(error)) throw error;
    return false;
  }
}
