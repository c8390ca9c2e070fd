import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { Sessions } from '../../shared/api/access/sessions.ts';
import { LocalBackend } from '../../shared/api/local/local-backend.ts';
import type { LocalBackendOptions } from '../../shared/api/local/options.ts';
import { RunTracker } from '../../shared/api/local/run-tracker.ts';
import { type AdminApiOptions, AdminApiServer } from '../../shared/api/server/admin-api.ts';
import type { Authenticator, RequestContext } from '../../shared/api/server/caller.ts';
import { RepositoryView } from '../../shared/api/server/repository-view.ts';
import { resolveApi } from '../../shared/config/api.ts';
import { resolveConfig } from '../../shared/config/config.ts';
import { DEFAULT_PRUNE } from '../../shared/config/retention.ts';
import { DEFAULT_SUSPECTS } from '../../shared/config/suspects.ts';
import { API_BASE, ROLES, type Role } from '../../shared/core/api-names.ts';
import { systemClock } from '../../shared/core/clock.ts';
import { localNotifiers } from '../../shared/jobs/notify/local-notifier.ts';
import type { Repository } from '../../shared/repository/repository.ts';
import { judge } from './openapi-judge.ts';

export const NO_LIMITS = { windowMs: 60_000, most: { read: 1e6, poll: 1e6, write: 1e6 } };

/** The work of the API on an open repository, over the store itself. */
export function localBackend(
  repository: Repository,
  options: Partial<LocalBackendOptions> = {},
): { readonly backend: LocalBackend; readonly tracker: RunTracker } {
  const tracker = new RunTracker(repository.clock);
  const view = new RepositoryView({
    repository,
    retention: { days: { daily: 30 }, counts: {} },
    prune: DEFAULT_PRUNE,
    safety: {
      config: resolveConfig({ file: {}, fileName: 'test', env: {}, flags: {} }),
      runsDefaults: false,
    },
  });
  const backend = new LocalBackend({
    repository,
    view,
    tracker,
    sources: [],
    targets: [],
    drillServer: () => {
      throw new Error('no drills here');
    },
    suspects: DEFAULT_SUSPECTS,
    types: { names: ['daily', 'weekly', 'manual'], isOpen: false },
    notifier: localNotifiers([], { env: {}, onProblem: () => {} }).all,
    schedules: () => [],
    isEnabled: true,
    streamBytes: 1e6,
    links: undefined,
    env: {},
    ...options,
  });
  return { backend, tracker };
}

export function adminApi(
  backend: AdminApiOptions['backend'],
  authenticator: Authenticator,
  options: Partial<AdminApiOptions> & { readonly api?: Parameters<typeof resolveApi>[0] } = {},
): AdminApiServer {
  const { api, ...rest } = options;
  const settings = { ...resolveApi(api), ...(api?.rateLimit ? {} : { rateLimit: NO_LIMITS }) };
  return new AdminApiServer({
    settings,
    authenticator,
    backend,
    secret: new Uint8Array(32).fill(7),
    clock: systemClock,
    onError: (error) => {
      throw error;
    },
    ...rest,
  });
}

/** A login of `holdfast serve` with these roles. */
export function sessionWith(roles: readonly Role[] = ROLES) {
  const sessions = new Sessions({ roles, name: 'ana', lifeMs: 3_600_000, clock: systemClock });
  return { sessions, token: sessions.begin(sessions.newLink()).token };
}

/** Every answer is as docs/reference/openapi.json says. */
export async function ask(
  api: AdminApiServer,
  path: string,
  {
    method = 'GET',
    token,
    body,
    headers = {},
    context = {},
  }: {
    readonly method?: string;
    readonly token?: string | undefined;
    readonly body?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
    readonly context?: Partial<RequestContext>;
  } = {},
): Promise<Response> {
  const request = new Request(`http://api.example${API_BASE}${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const answer = await api.handle(request, { clientAddress: '192.0.2.1', ...context });
  await judge(method, path, answer);
  return answer;
}

/** An OIDC issuer over HTTP, with a key of its own, and what signs tokens in its name. */
export async function startIssuer() {
  const keys = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' };
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    const isDiscovery = request.url === '/.well-known/openid-configuration';
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify(isDiscovery ? { issuer: issuer(), jwks_uri: `${issuer()}/jwks` } : { keys: [jwk] }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sign = (claims: Record<string, unknown> = {}, { key = keys.privateKey, alg = 'RS256' } = {}) =>
    new SignJWT({
      iat: Math.floor(Date.now() / 1000),
      sub: 'user-1',
      email: 'ana@shop.example',
      aud: 'holdfast',
      iss: issuer(),
      ...claims,
    })
      .setProtectedHeader({ alg, kid: 'k1' })
      .setExpirationTime((claims['exp'] as number | undefined) ?? '5m')
      .sign(key as never);
  return {
    issuer: issuer(),
    sign,
    publicPem: await exportSPKI(keys.publicKey),
    requests: () => requests,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}
