import { authenticatorFor } from '../../shared/api/access/authenticator-for.ts';
import { type ApiFunction, AwsServices } from '../../shared/api/aws/aws-services.ts';
import { openAwsBackend } from '../../shared/api/aws/open-aws.ts';
import { AdminApiServer } from '../../shared/api/server/admin-api.ts';
import { systemClock } from '../../shared/core/clock.ts';
import { HoldfastError } from '../../shared/core/errors.ts';
import { readSecret } from '../runtime/secrets.ts';
import { readSettings } from '../runtime/settings.ts';
import { logger } from '../runtime/telemetry.ts';

type Env = Readonly<Record<string, string | undefined>>;

const LEAST_SECRET_CHARS = 32;

/**
 * The API of this function, from its environment: besides the common variables `HOLDFAST_STATE_MACHINE` and
 * `HOLDFAST_VERIFICATION` (ARNs), `HOLDFAST_ALIAS` (for starting their executions), `HOLDFAST_API_FUNCTIONS`
 * (JSON: ARNs by name) and `HOLDFAST_API_SECRET` (ARN of a secret of at least 32 characters).
 *
 * @throws E_CONFIG, E_STORE_*
 */
export async function openAdminApi(env: Env, signal: AbortSignal): Promise<AdminApiServer> {
  const config = readSettings(env);
  const authenticator = authenticatorFor(config.api, systemClock);
  const functions = JSON.parse(needed(env, 'HOLDFAST_API_FUNCTIONS')) as Record<ApiFunction, string>;
  const machines = {
    backup: needed(env, 'HOLDFAST_STATE_MACHINE'),
    verify: needed(env, 'HOLDFAST_VERIFICATION'),
    alias: env['HOLDFAST_ALIAS'] || undefined,
  };
  const services = new AwsServices(machines, functions);
  const secret = await readSecret(needed(env, 'HOLDFAST_API_SECRET'), signal);
  if (secret.length < LEAST_SECRET_CHARS)
    throw new HoldfastError(
      'E_CONFIG',
      `the secret of the admin API has ${secret.length} characters; at least ${LEAST_SECRET_CHARS} are needed`,
    );
  const backend = await openAwsBackend(config, services, signal);
  return new AdminApiServer({
    settings: config.api,
    authenticator,
    backend: async () => backend,
    secret: Buffer.from(secret),
    clock: systemClock,
    onError: (error) => logger.error('a request failed', { error: error as Error }),
  });
}

function needed(env: Env, name: string): string {
  const value = env[name];
  if (value !== undefined && value !== '') return value;
  throw new HoldfastError('E_CONFIG', `${name} is not set`, { hint: 'Deploy again: the stacks set it.' });
}
