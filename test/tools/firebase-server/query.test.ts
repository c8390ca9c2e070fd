import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FirebaseServer, startFirebaseServer } from '../../../tools/firebase-server/server.ts';
import { ask, error, withServer } from './client.ts';

let server: FirebaseServer;
beforeAll(async () => {
  server = await startFirebaseServer();
  await server.set('/dinosaurs', {
    bruhathkayosaurus: { height: 25, appeared: -70000000, '.priority': 3 },
    lambeosaurus: { height: 2.1, appeared: -76000000, '.priority': 1 },
    linhenykus: { height: 0.6, appeared: -85000000, '.priority': 2 },
    pterodactyl: { height: 0.6, appeared: -150000000 },
    stegosaurus: { height: 4, appeared: -155300000 },
  });
  await server.set('/scores', { a: 55, b: 93, c: 'text', d: true, e: 80 });
  await server.set('/numbers', { 1: 'a', 2: 'b', 10: 'c', a: 'd', B: 'e' });
  const rules = { rules: { dinosaurs: { '.indexOn': ['height'] }, scores: { '.indexOn': '.value' } } };
  await fetch(`${server.url}/.settings/rules.json`, { method: 'PUT', body: JSON.stringify(rules) });
});
afterAll(async () => server[Symbol.asyncDispose]());

const read = (path: string, params: Record<string, string>) =>
  ask(`${server.url}${path}.json?${new URLSearchParams(params)}`);
const keys = async (path: string, params: Record<string, string>) =>
  Object.keys(((await read(path, params)).json ?? {}) as object).sort();

describe('queries', () => {
  it.each<[Record<string, string>, string[]]>([
    [{ orderBy: '"$key"', limitToFirst: '2' }, ['bruhathkayosaurus', 'lambeosaurus']],
    [{ orderBy: '"$key"', limitToLast: '2' }, ['pterodactyl', 'stegosaurus']],
    [{ orderBy: '"$key"', startAt: '"linhenykus"', limitToFirst: '2' }, ['linhenykus', 'pterodactyl']],
    [{ orderBy: '"$key"', startAfter: '"linhenykus"', limitToFirst: '1' }, ['pterodactyl']],
    [{ orderBy: '"$key"', startAt: '"m"', endAt: '"q"' }, ['pterodactyl']],
    [{ orderBy: '"$key"', endBefore: '"lambeosaurus"' }, ['bruhathkayosaurus']],
    [{ orderBy: '"$key"', equalTo: '"lambeosaurus"' }, ['lambeosaurus']],
    [{ orderBy: '"$key"', startAfter: '"z"' }, []],
    [{ orderBy: '"height"', equalTo: '0.6' }, ['linhenykus', 'pterodactyl']],
    [{ orderBy: '"height"', startAt: '3' }, ['bruhathkayosaurus', 'stegosaurus']],
    [{ orderBy: '"height"', limitToLast: '1' }, ['bruhathkayosaurus']],
    [{ orderBy: '"$priority"', limitToLast: '1' }, ['bruhathkayosaurus']],
    [{ orderBy: '"$priority"', startAt: '1', endAt: '2' }, ['lambeosaurus', 'linhenykus']],
  ])('answers %j', async (params, expected) => {
    expect(await keys('/dinosaurs', params)).toEqual(expected);
  });

  it('orders values by type, then value', async () => {
    expect(await keys('/scores', { orderBy: '"$value"', limitToFirst: '2' })).toEqual(['a', 'd']);
    expect(await keys('/scores', { orderBy: '"$value"', startAt: '80', limitToFirst: '2' })).toEqual([
      'b',
      'e',
    ]);
  });

  it('orders integer keys as numbers, before others', async () => {
    const pages: string[][] = [];
    for (let after: string | undefined; pages.length < 5; after = pages.at(-1)?.at(-1)) {
      pages.push(
        await keys('/numbers', {
          format: 'export',
          orderBy: '"$key"',
          limitToFirst: '1',
          ...(after && { startAfter: `"${after}"` }),
        }),
      );
    }
    expect(pages.flat()).toEqual(['1', '2', '10', 'B', 'a']);
  });

  it('makes arrays of pages of integer keys, but not in export format', async () => {
    const page = { orderBy: '"$key"', startAt: '"1"', limitToFirst: '2' };
    expect((await read('/numbers', page)).json).toEqual([null, 'a', 'b']);
    expect((await read('/numbers', { ...page, format: 'export' })).json).toEqual({ 1: 'a', 2: 'b' });
  });

  it('keeps priorities in export format', async () => {
    const { json } = await read('/dinosaurs', { orderBy: '"$key"', limitToFirst: '1', format: 'export' });
    expect(json).toEqual({ bruhathkayosaurus: { height: 25, appeared: -70000000, '.priority': 3 } });
  });

  it.each<[Record<string, string>, string]>([
    [{ limitToFirst: '1' }, 'orderBy must be defined when other query parameters are defined'],
    [{ orderBy: '$key' }, 'orderBy must be a valid JSON encoded path'],
    [{ orderBy: '"$key"', startAt: 'a' }, 'Constraint index field must be a JSON primitive'],
    [{ orderBy: '"$key"', startAt: '1' }, 'Provided key index type is invalid, must be string'],
    [
      { orderBy: '"appeared"' },
      'Index not defined, add ".indexOn": "appeared", for path "/dinosaurs", to the rules',
    ],
    [
      { orderBy: '"$value"' },
      'Index not defined, add ".indexOn": ".value", for path "/dinosaurs", to the rules',
    ],
    [{ orderBy: '"$key"', limitToFirst: '0' }, 'limitToFirst and limitToLast must be positive integers'],
  ])('refuses %j', async (params, message) => {
    expect(await read('/dinosaurs', params)).toMatchObject({ status: 400, json: error(message) });
  });

  it('refuses what Google’s client refuses', async () => {
    const answer = await read('/dinosaurs', { orderBy: '"$key"', startAt: '"a"', equalTo: '"b"' });
    expect(answer.status).toBe(400);
    expect((answer.json as { error: string }).error).toMatch(/Starting point was already set/);
  });

  it('refuses queries of nodes with too many children, but lists and reads them', () =>
    withServer({ pagedQueryLimitChildren: 3 }, async (own) => {
      await own.set('/many', { a: 1, b: 2, c: 3, d: 4 });
      expect(await ask(`${own.url}/many.json?orderBy="$key"&limitToFirst=1`)).toMatchObject({
        status: 400,
        json: error('Data requested exceeds the maximum size that can be accessed with a single request.'),
      });
      expect((await ask(`${own.url}/many.json?shallow=true`)).json).toEqual({
        a: true,
        b: true,
        c: true,
        d: true,
      });
      expect((await ask(`${own.url}/many/a.json`)).json).toBe(1);
    }));
});
