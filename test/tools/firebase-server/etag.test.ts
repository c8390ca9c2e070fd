import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY_INDEX, toNode } from '../../../tools/firebase-server/engine.ts';
import { hashOf } from '../../../tools/firebase-server/etag.ts';
import { serialize } from '../../../tools/firebase-server/serialize.ts';
import { type FirebaseServer, startFirebaseServer } from '../../../tools/firebase-server/server.ts';
import { ask, send, withServer } from './client.ts';

let server: FirebaseServer;
beforeAll(async () => {
  server = await startFirebaseServer();
});
afterAll(async () => server[Symbol.asyncDispose]());

const WANT = { headers: { 'X-Firebase-ETag': 'true' } };
const etag = async (path: string) => (await ask(`${server.url}${path}`, WANT)).headers.get('etag');

const key = fc
  .string({ minLength: 1, maxLength: 5 })
  .filter((text) => !/[.#$/[\]\p{Cc}]/u.test(text) && !(text in {}));
/** Google's code rounds wrongly at some ends of the range of doubles; the server hashes the exact bits. */
const number = fc.integer({ min: -3000, max: 3000 }).map((value) => value / 8);
const scalar = fc.oneof(fc.string(), number, fc.boolean());
const priority = fc.oneof(fc.string(), number);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.record({ '.value': scalar, '.priority': priority }, { noNullPrototype: true }),
    fc.dictionary(fc.oneof(key, fc.nat(9).map(String)), tie('tree'), { maxKeys: 6, noNullPrototype: true }),
    fc
      .tuple(fc.dictionary(key, tie('tree'), { minKeys: 1, maxKeys: 3, noNullPrototype: true }), priority)
      .map(([children, value]) => ({
        ...children,
        '.priority': value,
      })),
  ),
}));

describe('hashes and JSON', () => {
  it('are those of Google’s own code', () => {
    fc.assert(
      fc.property(tree, (value) => {
        const google = toNode(value).hash();
        const node = toNode(value);
        expect(hashOf(node)).toBe(google);
        for (const format of ['plain', 'export'] as const) {
          const json = Buffer.concat(serialize(node, { format, maxBytes: 1e9 }) ?? []).toString();
          expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(node.val(format === 'export'))));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('refuse to grow above the limit', () => {
    const node = toNode({ a: 'x'.repeat(200_000) });
    expect(serialize(node, { format: 'plain', maxBytes: 200_007 })).toBeUndefined();
    expect(serialize(node, { format: 'plain', maxBytes: 200_008 })).toBeDefined();
    expect(node.forEachChild(KEY_INDEX, () => true)).toBe(true);
  });
});

describe('ETags', () => {
  it('are given only on request', async () => {
    expect((await ask(`${server.url}/a.json`)).headers.get('etag')).toBeNull();
    expect(await etag('/a.json')).toBe('null_etag');
  });

  it('change with any data or priority below, and only with it', async () => {
    await server.set('/', { a: { b: { c: 1 } }, other: 2 });
    const before = { root: await etag('/.json'), a: await etag('/a.json'), other: await etag('/other.json') };
    await server.set('/a/b/c', { '.value': 1, '.priority': 5 });
    expect(await etag('/a.json')).not.toBe(before.a);
    expect(await etag('/.json')).not.toBe(before.root);
    expect(await etag('/other.json')).toBe(before.other);
    await server.set('/a/b/c', 1);
    expect(await etag('/a.json')).toBe(before.a);
  });

  it('are the same on shallow and silent reads', async () => {
    await server.set('/', { a: { b: 1 } });
    const whole = await etag('/a.json?format=export');
    expect(await etag('/a.json?shallow=true')).toBe(whole);
    expect(await etag('/a.json?print=silent')).toBe(whole);
  });

  it('of reads without a body can be set to mean less', async () => {
    const tags = (url: string) =>
      Promise.all(['shallow=true', 'print=silent'].map((how) => ask(`${url}/.json?${how}`, WANT))).then(
        (answers) => answers.map(({ headers }) => headers.get('etag')),
      );
    await withServer({ etagWithoutBody: 'none' }, async ({ url }) =>
      expect(await tags(url)).toEqual([null, null]),
    );
    await withServer({ etagWithoutBody: 'answer' }, async (own) => {
      await own.set('/a', 1);
      const before = await tags(own.url);
      await own.set('/a', 2);
      expect(await tags(own.url)).toEqual(before);
    });
  });

  it('answer 304 without a body while they match', async () => {
    await server.set('/a', 1);
    const url = `${server.url}/a.json?format=export`;
    const first = await ask(url, { headers: { 'if-none-match': 'other' } });
    expect(first).toMatchObject({ status: 200, json: 1 });
    const tag = first.headers.get('etag') ?? '';
    expect(tag).toBe(await etag('/a.json'));
    const same = await ask(url, { headers: { 'if-none-match': tag } });
    expect(same).toMatchObject({ status: 304, text: '' });
    await server.set('/a', 2);
    expect(await ask(url, { headers: { 'if-none-match': tag } })).toMatchObject({ status: 200, json: 2 });
  });

  it('guard PUT and DELETE, and answer 412 with what is there', async () => {
    await server.set('/a', 1);
    const url = `${server.url}/a.json`;
    const first = (await etag('/a.json')) ?? '';
    expect((await send('PUT', url, 2, { 'if-match': first })).status).toBe(200);
    const refused = await send('PUT', url, 3, { 'if-match': first });
    expect(refused).toMatchObject({ status: 412, json: 2 });
    expect(refused.headers.get('etag')).toBe(await etag('/a.json'));
    expect((await ask(url, { method: 'DELETE', headers: { 'if-match': first } })).status).toBe(412);
    expect(await server.get('/a')).toBe(2);
    const empty = await send('PUT', `${server.url}/new.json`, 1, {
      'if-match': 'null_etag',
      'X-Firebase-ETag': 'true',
    });
    expect(empty.headers.get('etag')).toBe(await etag('/new.json'));
    expect((await send('PUT', `${server.url}/new.json`, 2, { 'if-match': 'null_etag' })).status).toBe(412);
  });

  it('are refused where the service knows none', async () => {
    const url = `${server.url}/a.json`;
    expect((await ask(url, { headers: { 'if-match': 'x' } })).status).toBe(400);
    expect((await send('PATCH', url, { a: 1 }, { 'if-match': 'x' })).status).toBe(400);
    expect((await send('PATCH', url, { a: 1 }, { 'X-Firebase-ETag': 'true' })).status).toBe(400);
    expect((await send('POST', url, 1, { 'if-match': 'x' })).status).toBe(400);
  });
});
