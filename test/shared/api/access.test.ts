import { generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { authenticatorFor } from '../../../shared/api/access/authenticator-for.ts';
import { API_ROUTES, type ApiRoute, type RouteId } from '../../../shared/api/schema/api.ts';
import { ApiProblem } from '../../../shared/api/schema/status.ts';
import type { AdminApiServer } from '../../../shared/api/server/admin-api.ts';
import { resolveApi } from '../../../shared/config/api.ts';
import type { Role } from '../../../shared/core/api-names.ts';
import { systemClock } from '../../../shared/core/clock.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { adminApi, ask, localBackend, startIssuer } from '../../support/api.ts';
import { backUp, initRepository, openRepository } from '../../support/repository/engine.ts';
import { turns } from '../../support/repository/torture.ts';

const it = turns(2);

type Issuer = Awaited<ReturnType<typeof startIssuer>>;

/** Every route: a request of it, who may make it, and what it answers then. A route without a row does not compile. */
const ROWS: Readonly<
  Record<
    RouteId,
    {
      readonly path?: string;
      readonly body?: unknown;
      readonly may: readonly Role[];
      readonly status: number;
    }
  >
> = {
  health: { may: ['viewer', 'operator', 'restorer', 'admin'], status: 200 },
  status: { may: ['viewer', 'operator', 'restorer', 'admin'], status: 200 },
  list: { may: ['viewer', 'operator', 'restorer', 'admin'], status: 200 },
  runs: { may: ['viewer', 'operator', 'restorer', 'admin'], status: 200 },
  run: { path: '/runs/none', may: ['viewer', 'operator', 'restorer', 'admin'], status: 404 },
  events: { path: '/events/none', may: ['viewer', 'operator', 'restorer', 'admin'], status: 404 },
  cancel: { path: '/runs/none', may: ['viewer', 'operator', 'restorer', 'admin'], status: 404 },
  backup: { path: '/backups/KEY', may: ['viewer', 'operator', 'restorer', 'admin'], status: 200 },
  changes: { path: '/changes/none', may: ['viewer', 'operator', 'restorer', 'admin'], status: 404 },
  retention: { may: ['viewer', 'operator', 'restorer', 'admin'], status: 200 },
  storage: { may: ['viewer', 'operator', 'restorer', 'admin'], status: 200 },
  audit: { may: ['viewer', 'operator', 'restorer', 'admin'], status: 200 },
  auditExport: { path: '/audit/export', may: ['viewer', 'operator', 'restorer', 'admin'], status: 200 },
  drills: { may: ['viewer', 'operator', 'restorer', 'admin'], status: 200 },
  drillEvidence: { path: '/drills/none', may: ['viewer', 'operator', 'restorer', 'admin'], status: 404 },
  drillReport: { path: '/drill-reports/none', may: ['viewer', 'operator', 'restorer', 'admin'], status: 404 },
  notifications: { may: ['viewer', 'operator', 'restorer', 'admin'], status: 200 },
  notificationTest: {
    path: '/notifications/test',
    body: { channel: 'none' },
    may: ['operator'],
    status: 404,
  },
  create: { body: { source: 'none' }, may: ['operator'], status: 400 },
  verify: { body: { backup: 'KEY', depth: 'quick' }, may: ['operator'], status: 202 },
  drill: { body: { backup: 'KEY' }, may: ['operator'], status: 202 },
  copy: { body: { place: 'none' }, may: ['operator'], status: 400 },
  lock: { body: {}, may: ['operator'], status: 400 },
  hold: { body: { backup: 'KEY', reason: 'audit' }, may: ['operator'], status: 200 },
  release: { body: { backup: 'KEY', reason: 'over' }, may: ['operator'], status: 200 },
  accept: { body: { backups: ['KEY'], reason: 'fine' }, may: ['operator'], status: 400 },
  download: { path: '/download/KEY', may: ['restorer'], status: 400 },
  rows: { path: '/rows/KEY?dataset=none', may: ['restorer'], status: 404 },
  diff: { path: '/diff/KEY?with=live', may: ['restorer'], status: 400 },
  rowHistory: { path: '/row-history?dataset=none&key=1&source=none', may: ['restorer'], status: 404 },
  restore: { body: { backup: 'KEY', to: 'none', dryRun: true }, may: ['restorer'], status: 400 },
  apiKeys: { may: ['admin'], status: 200 },
  createApiKey: { body: { name: 'ci', roles: ['viewer'] }, may: ['admin'], status: 200 },
  revokeApiKey: { path: '/api-keys/0123abcd', may: ['admin'], status: 404 },
};

const ROUTES = Object.entries(API_ROUTES) as [RouteId, ApiRoute][];

describe('access', () => {
  let issuer: Issuer;
  let other: Issuer;
  let api: AdminApiServer;
  let name: string;
  let close: () => Promise<void>;

  beforeAll(async () => {
    issuer = await startIssuer();
    other = await startIssuer();
    const store = new MemoryStore();
    await initRepository(store);
    const repository = await openRepository(store);
    const { key } = await backUp(repository, { orders: 'a\nb\n' });
    name = key.slice(key.lastIndexOf('/') + 1, -'.json'.length);
    const { backend, tracker } = localBackend(repository);
    const auth = {
      kind: 'oidc' as const,
      issuer: issuer.issuer,
      audience: 'holdfast',
      rolesClaim: 'groups',
      roles: { viewer: ['staff'], operator: ['ops'], restorer: ['dba'], admin: ['root'] },
      requiredClaims: { tenant: 'shop' },
    };
    api = adminApi(async () => backend, authenticatorFor(resolveApi({ auth }), systemClock));
    close = async () => {
      await tracker.close();
      await repository[Symbol.asyncDispose]();
    };
  });
  afterAll(async () => {
    await close();
    await issuer.stop();
    await other.stop();
  });

  const token = (groups: readonly string[], claims: Record<string, unknown> = {}) =>
    issuer.sign({ groups, tenant: 'shop', ...claims });
  const all = ['staff', 'ops', 'dba'];
  const base64 = (document: unknown) => Buffer.from(JSON.stringify(document)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);

  const strangersKey = generateKeyPair('RS256');

  /** Logins that are no good, though each claims every role. */
  const BAD: Readonly<Record<string, () => Promise<string>>> = {
    'wrong signature': async () =>
      issuer.sign({ groups: all, tenant: 'shop' }, { key: (await strangersKey).privateKey }),
    'changed payload': async () => {
      const [head, , mac] = (await token(['staff'])).split('.');
      const payload = {
        sub: 'x',
        aud: 'holdfast',
        iss: issuer.issuer,
        exp: now + 300,
        groups: all,
        tenant: 'shop',
      };
      return `${head}.${base64(payload)}.${mac}`;
    },
    expired: () => token(all, { exp: now - 120 }),
    'not yet valid': () => token(all, { nbf: now + 3600 }),
    'no end': async () => {
      const payload = { sub: 'x', aud: 'holdfast', iss: issuer.issuer, groups: all, tenant: 'shop' };
      return `${base64({ alg: 'none' })}.${base64(payload)}.`;
    },
    'wrong issuer': () => token(all, { iss: 'https://other.example' }),
    "another issuer's key": () => other.sign({ iss: issuer.issuer, groups: all, tenant: 'shop' }),
    'wrong audience': () => token(all, { aud: 'another' }),
    'alg none': async () => {
      const payload = {
        sub: 'x',
        aud: 'holdfast',
        iss: issuer.issuer,
        exp: now + 300,
        groups: all,
        tenant: 'shop',
      };
      return `${base64({ alg: 'none', typ: 'JWT' })}.${base64(payload)}.`;
    },
    'HS256 with the public key': () =>
      issuer.sign(
        { groups: all, tenant: 'shop' },
        { alg: 'HS256', key: new TextEncoder().encode(issuer.publicPem) as never },
      ),
    'without the required claim': () => token(all, { tenant: 'other' }),
    'no token at all': async () => 'abc',
    'an empty subject': () => token(all, { sub: '', email: undefined }),
    'an empty subject with an address': () => token(all, { sub: '' }),
    'a subject that is no text': () => token(all, { sub: 5 }),
    'issued in the future': () => token(all, { iat: now + 3600 }),
    'issued at no time': () => token(all, { iat: 'today' }),
  };

  const call = (id: RouteId, login: string | undefined) => {
    const { path = API_ROUTES[id].path, body } = ROWS[id];
    const text = body === undefined ? undefined : JSON.stringify(body).replaceAll('KEY', name);
    return ask(api, path.replace('KEY', name), { method: API_ROUTES[id].method, token: login, body: text });
  };

  it('has a row for every route', () => {
    expect(Object.keys(ROWS).sort()).toEqual(Object.keys(API_ROUTES).sort());
  });

  describe.each(ROUTES)('%s', (id, { role }) => {
    it('is closed to requests without a login', async () => {
      const answer = await call(id, undefined);
      expect(answer.status).toBe(role === 'open' ? 200 : 401);
      if (role === 'open') expect(Object.keys((await answer.json()) as object)).toEqual(['status']);
      else
        expect(ApiProblem.parse(await answer.json())).toMatchObject({
          code: 'E_UNAUTHENTICATED',
          status: 401,
        });
    });

    it.each(Object.keys(BAD))('refuses a login: %s', async (bad) => {
      const answer = await call(id, await BAD[bad]!());
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect(ApiProblem.parse(await answer.json())).toMatchObject({ code: 'E_UNAUTHENTICATED' });
    });

    it('is closed to those without a role', async () => {
      const answer = await call(id, await token(['others']));
      expect(answer.status).toBe(role === 'open' ? 200 : 403);
    });

    it.each([
      ['viewer', 'staff'],
      ['operator', 'ops'],
      ['restorer', 'dba'],
      ['admin', 'root'],
    ] as const)('answers a %s as its row says', async (who, group) => {
      const answer = await call(id, await token([group]));
      expect([id, answer.status]).toEqual([id, ROWS[id].may.includes(who) ? ROWS[id].status : 403]);
      await answer.body?.cancel();
    });
  });

  it('asks the issuer for its keys once', () => {
    expect(issuer.requests()).toBe(2);
  });

  it('says that it cannot tell where the issuer cannot be asked', async () => {
    const auth = { kind: 'oidc', issuer: 'http://127.0.0.1:9', audience: 'holdfast', roles: {} } as const;
    const alone = adminApi(
      async () => {
        throw new Error('not come to');
      },
      authenticatorFor(resolveApi({ auth }), systemClock),
    );
    const answer = await ask(alone, '/status', { token: await token(all) });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'E_LOGIN_UNAVAILABLE' });
  });

  it('is closed where nothing is configured', () => {
    expect(() => authenticatorFor(resolveApi(), systemClock)).toThrow(
      expect.objectContaining({ code: 'E_CONFIG' }),
    );
  });

  it('closes even health where the configuration says so', async () => {
    const closed = adminApi(
      async () => Promise.reject(new Error('unasked')),
      { scheme: 'Bearer', authenticate: async () => undefined },
      {
        api: { health: 'closed' },
      },
    );
    expect((await ask(closed, '/health')).status).toBe(401);
  });
});
