import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_ROUTES, type ApiRoute } from '../../../shared/api/schema/api.ts';
import { RestoreBody } from '../../../shared/api/schema/runs.ts';
import { ApiProblem } from '../../../shared/api/schema/status.ts';
import type { AdminApiServer } from '../../../shared/api/server/admin-api.ts';
import type { Backend } from '../../../shared/api/server/backend.ts';
import { Confirmations } from '../../../shared/api/server/confirm.ts';
import { fileHeaders } from '../../../shared/api/server/file-name.ts';
import { parseBackup } from '../../../shared/api/server/parse-backup.ts';
import { RateLimiter } from '../../../shared/api/server/rate-limit.ts';
import { HoldfastError } from '../../../shared/core/errors.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { MeteredStore } from '../../../shared/store/metered-store.ts';
import { anyText } from '../../support/any-text.ts';
import { adminApi, ask, localBackend, sessionWith } from '../../support/api.ts';
import { backUp, initRepository, openRepository } from '../../support/repository/engine.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../support/repository/torture.ts';

const KEY = 'backups/daily/20260301/backup_daily_20260301_020000.json';

const problem = async (answer: Response) => ApiProblem.parse(await answer.json());

describe('requests', () => {
  const { sessions, token } = sessionWith();
  let store: MeteredStore;
  let api: AdminApiServer;
  let close: () => Promise<void>;

  beforeAll(async () => {
    store = new MeteredStore(new MemoryStore());
    await initRepository(store);
    const repository = await openRepository(store);
    await backUp(repository, { orders: 'a\nb\n' });
    const { backend, tracker } = localBackend(repository, {
      targets: [{ name: 'scratch', kind: 'files', url: '/nowhere', options: {} }],
    });
    api = adminApi(async () => backend, sessions);
    close = async () => {
      await tracker.close();
      await repository[Symbol.asyncDispose]();
    };
  });
  afterAll(() => close());

  it('names every bad field of a body', async () => {
    const body = { backup: 'x', to: '', datasets: [''], replace: 'yes', url: 'postgres://evil', confirm: 5 };
    const answer = await ask(api, '/restore', { method: 'POST', token, body });
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    const { code, fields, hint } = await problem(answer);
    expect(code).toBe('E_BAD_REQUEST');
    expect(hint).not.toBeNull();
    expect(fields?.map(({ field }) => field).sort()).toEqual([
      'backup',
      'confirm',
      'datasets.0',
      'replace',
      'to',
      'url',
    ]);
  });

  it('names every bad field of a query, and what is given twice or not known', async () => {
    const fieldsOf = async (query: string) =>
      (await problem(await ask(api, `/list?${query}`, { token }))).fields;
    const fields = await fieldsOf('limit=0&type=A&from=yesterday&cursor=%20');
    expect(fields?.map(({ field }) => field).sort()).toEqual(['cursor', 'from', 'limit', 'type']);
    expect(await fieldsOf('type=daily&type=weekly')).toEqual([{ field: 'type', problem: 'is given twice' }]);
    expect((await fieldsOf('access_token=abc'))?.[0]).toMatchObject({ field: 'access_token' });
    expect(await fieldsOf(`cursor=${Buffer.from('20260301020000 ../x').toString('base64url')}`)).toHaveLength(
      1,
    );
    expect((await problem(await ask(api, '/storage?x=1', { token }))).fields).toHaveLength(1);
  });

  it.each([
    ['a body that is too long', 413, '/create', { body: JSON.stringify({ note: 'x'.repeat(70_000) }) }],
    ['a body that is not JSON', 400, '/create', { body: '{' }],
    [
      'a body that is not declared as JSON',
      415,
      '/create',
      { body: '{}', headers: { 'content-type': 'text/plain' } },
    ],
    ['a query that is too long', 414, `/list?source=${'x'.repeat(3000)}`, { method: 'GET' }],
    ['a path that is too long', 414, `/backups/${'x'.repeat(300)}`, { method: 'GET' }],
    ['a path that is not encoded', 400, '/backups/%E0%A4%A', { method: 'GET' }],
    ['a method that the route does not know', 405, '/list', { body: '{}' }],
    ['a route that is not there', 404, '/none', { method: 'GET' }],
    ['a method that nothing has', 405, '/list', { method: 'PROPFIND' }],
    [
      'a navigation from another site to a download',
      403,
      '/download/backup_daily_20260301_020000',
      { method: 'GET', headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' } },
    ],
    [
      'a change that another site asks for',
      403,
      '/create',
      { body: '{}', headers: { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' } },
    ],
    [
      'an idempotency key that is empty',
      400,
      '/verify',
      { body: '{"since":"7d"}', headers: { 'idempotency-key': '""' } },
    ],
    [
      'an idempotency key that is too long',
      400,
      '/verify',
      { body: '{"since":"7d"}', headers: { 'idempotency-key': 'k'.repeat(256) } },
    ],
    [
      'an idempotency key that is more than visible characters',
      400,
      '/verify',
      { body: '{"since":"7d"}', headers: { 'idempotency-key': 'a\tb' } },
    ],
  ] as const)('refuses %s', async (_, status, path, options) => {
    const answer = await ask(api, path, { method: 'POST', token, ...options });
    expect(answer.status).toBe(status);
    expect(await problem(answer)).toMatchObject({ status });
  });

  it('names reads by what they hold, and says 304 to those who have it', async () => {
    const first = await ask(api, '/list?limit=5', { token });
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^W\/"[\w-]{22}"$/);
    const again = (tag: string, path = '/list?limit=5') =>
      ask(api, path, { token, headers: { 'if-none-match': tag } });
    for (const tag of [etag, etag.slice(2), `"x", ${etag}`, '*']) {
      const same = await again(tag);
      expect([same.status, await same.text(), same.headers.get('etag')]).toEqual([304, '', etag]);
      expect(same.headers.get('cache-control')).toBe('no-store');
    }
    for (const tag of ['"x"', '', 'W/"*"']) expect((await again(tag)).status).toBe(200);
    // It is another answer, of another route, and none of those who may not see it.
    expect((await again(etag, '/runs')).status).toBe(200);
    expect((await ask(api, '/list?limit=5', { headers: { 'if-none-match': etag } })).status).toBe(401);
    // When somebody looked is no other answer.
    const storage = await ask(api, '/storage', { token });
    expect((await again(storage.headers.get('etag') ?? '', '/storage')).status).toBe(304);
  });

  it('names what has changed anew', async () => {
    const backup = 'backup_daily_20260301_020000';
    const read = () => ask(api, '/list', { token });
    const before = (await read()).headers.get('etag');
    const [{ name = backup } = {}] = ((await (await read()).json()) as { backups: { name: string }[] })
      .backups;
    await ask(api, '/hold', { method: 'POST', token, body: { backup: name, reason: 'audit' } });
    expect((await read()).headers.get('etag')).not.toBe(before);
    await ask(api, '/hold', { method: 'DELETE', token, body: { backup: name, reason: 'over' } });
  });

  it('refuses a type of backups that nothing keeps, and begins nothing', async () => {
    const body = { type: 'dialy' };
    const answer = await ask(api, '/create', { method: 'POST', token, body });
    expect([answer.status, await problem(answer)]).toMatchObject([
      400,
      {
        code: 'E_USAGE',
        detail: expect.stringContaining("'dialy' is not a backup type"),
        hint: expect.stringContaining('daily'),
      },
    ]);
    expect(await (await ask(api, '/runs', { token })).json()).toMatchObject({ runs: [] });
  });

  it('sends headers that keep answers from being kept, framed or guessed at', async () => {
    for (const path of ['/list', '/none']) {
      const { headers } = await ask(api, path, { token });
      expect(Object.fromEntries(headers)).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'content-security-policy': expect.stringContaining("default-src 'none'"),
      });
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('lets pages of configured origins in, and no others', async () => {
    const open = adminApi(async () => Promise.reject(new HoldfastError('E_NO_KEY', 'no key')), sessions, {
      api: { corsOrigins: ['https://admin.example'] },
    });
    const preflight = (origin: string) =>
      ask(open, '/list', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'GET' } });
    const good = await preflight('https://admin.example');
    expect([good.status, good.headers.get('access-control-allow-origin')]).toEqual([
      204,
      'https://admin.example',
    ]);
    for (const origin of ['https://admin.example.evil', 'http://admin.example', 'null'])
      expect((await preflight(origin)).status).toBe(403);
  });

  it('says nothing of failures that nobody has met', async () => {
    const told: unknown[] = [];
    const failing = adminApi(async () => Promise.reject(new Error('postgres://ana:secret@db')), sessions, {
      onError: (error) => told.push(error),
    });
    const answer = await ask(failing, '/list', { token });
    expect(answer.status).toBe(500);
    expect(JSON.stringify(await problem(answer))).not.toContain('secret');
    expect(told).toHaveLength(1);
  });

  it('says that its time is up, and not that it failed in a way nobody has met', async () => {
    const signal = AbortSignal.timeout(5);
    const told: unknown[] = [];
    const slow = adminApi(
      () => new Promise((_, reject) => signal.addEventListener('abort', reject)),
      sessions,
      {
        onError: (error) => told.push(error),
      },
    );
    const answer = await ask(slow, '/list', { token, context: { signal } });
    expect([answer.status, await problem(answer)]).toMatchObject([504, { code: 'E_OUT_OF_TIME' }]);
    expect(told).toHaveLength(1);
  });

  it('answers 503 with the reason where there is no repository, and health says it too', async () => {
    const closed = adminApi(
      async () => Promise.reject(new HoldfastError('E_NO_KEY', 'no key is configured')),
      sessions,
    );
    expect(await problem(await ask(closed, '/list', { token }))).toMatchObject({
      status: 503,
      code: 'E_NO_KEY',
    });
    const bare = await ask(closed, '/health');
    expect([bare.status, await bare.json()]).toEqual([503, { status: 'failing' }]);
    expect(await (await ask(closed, '/health', { token })).json()).toMatchObject({
      problems: [{ code: 'E_NO_KEY', message: 'no key is configured' }],
    });
  });

  it.each([
    '..%2f..%2frepository.json',
    '../repository.json',
    'repository.json',
    'reports%2fhold%2f20260301%2fhold_20260301_020000_aaaaaaaa.json',
    'data%2fab%2fabab',
    'expired%2f20260301T020000Z%2fbackups',
    `${encodeURIComponent(KEY)}%00`,
    `%2f${encodeURIComponent(KEY)}`,
    encodeURIComponent(KEY.replace('20260301/', '20260302/')),
    encodeURIComponent(KEY.replace('daily/', '../daily/')),
    encodeURIComponent(KEY.replace('_020000', '_250000')),
    encodeURIComponent(KEY.replace('0301', '０３０１')),
    encodeURIComponent(KEY.replaceAll('/', '\\')),
    encodeURIComponent(encodeURIComponent(KEY)),
    'backup_daily_20260231_020000',
    'backup_DAILY_20260301_020000',
    'backup_dai%CC%81ly_20260301_020000',
    'backup_daily_20260301_020000%2f..%2f..%2frepository.json',
    'latest',
    '*',
  ])('reaches nothing by the key %s', async (text) => {
    const before = store.counts();
    for (const path of [`/backups/${text}`, `/download/${text}`]) {
      const answer = await ask(api, path, { token });
      expect([400, 404]).toContain(answer.status);
    }
    expect(store.counts()).toEqual(before);
  });

  it('takes a backup by name, by name with its ending, and by its whole key', () => {
    const name = KEY.slice(KEY.lastIndexOf('/') + 1, -'.json'.length);
    for (const text of [name, `${name}.json`, KEY]) expect(parseBackup(text)).toBe(KEY);
  });

  it(
    'answers whatever comes with 2xx or 4xx and a code',
    async () => {
      const routes = Object.values(API_ROUTES) as ApiRoute[];
      const text = fc.oneof(
        anyText({ maxLength: 60 }),
        fc.constantFrom(KEY, '..', '%2e%2e', '\u202e', '__proto__'),
      );
      const anything = fc.object({
        key: fc.oneof(text, fc.constantFrom('backup', 'to', 'reason', 'type', 'limit')),
        maxDepth: 3,
      });
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...routes),
          text,
          fc.dictionary(fc.oneof(text, fc.constantFrom('limit', 'cursor', 'from', 'type')), text, {
            maxKeys: 4,
          }),
          fc.oneof(anything, text, fc.constant(null)),
          async ({ method, path }, param, query, body) => {
            const place = path.replace(/\{\w+\}/, encodeURIComponent(param.toWellFormed()));
            const search = new URLSearchParams(
              Object.fromEntries(
                Object.entries(query).map(([name, value]) => [name.toWellFormed(), value.toWellFormed()]),
              ),
            ).toString();
            const answer = await ask(api, `${place}${search && '?'}${search}`, {
              method,
              token,
              ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
            });
            if (answer.status < 300) return;
            expect([answer.status >= 400 && answer.status < 500, answer.status]).toEqual([
              true,
              answer.status,
            ]);
            expect((await problem(answer)).code).toMatch(/^E_/);
          },
        ),
        { numRuns: cases(60, 300, 100_000), seed: testSeed },
      );
    },
    tortureTimeoutMs,
  );
});

describe('idempotency keys', () => {
  const { sessions, token } = sessionWith();
  const other = sessions.begin(sessions.newLink()).token;
  let now = Date.now();
  let begun: (string | undefined)[] = [];
  let gate: Promise<unknown> = Promise.resolve();
  const backend = {
    create: async (_: unknown, { run }: { readonly run?: string }) => {
      begun.push(run);
      await gate;
      return { run: run ?? 'any' };
    },
  } as unknown as Backend;
  const make = () => adminApi(async () => backend, sessions, { clock: { now: () => new Date(now) } });
  const create = (
    api: AdminApiServer,
    key: string | undefined,
    { body = {}, login = token, path = '/create' } = {},
  ) =>
    ask(api, path, {
      method: 'POST',
      token: login,
      body,
      ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
    });

  it('begin nothing twice, and give the same answer', async () => {
    const api = make();
    begun = [];
    const first = await create(api, '"a-1"');
    const again = await create(api, 'a-1');
    expect([first.status, again.status]).toEqual([202, 202]);
    expect(await again.json()).toEqual(await first.json());
    expect(begun).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
    await create(api, undefined);
    await create(api, undefined);
    expect(begun.slice(1)).toEqual([undefined, undefined]);
  });

  it('are of one caller, one body, and an hour; elsewhere the run has the same name', async () => {
    const api = make();
    begun = [];
    await create(api, 'b');
    const changed = await create(api, 'b', { body: { note: 'other' } });
    expect([changed.status, await problem(changed)]).toMatchObject([
      422,
      { code: 'E_BAD_REQUEST', fields: [{ field: 'idempotency-key' }] },
    ]);
    expect((await create(api, 'b', { login: other })).status).toBe(202);
    expect(new Set(begun).size).toBe(2);
    const [first] = begun;
    now += 3_600_001;
    await create(api, 'b');
    await create(make(), 'b');
    expect(begun.slice(2)).toEqual([first, first]);
  });

  it('say that the first request is under way, and forget what failed', async () => {
    const api = make();
    const wait = Promise.withResolvers<void>();
    gate = wait.promise;
    const first = create(api, 'c');
    await expect.poll(() => begun.length).toBeGreaterThan(0);
    const second = await create(api, 'c');
    expect([second.status, second.headers.get('retry-after')]).toEqual([409, '1']);
    wait.reject(new HoldfastError('E_STORE_UNAVAILABLE', 'away'));
    expect((await first).status).toBe(503);
    gate = Promise.resolve();
    expect((await create(api, 'c')).status).toBe(202);
  });
});

describe('rate limit', () => {
  const { sessions, token } = sessionWith();
  const most = { read: 7, poll: 5, write: 3 };

  it('holds with twenty callers at once, each for himself', async () => {
    const others = Array.from({ length: 19 }, () => sessions.begin(sessions.newLink()).token);
    const api = adminApi(async () => Promise.reject(new HoldfastError('E_NO_KEY', 'no key')), sessions, {
      api: { rateLimit: { windowMinutes: 15, ...most } },
    });
    const asked = [token, ...others].flatMap((one) =>
      Array.from({ length: 12 }, () => ({ one, answer: ask(api, '/list', { token: one }) })),
    );
    const counts = new Map<string, number>();
    for (const { one, answer } of asked) {
      const { status, headers } = await answer;
      if (status === 503) counts.set(one, (counts.get(one) ?? 0) + 1);
      else expect([status, Number(headers.get('retry-after')) > 800]).toEqual([429, true]);
    }
    expect([...counts.values()]).toEqual(Array(20).fill(most.read));
    const write = await ask(api, '/create', { method: 'POST', token, body: {} });
    expect(write.status).toBe(503);
  });

  it('counts guesses by where they come from', async () => {
    const api = adminApi(async () => Promise.reject(new HoldfastError('E_NO_KEY', 'no key')), sessions, {
      api: { rateLimit: { windowMinutes: 15, ...most } },
    });
    const guess = (clientAddress: string) =>
      ask(api, '/list', { token: 'guess', context: { clientAddress } });
    for (let i = 0; i < most.read; i++) expect((await guess('192.0.2.7')).status).toBe(401);
    expect((await guess('192.0.2.7')).status).toBe(429);
    expect((await guess('192.0.2.8')).status).toBe(401);
  });

  it('begins anew when the window is over, and keeps to its memory', () => {
    let now = 0;
    const limiter = new RateLimiter({ windowMs: 1000, most }, { now: () => new Date(now) });
    for (let i = 0; i < most.read; i++) limiter.take('ana', 'read');
    expect(() => limiter.take('ana', 'read')).toThrow(expect.objectContaining({ code: 'E_RATE_LIMIT' }));
    now = 1001;
    limiter.take('ana', 'read');
    for (let i = 0; i < 10_100; i++) {
      try {
        limiter.take(`caller ${i}`, 'write');
      } catch {
        // Those beyond the bound share one count.
      }
    }
    expect(limiter.size).toBeLessThanOrEqual(10_001);
    expect(() => limiter.take('one more', 'write')).toThrow(
      expect.objectContaining({ code: 'E_RATE_LIMIT' }),
    );
  });
});

describe('confirmations', () => {
  const caller = { id: 'ana', name: 'ana', roles: [] };
  const body = RestoreBody.parse({ backup: KEY, to: 'scratch', dryRun: true });
  const plan = { target: 't', datasets: [], steps: [], conflicts: [], drops: [], losses: [], warnings: [] };

  it('are of one plan, one caller, ten minutes, and one use', () => {
    let now = 1_000_000;
    const confirmations = new Confirmations(new Uint8Array(32), { now: () => new Date(now) });
    const seen = { caller, body, plan };
    const real = { ...body, dryRun: false };
    const { confirm } = confirmations.give(seen);
    const refused = expect.objectContaining({ code: 'E_NOT_CONFIRMED' });
    const take = (token: string | undefined, of = {}) =>
      confirmations.take(token, { caller, body: real, plan, ...of });
    expect(() => take(undefined)).toThrow(refused);
    expect(() => take('')).toThrow(refused);
    expect(() => take(`${confirm}x`)).toThrow(refused);
    expect(() => take(confirm, { caller: { ...caller, id: 'bob' } })).toThrow(refused);
    expect(() => take(confirm, { body: { ...real, replace: true } })).toThrow(refused);
    expect(() => take(confirm, { plan: { ...plan, drops: ['orders'] } })).toThrow(refused);
    const later = (10 * 60_000).toString(36);
    expect(() => take(`${later}${confirm.slice(confirm.indexOf('.'))}`)).toThrow(refused);
    take(confirm);
    expect(() => take(confirm)).toThrow(refused);
    const old = confirmations.give(seen).confirm;
    now += 10 * 60_000 + 1;
    expect(() => take(old)).toThrow(refused);
  });
});

describe('file names', () => {
  it('stay within their quotes', () => {
    const { 'content-disposition': header } = fileHeaders('a"; x=\r\nset-cookie: y\u202e.sql', 'sql');
    expect(header).toBe(
      `attachment; filename="a___x___set-cookie__y_.sql"; filename*=UTF-8''a%22%3B%20x%3D%0D%0Aset-cookie%3A%20y%E2%80%AE.sql`,
    );
    expect(new Headers({ 'content-disposition': header! }).get('content-disposition')).toBe(header);
  });
});
