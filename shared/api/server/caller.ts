import type { Role } from '../../core/api-names.ts';

/** The caller of a request. */
export interface Caller {
  /** Requests are counted by it, and confirmations bound to it: unique among all callers. */
  readonly id: string;
  /** For people and the audit trail: not secret. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** Names of the sources that it may see and use. @default all */
  readonly sources?: readonly string[] | undefined;
  /** It is an API key: it cannot make or revoke any. @default false */
  readonly isMachine?: boolean | undefined;
}

/** What is known about a request besides the request itself. */
export interface RequestContext {
  /** Address of the client; requests without a valid login are counted by it. */
  readonly clientAddress: string;
  /** The identity that a gateway has checked; the ARN of a signature. */
  readonly gatewayIdentity?: string | undefined;
  /** The caller, if the surrounding application knows. */
  readonly caller?: Caller | undefined;
  /**
   * The request came to a path that only takes API keys, because no gateway has checked a login. @default
   * false
   */
  readonly takesKeysAlone?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Identifies callers. */
export interface Authenticator {
  /**
   * Undefined if the request has no login at all.
   *
   * @throws E_UNAUTHENTICATED for an invalid one, E_LOGIN_UNAVAILABLE if it cannot be checked
   */
  authenticate(request: Request, context: RequestContext): Promise<Caller | undefined>;
  /** For `WWW-Authenticate`. */
  readonly scheme: string;
}

/** The token of `Authorization: Bearer …`; undefined without one. */
export function bearerToken(request: Request): string | undefined {
  return /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
}
