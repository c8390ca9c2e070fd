import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../shared/store/object-store.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/**
 * What every store must do. A new store is done when this passes on it; a bug found in one
 * store becomes a test here, so that the others are asked the same question.
 */
export function describeObjectStore(name: string, openEmpty: () => Promise<ObjectStore>): void {
  describe(`ObjectStore contract: ${name}`, () => {
    let store: ObjectStore;
    beforeEach(async () => {
      store = await openEmpty();
    });
    const keysOf = async (prefix: string) => {
      const keys = [];
      for await (const { key } of store.list(prefix)) keys.push(key);
      return keys;
    };

    it.each([0, 1, 4096, 3_000_000])('returns the %i bytes that were put', async (sizeBytes) => {
      const body = new Uint8Array(sizeBytes).fill(7);
      await store.put('data/a', body);
      expect(Buffer.compare(await store.get('data/a'), body)).toBe(0);
      expect(await store.head('data/a')).toMatchObject({ key: 'data/a', sizeBytes });
    });

    it('keeps what was put when the caller changes its buffer afterwards', async () => {
      const body = bytes('first');
      await store.put('data/a', body);
      body.fill(0);
      expect(Buffer.from(await store.get('data/a')).toString()).toBe('first');
    });

    it('stores a view of a larger buffer, and gives the same back to many readers', async () => {
      await store.put('data/a', bytes('..view..').subarray(2, 6));
      const reads = Array.from({ length: 20 }, () => store.get('data/a'));
      expect((await Promise.all(reads)).map((body) => Buffer.from(body).toString())).toEqual(
        Array(20).fill('view'),
      );
    });

    it('gives a digest of what it holds, or none', async () => {
      const sha256 = createHash('sha256').update('body').digest('hex');
      await store.put('data/a', bytes('body'), { sha256 });
      expect([sha256, undefined]).toContain((await store.head('data/a')).sha256);
    });

    it('refuses a second put and keeps the first body', async () => {
      await store.put('data/a', bytes('first'));
      await expect(store.put('data/a', bytes('second'))).rejects.toMatchObject({ code: 'E_OBJECT_EXISTS' });
      expect(Buffer.from(await store.get('data/a')).toString()).toBe('first');
    });

    it('lets exactly one of many writers of a key win', async () => {
      const texts = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
      const settled = await Promise.allSettled(texts.map((text) => store.put('data/raced', bytes(text))));
      const won = settled.flatMap((result, i) => (result.status === 'fulfilled' ? [texts[i]] : []));
      expect(won).toHaveLength(1);
      expect(Buffer.from(await store.get('data/raced')).toString()).toBe(won[0]);
    });

    it.each([
      { offsetBytes: 0, lengthBytes: 5, want: 'hello' },
      { offsetBytes: 6, lengthBytes: 5, want: 'world' },
      { offsetBytes: 11, lengthBytes: 0, want: '' },
    ])('reads $lengthBytes bytes at $offsetBytes', async ({ want, ...range }) => {
      await store.put('data/a', bytes('hello world'));
      expect(Buffer.from(await store.get('data/a', { range })).toString()).toBe(want);
    });

    it.each([
      { offsetBytes: 3, lengthBytes: 3 },
      { offsetBytes: 5, lengthBytes: 1 },
      { offsetBytes: 9, lengthBytes: 0 },
    ])(
      'rejects the range of $lengthBytes bytes at $offsetBytes of five and never reads short',
      async (range) => {
        await store.put('data/a', bytes('hello'));
        await expect(store.get('data/a', { range })).rejects.toMatchObject({ code: 'E_RANGE' });
      },
    );

    it('says that an object is not there', async () => {
      await expect(store.get('data/none')).rejects.toMatchObject({ code: 'E_OBJECT_NOT_FOUND' });
      await expect(store.head('data/none')).rejects.toMatchObject({ code: 'E_OBJECT_NOT_FOUND' });
    });

    it('holds no object where other keys go on', async () => {
      await store.put('data/a/b', bytes('b'));
      for (const key of ['data', 'data/a']) {
        await expect(store.get(key)).rejects.toMatchObject({ code: 'E_OBJECT_NOT_FOUND' });
        await expect(store.head(key)).rejects.toMatchObject({ code: 'E_OBJECT_NOT_FOUND' });
      }
      await store.put('data/ab', bytes('b'));
      await expect(store.get('data/ab/c')).rejects.toMatchObject({ code: 'E_OBJECT_NOT_FOUND' });
    });

    it('lists a prefix in key order, objects of a few minutes at most', async () => {
      for (const key of ['data/b', 'keys/z', 'data/a0', 'data/a-b', 'data/a/c', 'data/ab'])
        await store.put(key, bytes(key));
      expect(await keysOf('data/')).toEqual(['data/a-b', 'data/a/c', 'data/a0', 'data/ab', 'data/b']);
      expect(await keysOf('data/a')).toEqual(['data/a-b', 'data/a/c', 'data/a0', 'data/ab']);
      expect(await keysOf('none/')).toEqual([]);
      for await (const { modifiedAt, sizeBytes, key } of store.list('')) {
        expect(Math.abs(Date.now() - modifiedAt.getTime())).toBeLessThan(300_000);
        expect(sizeBytes).toBe(key.length);
      }
    });

    it('lists more objects than fit one page', async () => {
      const keys = Array.from({ length: 1100 }, (_, i) => `data/${String(i).padStart(5, '0')}`);
      for (let i = 0; i < keys.length; i += 50) {
        await Promise.all(keys.slice(i, i + 50).map((key) => store.put(key, bytes('x'))));
      }
      expect(await keysOf('data/')).toEqual(keys);
    });

    it.each([
      { after: 'data/', want: ['data/a-b', 'data/a/c', 'data/a/d', 'data/a0', 'data/b'] },
      { after: 'data/a', want: ['data/a-b', 'data/a/c', 'data/a/d', 'data/a0', 'data/b'] },
      { after: 'data/a-b', want: ['data/a/c', 'data/a/d', 'data/a0', 'data/b'] },
      { after: 'data/a/c', want: ['data/a/d', 'data/a0', 'data/b'] },
      { after: 'data/a/c~', want: ['data/a/d', 'data/a0', 'data/b'] },
      { after: 'data/a/~', want: ['data/a0', 'data/b'] },
      { after: 'data/b', want: [] },
      { after: 'zzz', want: [] },
      { after: 'aaa', want: ['data/a-b', 'data/a/c', 'data/a/d', 'data/a0', 'data/b'] },
    ])('lists what comes after $after, as much as is asked for', async ({ after, want }) => {
      for (const key of ['keys/z', 'data/b', 'data/a0', 'data/a-b', 'data/a/c', 'data/a/d', 'aa'])
        await store.put(key, bytes('x'));
      const list = async (most?: number) =>
        (await Array.fromAsync(store.list('data/', { after, most }))).map(({ key }) => key);
      expect(await list()).toEqual(want);
      for (const most of [1, 2, 3]) expect(await list(most)).toEqual(want.slice(0, most));
    });

    it('deletes, and deletes what is not there', async () => {
      await store.put('data/a', bytes('a'));
      await store.delete('data/a');
      await store.delete('data/a');
      await expect(store.get('data/a')).rejects.toMatchObject({ code: 'E_OBJECT_NOT_FOUND' });
      expect(await keysOf('')).toEqual([]);
    });

    it.each(['../a', 'data/../../a', '/a', 'data//a', '', 'data/.tmp-x', 'a b'])(
      'takes no key %o',
      async (key) => {
        await expect(store.put(key, bytes('x'))).rejects.toMatchObject({ code: 'E_INTERNAL' });
      },
    );

    it.each(['../', '/', 'data/../', 'data//', './'])('lists nothing below %o', async (prefix) => {
      await expect(keysOf(prefix)).rejects.toMatchObject({ code: 'E_INTERNAL' });
    });

    it('stops when it is told to', async () => {
      await store.put('data/kept', bytes('kept'));
      const signal = AbortSignal.abort();
      await expect(store.put('data/a', bytes('a'), { signal })).rejects.toMatchObject({ code: 'E_ABORTED' });
      await expect(store.get('data/kept', { signal })).rejects.toMatchObject({ code: 'E_ABORTED' });
      await expect(store.head('data/kept', { signal })).rejects.toMatchObject({ code: 'E_ABORTED' });
      await expect(store.delete('data/kept', { signal })).rejects.toMatchObject({ code: 'E_ABORTED' });
      const listing = store.list('', { signal })[Symbol.asyncIterator]();
      await expect(listing.next()).rejects.toMatchObject({ code: 'E_ABORTED' });
      expect(await keysOf('')).toEqual(['data/kept']);
    });
  });
}
