import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, vi } from 'vitest';
import { KiB } from '../../../../shared/core/units.ts';
import { DEFAULT_CHUNKER } from '../../../../shared/format/repository-file.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { FirebaseServerOptions } from '../../../../tools/firebase-server/options.ts';
import { startFirebaseServer } from '../../../../tools/firebase-server/server.ts';
import { initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { turns } from '../../../support/repository/torture.ts';
import { backUpFirebase, newChildren, restoreFirebase } from '../../../support/sources/firebase.ts';
import { differenceOf, readWholeTree } from '../../../support/sources/firebase-plain-reader.ts';

const it = turns(6);

// Servers, a repository and worker threads: a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

async function begin(data: unknown, options: FirebaseServerOptions = {}) {
  const from = await startFirebaseServer(options);
  const store = new MemoryStore();
  await initRepository(store, DEFAULT_CHUNKER);
  const repository = await openRepository(store);
  onTestFinished(async () => {
    await from[Symbol.asyncDispose]();
    await repository[Symbol.asyncDispose]();
  });
  await from.set('/', data);
  const backUp = (given: Parameters<typeof backUpFirebase>[2] = {}) =>
    backUpFirebase(repository, from.url, given);
  /** Restores the newest backup into an empty database, and lets a reader that shares nothing with the source look. */
  const expectWhole = async () => {
    await using to = await startFirebaseServer();
    const { comparison } = await restoreFirebase(repository, to.url);
    expect(differenceOf(await readWholeTree(from.url), await readWholeTree(to.url))).toBeUndefined();
    expect(comparison.every(({ equal }) => equal)).toBe(true);
  };
  return { from, repository, backUp, expectWhole };
}

/** More than a node that comes in one request. */
const large = () => newChildren(30, 40 * KiB, 1);

describe('a backup holds all of', () => {
  it('a node with small children and texts that are larger than a page', async () => {
    const logs = {
      ...newChildren(700, 700, 1),
      m: { img: 'i'.repeat(3_500_000), of: 1 },
      zz: 'z'.repeat(3_200_000),
    };
    const { backUp, expectWhole } = await begin({ logs });
    await backUp();
    await expectWhole();
  });

  it.each([
    ['a text', 'archived'],
    ['a text that is long', 'x'.repeat(500 * KiB)],
    ['a value with a priority', { '.value': 'archived', '.priority': 7 }],
    ['a small object', { a: 1, b: { c: true } }],
    ['a small object with a priority', { a: 1, '.priority': 'p' }],
    ['another large object', newChildren(50, 30 * KiB, 2)],
    ['nothing', null],
  ])('a large child that became %s', async (_, value) => {
    const { from, backUp, expectWhole } = await begin({ n: { big: large(), other: large(), small: 1 } });
    await backUp();
    await from.set('/n/big', value);
    await backUp();
    await expectWhole();
    await backUp();
    await expectWhole();
  });

  it.each([
    ['/deep', 'gone'],
    ['/deep', { '.value': true, '.priority': 1 }],
    ['/deep', { now: 'small' }],
    ['/small', 42],
    ['/one/only', 'tiny'],
    ['/one', 'tiny'],
  ])('a top-level node of which little is left: %s is %j', async (place, value) => {
    const { from, backUp, expectWhole } = await begin({
      deep: { a: large(), b: large() },
      small: newChildren(4000, 200, 3),
      one: { only: large() },
    });
    await backUp();
    await from.set(place, value);
    await backUp();
    await expectWhole();
  });

  it('a top-level key that no URL can hold', async () => {
    const { from, repository, backUp } = await begin({ a: 1, 'x\ud800y': { b: 'c', 'd\udc00': large() } });
    const { records } = await backUp();
    expect(records).toBe(32);
    await from.set('/a', 2);
    expect(await backUp()).toMatchObject({ records });
    const [key] = await repository.backupKeys(never);
    expect(await repository.readManifest(key!, never)).toMatchObject({ totals: { records } });
  });
});

describe('ETags', () => {
  const flags = { u1: true, u2: true, u3: true };

  it.each<[string, FirebaseServerOptions]>([
    ['hashes of the answer', { etagOf: 'answer', etagOfShallow: 'answer', etagOfSilent: 'none' }],
    ['of the place alone', { etagOf: 'place', etagOfShallow: 'place', etagOfSilent: 'place' }],
    ['the same with another priority', { etagCountsPriorities: false }],
  ])('are not believed where they are %s', async (_, options) => {
    const data = { flags, posts: { ...newChildren(100, 10 * KiB, 1), p: { x: 1, '.priority': 1 } } };
    const { from, repository, backUp, expectWhole } = await begin(data, options);
    await backUp();
    await expectWhole();
    await from.set('/posts/key0050/text', 'changed');
    await from.set('/posts/p', { x: 1, '.priority': 2 });
    await backUp();
    await expectWhole();
    await from.set('/posts/p', { x: 1, '.priority': 3 });
    const { key } = await backUp();
    await expectWhole();
    expect(await repository.readManifest(key, never)).toMatchObject({ consistency: 'per-subtree' });
  });
});

/** Of which the keys alone are more than is read of an answer that is asked for its ETag. */
const withLongKeys = () =>
  Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`${i}`.padStart(600, 'k'), { of: i }]));

describe('an answer without data that is large itself', () => {
  it.each([
    ['a long text with a priority', { '.value': 't'.repeat(2_500_000), '.priority': 3 }],
    ['very long keys', withLongKeys()],
  ])('keeps no backup from being made: %s', async (_, value) => {
    const { backUp, expectWhole } = await begin({ n: value }, { etagOfSilent: 'none' });
    await backUp();
    await expectWhole();
    await backUp();
    await expectWhole();
  });
});

describe('ETags that stand for the data', () => {
  it.each<[string, FirebaseServerOptions]>([
    ['of silent reads', {}],
    ['of shallow reads', { etagOfSilent: 'none' }],
  ])('are believed where all records are flat: %s', async (_, options) => {
    const data = { posts: newChildren(100, 10 * KiB, 1), flags: { u1: true } };
    const { from, backUp, expectWhole } = await begin(data, options);
    const { plainBytes } = await backUp();
    await from.set('/posts/key0050/text', 'changed');
    expect((await backUp()).cost?.readBytes).toBeLessThan(plainBytes / 10);
    await expectWhole();
  });
});

describe('ETags that are another thing than they were', () => {
  it('or than they seemed: what was taken on their word is read after all', async () => {
    const data = { a: { x: { y: 1 } }, b: { x: { y: 1 } } };
    const { from, backUp, expectWhole } = await begin(data, { etagCountsPriorities: false });
    await backUp();
    // The ETag of the first stays as it was: only the second shows that there are priorities now.
    await from.set('/a/x', { y: 1, '.priority': 1 });
    await from.set('/b/x', { y: 2, '.priority': 1 });
    expect((await backUp()).cost).toMatchObject({ skippedBytes: 0 });
    await expectWhole();
  });

  it('are believed no more, and nothing that changed since is missed', async () => {
    const data = { flags: { u1: true }, posts: newChildren(60, 10 * KiB, 1), n: { a: { b: { c: 1 } } } };
    const store = new MemoryStore();
    await initRepository(store, DEFAULT_CHUNKER);
    await using repository = await openRepository(store);
    let port = 0;
    /** A server at the same place, which makes ETags in its own way. */
    const backUp = async (etags: FirebaseServerOptions, change: unknown) => {
      await using from = await startFirebaseServer({ port, ...etags });
      port = Number(new URL(from.url).port);
      await from.set('/', data);
      await from.set('/posts/key0030/text', change);
      const { cost } = await backUpFirebase(repository, from.url);
      await using to = await startFirebaseServer();
      await restoreFirebase(repository, to.url);
      expect(differenceOf(await readWholeTree(from.url), await readWholeTree(to.url))).toBeUndefined();
      return cost?.skippedBytes ?? 0;
    };
    const ofThePlace = { etagOf: 'place', etagWithoutBody: 'place' } as const;
    expect(await backUp({}, 'one')).toBe(0);
    expect(await backUp({}, 'two')).toBeGreaterThan(0);
    await backUp(ofThePlace, 'two');
    expect(await backUp(ofThePlace, 'three')).toBe(0);
    expect(await backUp({}, 'three')).toBe(0);
    expect(await backUp({}, 'four')).toBeGreaterThan(0);
  });
});

describe('what is kept of ETags', () => {
  it('makes no backup suspect when it is gone', async () => {
    const { from, backUp } = await begin({ a: 1, posts: newChildren(40, 20 * KiB, 1) });
    await backUp();
    await from.set('/posts', 5);
    expect(await backUp()).toMatchObject({ suspect: undefined });
  });
});

describe('pages of children', () => {
  it.each<[string, (query: URLSearchParams) => void]>([
    [
      'that begin after the key in quotes, as if they were a part of it',
      (query) => {
        const after = query.get('startAfter');
        if (after !== null) query.set('startAfter', JSON.stringify(after));
      },
    ],
    ['that ignore where to begin', (query) => query.delete('startAfter')],
    ['that bring less than was asked for', (query) => query.set('limitToFirst', '7')],
  ])('%s leave nothing out', async (_, spoil) => {
    const numbers = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [i, 'n'.repeat(600)]));
    await using from = await startFirebaseServer();
    await from.set('/', { numbers, mixed: { ...newChildren(300, 700, 1), ...numbers } });
    await using proxy = await startSpoilingProxy(from.url, spoil);
    const store = new MemoryStore();
    await initRepository(store, DEFAULT_CHUNKER);
    await using repository = await openRepository(store);
    await backUpFirebase(repository, proxy.url);
    await using to = await startFirebaseServer();
    await restoreFirebase(repository, to.url);
    expect(differenceOf(await readWholeTree(from.url), await readWholeTree(to.url))).toBeUndefined();
  });
});

/** Stands before a server and changes the queries of pages. */
async function startSpoilingProxy(url: string, spoil: (query: URLSearchParams) => void) {
  const server = createServer(async (request, response) => {
    const place = new URL(request.url ?? '/', url);
    if (place.searchParams.has('orderBy')) spoil(place.searchParams);
    const answer = await fetch(place);
    response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('keys of a node that is too large to be listed at once', () => {
  const limits = { maxResponseBytes: 2 * KiB, pagedQueryLimitChildren: 1 };
  const numbers = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [i * 7, { n: i }]));

  it.each<[string, FirebaseServerOptions]>([
    ['as it stands', { shallowStartAfter: 'literal' }],
    ['in quotes', { shallowStartAfter: 'quoted' }],
  ])('are listed in parts where the server takes startAfter %s', async (_, options) => {
    const data = {
      posts: newChildren(1200, 40, 1),
      numbers,
      mixed: { ...newChildren(900, 40, 2), ...numbers },
    };
    const { repository, from, backUp } = await begin(data, { ...limits, ...options });
    await backUp();
    await using to = await startFirebaseServer();
    await using witness = await startFirebaseServer();
    await witness.set('/', await from.get('/'));
    await restoreFirebase(repository, to.url);
    expect(differenceOf(await readWholeTree(witness.url), await readWholeTree(to.url))).toBeUndefined();
  });

  it('fail the backup, and name the node, where shallow takes no other parameter', async () => {
    const { backUp } = await begin({ posts: newChildren(300, 40, 1) }, { ...limits, shallowAlone: true });
    await expect(backUp()).rejects.toMatchObject({
      code: 'E_SOURCE_FAILED',
      message: expect.stringContaining('/posts'),
    });
  });

  it('are not needed where one listing brings them, or pages do', async () => {
    const data = { posts: newChildren(300, 2 * KiB, 1) };
    const options = { maxResponseBytes: 64 * KiB, pagedQueryLimitChildren: 1, shallowAlone: true };
    const { backUp, repository, from } = await begin(data, options);
    await backUp();
    await using to = await startFirebaseServer();
    await restoreFirebase(repository, to.url);
    expect(await to.get('/')).toEqual(await from.get('/'));
  });
});
