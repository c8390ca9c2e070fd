import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { startFirebaseProcess } from '../../../tools/firebase-server/process.ts';
import { ask, error, send, withServer } from './client.ts';

const BIG = { a: 'x'.repeat(2000), b: 'y'.repeat(2000) };

describe('access', () => {
  it('asks for a token where some are named, by header or parameter', () =>
    withServer({ tokens: ['good'], expiredTokens: ['old'] }, async ({ url }) => {
      const bearer = (token: string) =>
        ask(`${url}/.json`, { headers: { authorization: `Bearer ${token}` } });
      expect(await ask(`${url}/.json`)).toMatchObject({ status: 401, json: error('Permission denied') });
      expect(await bearer('bad')).toMatchObject({ status: 401, json: error('Unauthorized request.') });
      expect(await bearer('old')).toMatchObject({ status: 401, json: error('Auth token is expired') });
      expect((await bearer('good')).status).toBe(200);
      expect((await ask(`${url}/.json?access_token=good`)).status).toBe(200);
      expect((await ask(`${url}/.json?auth=good`)).status).toBe(200);
      expect((await send('PUT', `${url}/a.json`, 1)).status).toBe(401);
      expect((await ask(`${url}/.settings/rules.json`)).status).toBe(401);
    }));

  it('keeps databases apart, and knows no others', () =>
    withServer(
      { namespaces: ['one', 'two'], elsewhere: { far: 'https://far.europe-west1.firebasedatabase.app' } },
      async ({ url }) => {
        await send('PUT', `${url}/a.json?ns=two`, 2);
        expect((await ask(`${url}/a.json?ns=two`)).json).toBe(2);
        expect((await ask(`${url}/a.json`)).json).toBeNull();
        const missing = await ask(`${url}/a.json?ns=three`);
        expect(missing.status).toBe(404);
        expect(missing.text).toBe('{\n  "error" : "404 Not Found"\n}\n');
        expect(await ask(`${url}/a.json?ns=far`)).toMatchObject({
          status: 404,
          json: {
            correctUrl: 'https://far.europe-west1.firebasedatabase.app',
            error:
              'Database lives in a different region. Please change your database URL to https://far.europe-west1.firebasedatabase.app',
          },
        });
      },
    ));

  it('gives and takes rules as they were written', () =>
    withServer({}, async ({ url }) => {
      const at = `${url}/.settings/rules.json`;
      const rules = '{\n  /* who */ "rules": { ".read": "auth != null", // all\n ".write": false } }';
      expect((await ask(at)).json).toEqual({ rules: { '.read': true, '.write': true } });
      expect(await ask(at, { method: 'PUT', body: rules })).toMatchObject({
        status: 200,
        json: { status: 'ok' },
      });
      expect(await (await fetch(at)).text()).toBe(rules);
      expect((await ask(`${at}?format=strict`)).json).toEqual({
        rules: { '.read': 'auth != null', '.write': false },
      });
      expect((await ask(at, { method: 'PUT', body: '{}' })).status).toBe(400);
      expect(await (await fetch(at)).text()).toBe(rules);
    }));
});

describe('limits', () => {
  it('refuses answers above the size, whole or as a list, and gives their parts', () =>
    withServer({ maxResponseBytes: 3000 }, async (own) => {
      await own.set('/', BIG);
      const refusal = error(
        'Data requested exceeds the maximum size that can be accessed with a single request.',
      );
      expect(await ask(`${own.url}/.json`)).toMatchObject({ status: 400, json: refusal });
      expect(await ask(`${own.url}/.json?orderBy="$key"`)).toMatchObject({ status: 400, json: refusal });
      expect((await ask(`${own.url}/.json?orderBy="$key"&limitToFirst=1`)).json).toEqual({ a: BIG.a });
      expect((await ask(`${own.url}/.json?shallow=true`)).json).toEqual({ a: true, b: true });
      expect((await ask(`${own.url}/.json?print=silent`)).status).toBe(204);
      expect((await ask(`${own.url}/a.json`)).json).toBe(BIG.a);
    }));

  it('says too large with 413 where told to', () =>
    withServer({ maxResponseBytes: 3000, tooBigStatus: 413 }, async (own) => {
      await own.set('/', BIG);
      expect(await ask(`${own.url}/.json`)).toMatchObject({
        status: 413,
        json: error('Payload is too large'),
      });
    }));

  it('refuses bodies above the size', () =>
    withServer({ maxWriteBytes: 1000 }, async (own) => {
      expect(await send('PUT', `${own.url}/.json`, BIG)).toMatchObject({
        status: 413,
        json: error('Payload is too large'),
      });
      expect(await own.get('/')).toBeNull();
    }));

  it('refuses writes and deletes that would take too long', () =>
    withServer({ estimatedWriteBytesPerSecond: 1000 }, async (own) => {
      const refusal = error(
        'Data to write exceeds the maximum size that can be modified with a single request.',
      );
      const url = `${own.url}/x.json`;
      expect(await send('PUT', `${url}?writeSizeLimit=tiny`, BIG)).toMatchObject({
        status: 400,
        json: refusal,
      });
      expect((await send('PUT', `${url}?writeSizeLimit=small`, BIG)).status).toBe(200);
      expect(await ask(`${url}?writeSizeLimit=tiny`, { method: 'DELETE' })).toMatchObject({
        status: 400,
        json: refusal,
      });
      expect(await send('PATCH', `${url}?writeSizeLimit=tiny`, { a: null })).toMatchObject({ status: 400 });
      expect(await send('PATCH', `${url}?writeSizeLimit=huge`, { a: null })).toMatchObject({ status: 400 });
      expect(await own.get('/x')).toEqual(BIG);
      expect((await ask(`${url}?writeSizeLimit=unlimited`, { method: 'DELETE' })).status).toBe(200);
    }));

  it('counts all that lies at the path of a write where told to', () =>
    withServer({ estimatedWriteBytesPerSecond: 1000, writeSizeCountsWholePath: true }, async (own) => {
      await own.set('/x', BIG);
      expect((await send('PATCH', `${own.url}/.json?writeSizeLimit=tiny`, { 'x/c': 1 })).status).toBe(400);
      expect((await send('PUT', `${own.url}/x/c.json?writeSizeLimit=tiny`, 1)).status).toBe(200);
    }));

  it('adds latency, and refuses reads with less time than that', () =>
    withServer({ latencyMs: 20 }, async ({ url }) => {
      const started = performance.now();
      expect((await ask(`${url}/.json?timeout=10s`)).status).toBe(200);
      expect(performance.now() - started).toBeGreaterThanOrEqual(19);
      for (const timeout of ['10ms', '0s', '16min', 'soon']) {
        expect((await ask(`${url}/.json?timeout=${timeout}`)).status, timeout).toBe(400);
      }
    }));

  it('refuses requests above the rate', () =>
    withServer({ requestsPerSecond: 5 }, async ({ url }) => {
      const answers = await Promise.all(Array.from({ length: 30 }, () => ask(`${url}/.json`)));
      const refused = answers.filter(({ status }) => status === 429);
      expect(refused.length).toBeGreaterThan(0);
      expect(refused[0]?.json).toEqual(error('Too many requests'));
    }));
});

describe('faults', () => {
  it('refuse before anything is done, as often as told, where they match', () =>
    withServer({}, async (own) => {
      own.fail({ kind: 'status', status: 503, times: 2, match: /^PUT \/a/ });
      expect((await ask(`${own.url}/a.json`)).status).toBe(200);
      expect((await send('PUT', `${own.url}/a.json`, 1)).status).toBe(503);
      expect((await send('PUT', `${own.url}/a.json`, 1)).status).toBe(503);
      expect(await own.get('/a')).toBeNull();
      expect((await send('PUT', `${own.url}/a.json`, 1)).status).toBe(200);
    }));

  it('drop the connection inside the body, or with no answer at all', () =>
    withServer({}, async (own) => {
      await own.set('/', BIG);
      own.fail({ kind: 'drop' });
      const cut = await fetch(`${own.url}/.json`);
      expect(cut.status).toBe(200);
      await expect(cut.text()).rejects.toThrow();
      own.fail({ kind: 'drop' });
      await expect(send('PUT', `${own.url}/new.json?print=silent`, 1)).rejects.toThrow();
      expect(await own.get('/new')).toBe(1);
    }));

  it('end a body early as if it were whole, or spoil it', () =>
    withServer({}, async (own) => {
      await own.set('/', BIG);
      own.fail({ kind: 'truncate', afterBytes: 100 });
      expect((await (await fetch(`${own.url}/.json`)).text()).length).toBe(100);
      own.fail({ kind: 'invalid-json' });
      await expect(ask(`${own.url}/.json`)).rejects.toThrow(SyntaxError);
      expect((await ask(`${own.url}/.json`)).json).toEqual(BIG);
    }));

  it('send slowly but whole, or stop sending', () =>
    withServer({}, async (own) => {
      await own.set('/', BIG);
      own.fail({ kind: 'slow', afterBytes: 1000 });
      const started = performance.now();
      expect((await ask(`${own.url}/.json`)).json).toEqual(BIG);
      expect(performance.now() - started).toBeGreaterThan(60);
      own.fail({ kind: 'stall' });
      await expect(ask(`${own.url}/.json`, { signal: AbortSignal.timeout(100) })).rejects.toThrow(/timeout/);
    }));
});

describe('the server', () => {
  it('counts requests and bytes', () =>
    withServer({}, async (own) => {
      await send('PUT', `${own.url}/a.json`, 'abc');
      await ask(`${own.url}/a.json`);
      await ask(`${own.url}/.json?shallow=true`);
      await ask(`${own.url}/.json?orderBy="$key"`);
      await ask(`${own.url}/.json?print=silent`);
      expect(own.stats).toEqual({
        requests: 5,
        bytesSent: 5 + 5 + '{"a":true}'.length + '{"a":"abc"}'.length,
        byKind: { put: 1, read: 1, shallow: 1, query: 1, silent: 1 },
      });
    }));

  it('runs in a process of its own with the same means', async () => {
    await using own = await startFirebaseProcess({ maxResponseBytes: 3000 }, 256);
    expect(own.pid).not.toBe(process.pid);
    await own.set('/', BIG);
    expect(await own.get('/a')).toBe(BIG.a);
    expect((await ask(`${own.url}/.json`)).status).toBe(400);
    await own.fail({ kind: 'status', match: /a\.json/ });
    expect((await ask(`${own.url}/a.json`)).status).toBe(503);
    expect(await own.stats()).toMatchObject({ requests: 2 });
    await expect(own.get('/a.b')).rejects.toThrow('Invalid path');
  });

  it('runs from a command line, and ends on a signal', async () => {
    const args = ['tools/firebase-server/main.ts', '--token', 'good', '--max-response-bytes', '100'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(child.stdout, 'data');
    const url = String(line).trim();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await ask(`${url}/.json`)).status).toBe(401);
    expect((await ask(`${url}/.json?access_token=good`)).json).toBeNull();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
