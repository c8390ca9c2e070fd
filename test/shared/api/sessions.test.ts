import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LINK_LIFE_MS, Sessions } from '../../../shared/api/access/sessions.ts';
import { LocalServer } from '../../../shared/api/local/local-server.ts';
import { API_BASE } from '../../../shared/core/api-names.ts';
import { HoldfastError } from '../../../shared/core/errors.ts';
import { adminApi } from '../../support/api.ts';

const LIFE_MS = 3_600_000;

describe('signing in at holdfast serve', () => {
  let now = 1_000_000;
  const clock = { now: () => new Date(now) };
  const spent: string[] = [];
  let sessions: Sessions;
  let server: LocalServer;

  beforeAll(async () => {
    sessions = new Sessions({ roles: ['viewer'], name: 'ana', lifeMs: LIFE_MS, clock });
    const api = adminApi(async () => Promise.reject(new HoldfastError('E_NO_KEY', 'no key')), sessions);
    server = await LocalServer.start({
      api,
      sessions,
      console: undefined,
      port: 0,
      onLink: (why) => spent.push(why),
      onError: (error) => {
        throw error;
      },
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());
  beforeEach(() => {
    spent.splice(0);
  });

  const own = () => ({ origin: server.origin, 'sec-fetch-site': 'same-origin' });
  const ask = async (
    method: string,
    path: string,
    { body, headers = {} }: { readonly body?: unknown; readonly headers?: Record<string, string> } = {},
  ) => {
    const answer = await fetch(server.origin + path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const json = (await answer.json()) as { readonly token: string; readonly detail: string };
    return { status: answer.status, json, cookie: answer.headers.get('set-cookie') ?? '' };
  };
  const signIn = async () => {
    const { json, cookie } = await ask('POST', '/session', { body: { token: sessions.newLink() } });
    return { token: json.token, cookie: cookie.split(';', 1)[0] ?? '', attributes: cookie };
  };
  /** 503: the login is good, and there is no repository. */
  const isGood = async (token: string) =>
    (await ask('GET', `${API_BASE}/list`, { headers: { authorization: `Bearer ${token}` } })).status === 503;
  const resume = (headers: Record<string, string>) => ask('POST', '/session/resume', { headers });

  it('gives a token to the page, and to the browser a cookie that scripts cannot read', async () => {
    const { token, attributes } = await signIn();
    expect(await isGood(token)).toBe(true);
    expect(attributes).toMatch(/^holdfast-\d+=[\w-]{43}; Path=\/session; HttpOnly; SameSite=Strict$/);
    expect(attributes).not.toContain(token);
    expect(spent).toEqual(['used']);
  });

  it('gives a page that was loaded again a token of the same session', async () => {
    const { token, cookie } = await signIn();
    const again = await resume({ ...own(), cookie: `other=1; ${cookie}` });
    expect(again.status).toBe(200);
    expect(again.json.token).not.toBe(token);
    expect([await isGood(token), await isGood(again.json.token)]).toEqual([true, true]);
  });

  it('takes the cookie for nothing else', async () => {
    const { cookie } = await signIn();
    for (const path of ['/list', '/status'])
      expect((await ask('GET', API_BASE + path, { headers: { ...own(), cookie } })).status).toBe(401);
    const key = cookie.split('=')[1] ?? '';
    expect(await isGood(key)).toBe(false);
  });

  it.each([
    ['a page of another port, which browsers call the same site', { 'sec-fetch-site': 'same-site' }, 403],
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a page that hides where it is from', { origin: 'null' }, 421],
    ['a page of another origin', { origin: 'http://127.0.0.1:1' }, 421],
    ['nobody', { origin: undefined }, 403],
    ['a page by another name of this machine', { origin: 'localhost' }, 403],
  ] as const)('gives nothing by the cookie to %s', async (_, change, status) => {
    const { cookie, token } = await signIn();
    const { port } = new URL(server.origin);
    const headers: Record<string, string> = { ...own(), cookie };
    for (const [name, value] of Object.entries(change)) {
      delete headers[name];
      if (value !== undefined) headers[name] = value === 'localhost' ? `http://localhost:${port}` : value;
    }
    expect((await resume(headers)).status).toBe(status);
    expect((await ask('DELETE', '/session', { headers })).status).toBe(status);
    expect(await isGood(token)).toBe(true);
  });

  it('ends the session for all its pages when one of them signs out', async () => {
    const { token, cookie } = await signIn();
    const { json: second } = await resume({ ...own(), cookie });
    const out = await ask('DELETE', '/session', { headers: { authorization: `Bearer ${token}` } });
    expect([out.status, out.cookie]).toEqual([200, expect.stringMatching(/^holdfast-\d+=;.*Max-Age=0$/)]);
    expect([await isGood(token), await isGood(second.token)]).toEqual([false, false]);
    expect((await resume({ ...own(), cookie })).status).toBe(401);
  });

  it('takes a link once and for minutes, and says that the next one is wanted', async () => {
    const link = sessions.newLink();
    now += LINK_LIFE_MS;
    const late = await ask('POST', '/session', { body: { token: link } });
    expect([late.status, late.json.detail]).toEqual([401, 'the link has expired']);
    expect(spent.splice(0)).toEqual(['expired']);
    const next = sessions.newLink();
    now += LINK_LIFE_MS - 1;
    expect((await ask('POST', '/session', { body: { token: 'guess' } })).status).toBe(401);
    expect(spent.splice(0)).toEqual([]);
    expect((await ask('POST', '/session', { body: { token: next } })).status).toBe(200);
    expect((await ask('POST', '/session', { body: { token: next } })).status).toBe(401);
  });

  it('ends a session after its time, whatever has been resumed', async () => {
    const { cookie } = await signIn();
    now += LIFE_MS - 1;
    const { json } = await resume({ ...own(), cookie });
    expect(await isGood(json.token)).toBe(true);
    now += 1;
    expect(await isGood(json.token)).toBe(false);
    expect((await resume({ ...own(), cookie })).status).toBe(401);
  });
});
