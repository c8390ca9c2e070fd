import type { IamSettings } from '../../config/api.ts';
import { ApiError } from '../server/api-error.ts';
import type { Authenticator, Caller, RequestContext } from '../server/caller.ts';
import { rolesOf } from './roles-of.ts';

const ASSUMED = /^arn:(aws[a-z-]*):sts::(\d{12}):assumed-role\/([^/]+)\/([^/]+)$/;

/**
 * Requests signed with SigV4. API Gateway has checked the signature and says whose it is; nothing that the
 * request itself says about that is trusted.
 */
export class IamAuthenticator implements Authenticator {
  readonly scheme = 'AWS4-HMAC-SHA256';
  readonly #settings: IamSettings;

  constructor(settings: IamSettings) {
    this.#settings = settings;
  }

  async authenticate(_request: Request, { gatewayIdentity }: RequestContext): Promise<Caller | undefined> {
    if (gatewayIdentity === undefined) return undefined;
    if (!/^arn:aws[a-z-]*:(iam|sts)::\d{12}:/.test(gatewayIdentity))
      throw new ApiError('E_UNAUTHENTICATED', 'the gateway names no user or role that signed the request');
    const roles = rolesOf(identities(gatewayIdentity), this.#settings.roles, matches);
    return { id: `iam ${gatewayIdentity}`, name: gatewayIdentity, roles };
  }
}

/** The ARN itself; for a role's session also the role's own. */
function identities(arn: string): string[] {
  const [, partition, account, role] = ASSUMED.exec(arn) ?? [];
  return role === undefined ? [arn] : [arn, `arn:${partition}:iam::${account}:role/${role}`];
}

function matches(rule: string, arn: string): boolean {
  const pattern = rule.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/:]*');
  return new RegExp(`^${pattern}$`).test(arn);
}
