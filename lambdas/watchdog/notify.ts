import type { ResolvedConfig } from '../../shared/config/config.ts';
import { systemClock } from '../../shared/core/clock.ts';
import { HoldfastError } from '../../shared/core/errors.ts';
import { Notifier, type Sent } from '../../shared/jobs/notify/notifier.ts';
import type { Outlook } from '../../shared/jobs/notify/outlook.ts';
import type { Invocation } from '../runtime/invocation.ts';
import { readSecret } from '../runtime/secrets.ts';
import type { OpenedRepository } from '../runtime/settings.ts';
import { logger } from '../runtime/telemetry.ts';

/** It remembers what it reported while this process lives. */
let known: Notifier | undefined;

function notifierOf({ channels }: ResolvedConfig): Notifier {
  known ??= new Notifier({
    channels,
    clock: systemClock,
    readSecret: secretOf,
    onProblem: (problem) => logger.error('a notification went wrong', { problem }),
  });
  return known;
}

/** Notifies channels of changes. Failing to do so fails nothing else: the measurements are done. */
export async function tellChannels(
  { config, signal }: Invocation,
  repository: OpenedRepository | undefined,
  outlook: Outlook,
): Promise<readonly Pick<Sent, 'channel' | 'kind' | 'outcome'>[]> {
  if (config.channels.length === 0) return [];
  try {
    const sent = await notifierOf(config).check(repository, outlook, signal);
    return sent.map(({ channel, kind, outcome }) => ({ channel, kind, outcome }));
  } catch (error) {
    logger.error('no notifications were sent', { error: error as Error });
    return [];
  }
}

/** Sends a test. @throws E_UNKNOWN_NAME, E_NO_REPOSITORY */
export async function testChannel({ config, repository, signal }: Invocation, name: string): Promise<Sent> {
  return notifierOf(config).test(await repository({ withKey: false }), name, signal);
}

const ENV = 'env:';

/** From Secrets Manager or Parameter Store, or from a variable of this function. */
async function secretOf(reference: string, signal: AbortSignal): Promise<string> {
  if (!reference.startsWith(ENV)) return readSecret(reference, signal);
  const name = reference.slice(ENV.length);
  const value = process.env[name];
  if (value) return value;
  throw new HoldfastError('E_CONFIG', `the environment variable ${name} of the watchdog is not set`, {
    hint: 'Store the secret in Secrets Manager, and give its ARN.',
  });
}
