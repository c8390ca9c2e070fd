import type { Role } from '../../core/api-names.ts';

/** Who asks. */
export interface Caller {
  /** What requests are counted by, and confirmations are bound to: unique among all callers. */
  readonly id: string;
  /** For people and the audit trail: no secret. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** Names of the sources that it may see and act on. @default all */
  readonly sources?: readonly string[] | undefined;
  /** It is an API key: it makes and revokes none. @default false */
  readonly isMachine?: boolean | undefined;
}

/** What is known of a request besides the request itself. */
export interface RequestContext {
  /** Of whoever connected; requests without a good login are counted by it. */
  readonly clientAddress: string;
  /** The login of a request that a gateway has checked; the ARN of a signature. */
  readonly gatewayIdentity?: string | undefined;
  /** Who asks, where the application around it knows. */
  readonly caller?: Caller | undefined;
  /** The request came where API keys alone are taken, because no gateway has checked a login. @default false */
  readonly takesKeysAlone?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Finds out who asks. */
export interface Authenticator {
  /**
   * Undefined where the request brings no login at all.
   *
   * @throws E_UNAUTHENTICATED for one that is not good, E_LOGIN_UNAVAILABLE where that cannot be told
   */
  authenticate(request: Request, context: RequestContext): Promise<Caller | undefined>;
  /** For `WWW-Authenticate`. */
  readonly scheme: string;
}

/** The token of `Authorization: Bearer …`; undefined without one. */
export function bearerToken(request: Request): string | undefined {
  return /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
}
