import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FirebaseServer, startFirebaseServer } from '../../../tools/firebase-server/server.ts';
import * as client from './client.ts';
import { error } from './client.ts';

let server: FirebaseServer;
beforeAll(async () => {
  server = await startFirebaseServer();
});
afterAll(async () => server[Symbol.asyncDispose]());
beforeEach(async () => server.set('/', null));

const ask = (path: string, init?: RequestInit) => client.ask(`${server.url}${path}`, init);
const send = (method: string, path: string, value: unknown, headers?: Record<string, string>) =>
  client.send(method, `${server.url}${path}`, value, headers);

describe('writing', () => {
  it('puts a value, answers with it, and reads it back', async () => {
    const value = { first: 'Jack', last: 'Sparrow', age: 40.5, alive: true };
    expect(await send('PUT', '/users/jack.json', value)).toMatchObject({ status: 200, json: value });
    expect(await ask('/users.json')).toMatchObject({ status: 200, json: { jack: value } });
    expect((await ask('/users/jack/first.json')).json).toBe('Jack');
    expect((await ask('/nobody.json')).text).toBe('null');
  });

  it('keeps neither nulls nor empty objects, and removes parents left without children', async () => {
    await send('PUT', '/a.json', { b: {}, c: null, d: { e: [] }, f: 0 });
    expect((await ask('/a.json')).json).toEqual({ f: 0 });
    await ask('/a/f.json', { method: 'DELETE' });
    expect((await ask('/.json')).json).toBeNull();
  });

  it('patches several places below the path at once, and leaves the others', async () => {
    await send('PUT', '/a.json', { b: { c: 1, d: 2 }, e: 3 });
    const answer = await send('PATCH', '/a.json?print=silent', { 'b/c': 9, 'x/y/z': 'new', e: null });
    expect(answer).toMatchObject({ status: 204, text: '' });
    expect((await ask('/a.json')).json).toEqual({ b: { c: 9, d: 2 }, x: { y: { z: 'new' } } });
  });

  it('patches all or nothing', async () => {
    await send('PUT', '/a.json', { b: 1 });
    expect(await send('PATCH', '/a.json', { b: 2, 'c/d$': 3 })).toMatchObject({ status: 400 });
    expect(await send('PATCH', '/a.json', { b: 2, 'b/c': 3 })).toMatchObject({ status: 400 });
    expect((await ask('/a.json')).json).toEqual({ b: 1 });
  });

  it('posts under a new key that sorts after the last', async () => {
    const names: string[] = [];
    for (const text of ['one', 'two', 'three']) {
      const { json } = await send('POST', '/list.json', { text });
      names.push((json as { name: string }).name);
    }
    expect(names).toEqual([...names].sort());
    expect(names[0]).toMatch(/^-[\w-]{19}$/);
    expect(Object.values((await ask('/list.json')).json as object)).toEqual([
      { text: 'one' },
      { text: 'two' },
      { text: 'three' },
    ]);
  });

  it('takes another method by header or parameter', async () => {
    await send('POST', '/a.json', { b: 1, c: 2 }, { 'X-HTTP-Method-Override': 'PUT' });
    await send('POST', '/a.json?x-http-method-override=PATCH', { c: 3 });
    expect((await ask('/a.json')).json).toEqual({ b: 1, c: 3 });
  });

  it('sets the time and increments', async () => {
    await send('PUT', '/a.json', { n: 5 });
    await send('PATCH', '/a.json', { n: { '.sv': { increment: 2 } }, 'deep/at': { '.sv': 'timestamp' } });
    const { n, deep } = (await ask('/a.json')).json as { n: number; deep: { at: number } };
    expect(n).toBe(7);
    expect(Math.abs(deep.at - Date.now())).toBeLessThan(10_000);
  });
});

describe('refused writes', () => {
  it.each([
    [
      '{"a.b":1}',
      "Invalid data; couldn't parse key beginning at 1:2. Key value can't be empty or contain $ # [ ] / or .",
    ],
    [
      '{"a":\n {"b#":1}}',
      "Invalid data; couldn't parse key beginning at 2:3. Key value can't be empty or contain $ # [ ] / or .",
    ],
    [
      '{"":1}',
      "Invalid data; couldn't parse key beginning at 1:2. Key value can't be empty or contain $ # [ ] / or .",
    ],
    ['{"a":', "Invalid data; couldn't parse JSON object, array, or value."],
    ['', 'Error: No data supplied.'],
    [`{"${'k'.repeat(769)}":1}`, 'Invalid data; key is longer than 768 bytes'],
    [`${'{"a":'.repeat(33)}1${'}'.repeat(33)}`, 'Invalid data; path exceeds the maximum depth of 32'],
    ['{".value":1,"a":2}', 'Invalid data; .value cannot have other children beside it'],
    ['{"a":1,".priority":true}', 'Invalid data; .priority must be a string or a number'],
    ['{"a":{".sv":"nonsense"}}', 'Invalid data; unrecognized server value'],
  ])('says of %j what is wrong, and keeps what was there', async (body, message) => {
    await server.set('/x', 'before');
    expect(await ask('/x.json', { method: 'PUT', body })).toMatchObject({
      status: 400,
      json: error(message),
    });
    expect(await server.get('/x')).toBe('before');
  });

  it('takes keys of 768 bytes and 32 levels', async () => {
    const key = 'é'.repeat(384);
    const deep = `${'{"a":'.repeat(32)}1${'}'.repeat(32)}`;
    expect((await send('PUT', '/x.json', { [key]: 1 })).status).toBe(200);
    expect((await ask('/.json', { method: 'PUT', body: deep })).status).toBe(200);
  });

  it('refuses strings above 10 MB', async () => {
    const body = JSON.stringify('x'.repeat(10 * 1024 * 1024 + 1));
    expect(await ask('/x.json', { method: 'PUT', body })).toMatchObject({ status: 400 });
  });

  it('refuses bad paths', async () => {
    for (const path of ['/a.b.json', '/a%23.json', '/a%5B0%5D.json', '/%24a.json']) {
      expect(await ask(path), path).toMatchObject({
        status: 400,
        json: error('Invalid path: Invalid token in path'),
      });
    }
    const text = await (await fetch(`${server.url}/a`)).text();
    expect(text).toContain('append .json to your request URI to use the REST API.');
  });
});

describe('reading', () => {
  it('makes arrays of integer keys, but not in export format', async () => {
    await send('PUT', '/a.json', ['x', null, 'z']);
    expect((await ask('/a.json')).json).toEqual(['x', null, 'z']);
    expect((await ask('/a.json?format=export')).json).toEqual({ 0: 'x', 2: 'z' });
    await send('PUT', '/b.json', { 1: 'x', 9: 'y' });
    expect((await ask('/b.json')).json).toEqual({ 1: 'x', 9: 'y' });
  });

  it('shows priorities only in export format', async () => {
    await send('PUT', '/a.json', { b: { '.value': 'x', '.priority': 2 }, c: { d: 1, '.priority': 'p' } });
    expect((await ask('/a.json')).json).toEqual({ b: 'x', c: { d: 1 } });
    const exported = { b: { '.value': 'x', '.priority': 2 }, c: { d: 1, '.priority': 'p' } };
    expect((await ask('/a.json?format=export')).json).toEqual(exported);
    expect(await server.get('/a')).toEqual(exported);
    expect((await ask('/a/b/.priority.json')).json).toBe(2);
    await send('PUT', '/a/b/.priority.json', 7);
    expect((await ask('/a/b.json?format=export')).json).toEqual({ '.value': 'x', '.priority': 7 });
  });

  it('lists the keys of a shallow read', async () => {
    await server.set('/', { a: { b: 1 }, c: 2 });
    expect((await ask('/.json?shallow=true')).json).toEqual({ a: true, c: true });
    expect((await ask('/c.json?shallow=true')).json).toBe(2);
    expect((await ask('/d.json?shallow=true')).json).toBeNull();
    expect((await ask('/.json?shallow=true&orderBy="$key"')).status).toBe(400);
    expect((await ask('/.json?shallow=true&limitToFirst=1&startAfter=a')).json).toEqual({ c: true });
  });

  it('prints nothing, or prettily, or as a download', async () => {
    await server.set('/a', { b: 1 });
    expect(await ask('/a.json?print=silent')).toMatchObject({ status: 204, text: '' });
    expect((await ask('/a.json?print=pretty')).text).toBe('{\n  "b": 1\n}');
    const { headers } = await ask('/a.json?download=mine.json');
    expect(headers.get('content-disposition')).toBe('attachment; filename="mine.json"');
  });

  it('keeps odd keys and values', async () => {
    const odd = {
      'a b': 'ü',
      ключ: '😀',
      '%41': 'percent',
      __proto__x: 1,
      '-5': -0.5,
      '10': 1e300,
      '9': '\u0000"\\',
    };
    await send('PUT', '/odd.json', odd);
    expect((await ask('/odd.json?format=export')).json).toEqual(odd);
    expect((await ask(`/odd/${encodeURIComponent('%41')}.json`)).json).toBe('percent');
    expect((await ask(`/odd/${encodeURIComponent('ключ')}.json`)).json).toBe('😀');
  });

  it('keeps keys that mean something in JavaScript', async () => {
    const odd =
      '{"__proto__":{"a":1},"constructor":"c","hasOwnProperty":{"toString":true,".priority":2},"valueOf":0}';
    await ask('/odd.json', { method: 'PUT', body: odd });
    expect((await ask('/odd.json?format=export')).text).toBe(odd);
    expect((await ask('/odd/__proto__/a.json')).json).toBe(1);
    expect(JSON.stringify(await server.get('/odd'))).toBe(odd);
    expect((await ask('/odd.json?orderBy="$key"&startAt="h"&limitToFirst=1')).json).toEqual({
      hasOwnProperty: { toString: true },
    });
  });
});
