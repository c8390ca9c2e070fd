import type { NotifyChannel } from '../../config/notifications.ts';
import { secretsOf } from '../../config/notifications.ts';
import { systemClock } from '../../core/clock.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { ReadSecret } from './deliver.ts';
import { Notifier, type NotifierOptions } from './notifier.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** For a process that has secrets in its environment. */
export interface LocalNotifiers {
  /** For all channels: used for tests. */
  readonly all: Notifier;
  /**
   * For channels whose secrets this process has: functions on AWS notify the others. Undefined if there are
   * none.
   */
  readonly own: Notifier | undefined;
}

/** Notifiers of the channels of this process. */
export function localNotifiers(
  channels: readonly NotifyChannel[],
  { env, onProblem }: { readonly env: Env } & Pick<NotifierOptions, 'onProblem'>,
): LocalNotifiers {
  const options = { clock: systemClock, readSecret: fromEnvironment(env), onProblem };
  const own = channels.filter((channel) => secretsOf(channel).length === 0);
  return {
    all: new Notifier({ ...options, channels }),
    own: own.length === 0 ? undefined : new Notifier({ ...options, channels: own }),
  };
}

const ENV = 'env:';

/** Reads `env:NAME`. @throws E_CONFIG */
function fromEnvironment(env: Env): ReadSecret {
  return async (reference) => {
    if (!reference.startsWith(ENV))
      throw new HoldfastError(
        'E_CONFIG',
        `${reference} is an AWS secret, which only functions there can read`,
        {
          hint: 'Put it into an environment variable, and configure env:NAME instead.',
        },
      );
    const name = reference.slice(ENV.length);
    const value = env[name];
    if (value) return value;
    throw new HoldfastError('E_CONFIG', `the environment variable ${name} is not set`, {
      hint: 'Set it where backups run.',
    });
  };
}
