import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import type { Check } from '../contract.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function keysOf(store: ObjectStore, prefix: string): Promise<readonly string[]> {
  const keys = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

/** A check for each case. */
function each<Case>(
  cases: readonly Case[],
  promiseOf: (one: Case) => string,
  run: (store: ObjectStore, one: Case) => Promise<void>,
): readonly Check<ObjectStore>[] {
  return cases.map((one) => ({ promise: promiseOf(one), run: (store) => run(store, one) }));
}

/**
 * What every store must do, each on an empty one. A bug found in one store becomes a check here, so that the others are asked the
 * same question.
 */
export const STORE_CHECKS: readonly Check<ObjectStore>[] = [
  ...each(
    [0, 1, 4096, 3_000_000],
    (sizeBytes) => `returns the ${sizeBytes} bytes that were put`,
    async (store, sizeBytes) => {
      const body = new Uint8Array(sizeBytes).fill(7);
      await store.put('data/a', body);
      assert.equal(Buffer.compare(await store.get('data/a'), body), 0);
      assert.partialDeepStrictEqual(await store.head('data/a'), { key: 'data/a', sizeBytes });
    },
  ),

  {
    promise: 'keeps what was put when the caller changes its buffer afterwards',
    run: async (store) => {
      const body = bytes('first');
      await store.put('data/a', body);
      body.fill(0);
      assert.equal(Buffer.from(await store.get('data/a')).toString(), 'first');
    },
  },

  {
    promise: 'stores a view of a larger buffer, and gives the same back to many readers',
    run: async (store) => {
      await store.put('data/a', bytes('..view..').subarray(2, 6));
      const reads = Array.from({ length: 20 }, () => store.get('data/a'));
      assert.deepEqual(
        (await Promise.all(reads)).map((body) => Buffer.from(body).toString()),
        Array(20).fill('view'),
      );
    },
  },

  {
    promise: 'gives a digest of what it holds, or none',
    run: async (store) => {
      const sha256 = createHash('sha256').update('body').digest('hex');
      await store.put('data/a', bytes('body'), { sha256 });
      assert.ok([sha256, undefined].includes((await store.head('data/a')).sha256));
    },
  },

  {
    promise: 'refuses a second put and keeps the first body',
    run: async (store) => {
      await store.put('data/a', bytes('first'));
      await assert.rejects(store.put('data/a', bytes('second')), { code: 'E_OBJECT_EXISTS' });
      assert.equal(Buffer.from(await store.get('data/a')).toString(), 'first');
    },
  },

  {
    promise: 'lets exactly one of many writers of a key win',
    run: async (store) => {
      const texts = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
      const settled = await Promise.allSettled(texts.map((text) => store.put('data/raced', bytes(text))));
      const won = settled.flatMap((result, i) => (result.status === 'fulfilled' ? [texts[i]] : []));
      assert.equal(won.length, 1);
      assert.equal(Buffer.from(await store.get('data/raced')).toString(), won[0]);
    },
  },

  ...each(
    [
      { offsetBytes: 0, lengthBytes: 5, want: 'hello' },
      { offsetBytes: 6, lengthBytes: 5, want: 'world' },
      { offsetBytes: 11, lengthBytes: 0, want: '' },
    ],
    ({ lengthBytes, offsetBytes }) => `reads ${lengthBytes} bytes at ${offsetBytes}`,
    async (store, { want, ...range }) => {
      await store.put('data/a', bytes('hello world'));
      assert.equal(Buffer.from(await store.get('data/a', { range })).toString(), want);
    },
  ),

  ...each(
    [
      { offsetBytes: 3, lengthBytes: 3 },
      { offsetBytes: 5, lengthBytes: 1 },
      { offsetBytes: 9, lengthBytes: 0 },
    ],
    ({ lengthBytes, offsetBytes }) =>
      `rejects the range of ${lengthBytes} bytes at ${offsetBytes} of five and never reads short`,
    async (store, range) => {
      await store.put('data/a', bytes('hello'));
      await assert.rejects(store.get('data/a', { range }), { code: 'E_RANGE' });
    },
  ),

  {
    promise: 'says that an object is not there',
    run: async (store) => {
      await assert.rejects(store.get('data/none'), { code: 'E_OBJECT_NOT_FOUND' });
      await assert.rejects(store.head('data/none'), { code: 'E_OBJECT_NOT_FOUND' });
    },
  },

  {
    promise: 'holds no object where other keys go on',
    run: async (store) => {
      await store.put('data/a/b', bytes('b'));
      for (const key of ['data', 'data/a']) {
        await assert.rejects(store.get(key), { code: 'E_OBJECT_NOT_FOUND' });
        await assert.rejects(store.head(key), { code: 'E_OBJECT_NOT_FOUND' });
      }
      await store.put('data/ab', bytes('b'));
      await assert.rejects(store.get('data/ab/c'), { code: 'E_OBJECT_NOT_FOUND' });
    },
  },

  {
    promise: 'lists a prefix in key order, objects of a few minutes at most',
    run: async (store) => {
      for (const key of ['data/b', 'keys/z', 'data/a0', 'data/a-b', 'data/a/c', 'data/ab'])
        await store.put(key, bytes(key));
      assert.deepEqual(await keysOf(store, 'data/'), [
        'data/a-b',
        'data/a/c',
        'data/a0',
        'data/ab',
        'data/b',
      ]);
      assert.deepEqual(await keysOf(store, 'data/a'), ['data/a-b', 'data/a/c', 'data/a0', 'data/ab']);
      assert.deepEqual(await keysOf(store, 'none/'), []);
      for await (const { modifiedAt, sizeBytes, key } of store.list('')) {
        assert.ok(Math.abs(Date.now() - modifiedAt.getTime()) < 300_000);
        assert.equal(sizeBytes, key.length);
      }
    },
  },

  {
    promise: 'lists more objects than fit one page',
    run: async (store) => {
      const keys = Array.from({ length: 1100 }, (_, i) => `data/${String(i).padStart(5, '0')}`);
      for (let i = 0; i < keys.length; i += 50) {
        await Promise.all(keys.slice(i, i + 50).map((key) => store.put(key, bytes('x'))));
      }
      assert.deepEqual(await keysOf(store, 'data/'), keys);
    },
  },

  ...each(
    [
      { after: 'data/', want: ['data/a-b', 'data/a/c', 'data/a/d', 'data/a0', 'data/b'] },
      { after: 'data/a', want: ['data/a-b', 'data/a/c', 'data/a/d', 'data/a0', 'data/b'] },
      { after: 'data/a-b', want: ['data/a/c', 'data/a/d', 'data/a0', 'data/b'] },
      { after: 'data/a/c', want: ['data/a/d', 'data/a0', 'data/b'] },
      { after: 'data/a/c~', want: ['data/a/d', 'data/a0', 'data/b'] },
      { after: 'data/a/~', want: ['data/a0', 'data/b'] },
      { after: 'data/b', want: [] },
      { after: 'zzz', want: [] },
      { after: 'aaa', want: ['data/a-b', 'data/a/c', 'data/a/d', 'data/a0', 'data/b'] },
    ],
    ({ after }) => `lists what comes after ${after}, as much as is asked for`,
    async (store, { after, want }) => {
      for (const key of ['keys/z', 'data/b', 'data/a0', 'data/a-b', 'data/a/c', 'data/a/d', 'aa'])
        await store.put(key, bytes('x'));
      const list = async (most?: number) =>
        (await Array.fromAsync(store.list('data/', { after, most }))).map(({ key }) => key);
      assert.deepEqual(await list(), want);
      for (const most of [1, 2, 3]) assert.deepEqual(await list(most), want.slice(0, most));
    },
  ),

  {
    promise: 'deletes, and deletes what is not there',
    run: async (store) => {
      await store.put('data/a', bytes('a'));
      await store.delete('data/a');
      await store.delete('data/a');
      await assert.rejects(store.get('data/a'), { code: 'E_OBJECT_NOT_FOUND' });
      assert.deepEqual(await keysOf(store, ''), []);
    },
  },

  ...each(
    ['../a', 'data/../../a', '/a', 'data//a', '', 'data/.tmp-x', 'a b'],
    (key) => `takes no key '${key}'`,
    async (store, key) => {
      await assert.rejects(store.put(key, bytes('x')), { code: 'E_INTERNAL' });
    },
  ),

  ...each(
    ['../', '/', 'data/../', 'data//', './'],
    (prefix) => `lists nothing below '${prefix}'`,
    async (store, prefix) => {
      await assert.rejects(keysOf(store, prefix), { code: 'E_INTERNAL' });
    },
  ),

  {
    promise: 'stops when it is told to',
    run: async (store) => {
      await store.put('data/kept', bytes('kept'));
      const signal = AbortSignal.abort();
      await assert.rejects(store.put('data/a', bytes('a'), { signal }), { code: 'E_ABORTED' });
      await assert.rejects(store.get('data/kept', { signal }), { code: 'E_ABORTED' });
      await assert.rejects(store.head('data/kept', { signal }), { code: 'E_ABORTED' });
      await assert.rejects(store.delete('data/kept', { signal }), { code: 'E_ABORTED' });
      const listing = store.list('', { signal })[Symbol.asyncIterator]();
      await assert.rejects(listing.next(), { code: 'E_ABORTED' });
      assert.deepEqual(await keysOf(store, ''), ['data/kept']);
    },
  },
];
