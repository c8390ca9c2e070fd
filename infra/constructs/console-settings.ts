import type { ConsoleConfig } from '../../shared/api/schema/status.ts';
import type { OidcSettings } from '../../shared/config/api.ts';
import { API_BASE } from '../../shared/core/api-names.ts';

const DEFAULT_SCOPE = 'openid';

/** `config.json` beside the console: where the API is, and how users sign in. It holds no secret. */
export function consoleConfig({ issuer, clientId = '', audience, scope }: OidcSettings): ConsoleConfig {
  return {
    apiBase: API_BASE,
    auth: {
      kind: 'oidc',
      issuer,
      clientId,
      scope: scope ?? DEFAULT_SCOPE,
      // Issuers with audiences besides clients are asked for one.
      audience: audience === clientId ? null : audience,
    },
  };
}

/**
 * What the console's page may load and call: its own files, the API under its own address, and the issuer.
 *
 * @param signInOrigins where the issuer gives tokens, besides its own origin
 */
export function contentSecurityPolicy(issuer: string, signInOrigins: readonly string[] = []): string {
  const connect = ["'self'", new URL(issuer).origin, ...signInOrigins];
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src ${[...new Set(connect)].join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
