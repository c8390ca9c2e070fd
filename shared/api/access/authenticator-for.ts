import type { ApiSettings } from '../../config/api.ts';
import type { Clock } from '../../core/clock.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { Authenticator } from '../server/caller.ts';
import { IamAuthenticator } from './iam.ts';
import { OidcAuthenticator } from './oidc.ts';

/**
 * The authenticator that the configuration asks for. @throws E_CONFIG if it names none: nothing is open by
 * default
 */
export function authenticatorFor({ auth }: Pick<ApiSettings, 'auth'>, clock: Clock): Authenticator {
  if (auth?.kind === 'oidc') return new OidcAuthenticator(auth, clock);
  if (auth?.kind === 'iam') return new IamAuthenticator(auth);
  throw new HoldfastError('E_CONFIG', 'the configuration does not say who may use the admin API', {
    hint: "Set api.auth to {kind: 'oidc', …} or {kind: 'iam', …} (docs/reference/api.md).",
  });
}
