import { randomBytes } from 'node:crypto';
import { resolveApi } from '../../config/api.ts';
import { systemClock } from '../../core/clock.ts';
import { authenticatorFor } from '../access/authenticator-for.ts';
import { AdminApiServer } from '../server/admin-api.ts';
import type { Authenticator } from '../server/caller.ts';
import type { Backups } from './start-backups.ts';

/**
 * An application's admin API.
 *
 * @param hasLogins the application identifies callers; otherwise the configuration's `api.auth` does
 * @throws E_CONFIG if neither says who may use it
 */
export function applicationApi(
  backups: Backups,
  { hasLogins }: { readonly hasLogins: boolean },
): AdminApiServer {
  const settings = backups.config?.api ?? resolveApi();
  return new AdminApiServer({
    settings,
    authenticator: hasLogins ? BY_APPLICATION : authenticatorOf(backups, settings),
    backend: () => backups.backend(),
    secret: randomBytes(32),
    clock: systemClock,
    onError: backups.onError,
  });
}

/** The application identifies the caller, or nobody is logged in. */
const BY_APPLICATION: Authenticator = { scheme: 'Bearer', authenticate: async () => undefined };

/** If the configuration itself is wrong, nothing can be opened to anybody. */
function authenticatorOf(backups: Backups, settings: ReturnType<typeof resolveApi>): Authenticator {
  return backups.config ? authenticatorFor(settings, systemClock) : BY_APPLICATION;
}
