import { describe, expect, onTestFinished, vi } from 'vitest';
import { KiB, MiB } from '../../../../shared/core/units.ts';
import { packKey } from '../../../../shared/format/pack.ts';
import { DEFAULT_CHUNKER } from '../../../../shared/format/repository-file.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import type { Source } from '../../../../shared/sources/source.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { FirebaseServerOptions } from '../../../../tools/firebase-server/options.ts';
import { startFirebaseServer } from '../../../../tools/firebase-server/server.ts';
import { initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { listedPacks } from '../../../support/repository/listed.ts';
import { turns } from '../../../support/repository/torture.ts';
import {
  backUpFirebase,
  exportedJson,
  firebaseSource,
  newChildren,
  oddData,
} from '../../../support/sources/firebase.ts';

const it = turns(6);

// Two servers, a repository and worker threads: a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

async function begin(options: FirebaseServerOptions = {}) {
  const server = await startFirebaseServer(options);
  const store = new MemoryStore();
  await initRepository(store, DEFAULT_CHUNKER);
  const repository = await openRepository(store);
  onTestFinished(async () => {
    await server[Symbol.asyncDispose]();
    await repository[Symbol.asyncDispose]();
  });
  const { url } = server;
  const backUp = (given: Parameters<typeof backUpFirebase>[2] = {}) => backUpFirebase(repository, url, given);
  return { server, store, repository, url, backUp };
}

/** Two nodes with large children, one with small ones, and a child larger than a record. */
function mixedData() {
  return {
    posts: newChildren(200, 5 * KiB, 1),
    pictures: newChildren(100, 20 * KiB, 2),
    presence: newChildren(4000, 100, 3),
    archive: { '2025': newChildren(60, 20 * KiB, 4), '2026': { '.priority': 3, ...newChildren(10, 100, 5) } },
    version: 7,
  };
}

describe('a backup of a Firebase database', () => {
  it.each([
    ['answers of 32 KiB at most', { maxResponseBytes: 32 * KiB }],
    [
      'answers of 64 KiB at most, refused with 413',
      { maxResponseBytes: 64 * KiB, tooBigStatus: 413 as const },
    ],
    ['no paged queries on larger nodes', { maxResponseBytes: 256 * KiB, pagedQueryLimitChildren: 100 }],
    [
      'neither listings nor paged queries of larger nodes',
      { maxResponseBytes: 8 * KiB, pagedQueryLimitChildren: 1 },
    ],
  ])('reads nodes that are too large for one request: %s', async (_, options) => {
    const { server, repository, backUp } = await begin(options);
    const { pictures, ...data } = mixedData();
    const small = {
      ...data,
      posts: newChildren(12, 6 * KiB, 1),
      presence: newChildren(700, 60, 3),
      archive: { '2025': newChildren(15, 5 * KiB, 4) },
    };
    await server.set('/', { ...small, odd: (({ long, ...odd }) => odd)(oddData() as { long: unknown }) });
    await backUp();
    expect(await exportedJson(repository)).toEqual(await server.get('/'));
  });

  it('reads less than 1 % again where nothing changed, less than 5 % and stores little where 1 % did', async () => {
    const { server, repository, backUp } = await begin();
    await server.set('/', mixedData());
    const first = await backUp();
    expect(first.cost).toMatchObject({ skippedBytes: 0 });

    const unchanged = await backUp();
    expect(unchanged).toMatchObject({ records: first.records, plainBytes: first.plainBytes });
    expect(unchanged.storedBytes).toBeLessThan(first.storedBytes / 20);
    expect(unchanged.cost!.readBytes).toBeLessThan(first.plainBytes / 100);
    expect(unchanged.cost!.skippedBytes).toBe(first.plainBytes);

    await server.set('/posts/key0007/text', 'changed');
    await server.set('/posts/key0123/text', 'changed');
    await server.set('/pictures/key0055/text', 'changed');
    await server.set('/archive/2025/key0033/text', 'changed');
    const changed = await backUp();
    expect(changed.cost!.readBytes).toBeLessThan(first.plainBytes / 20);
    expect(changed.storedBytes).toBeLessThan(first.storedBytes / 20);
    expect(await exportedJson(repository)).toEqual(await server.get('/'));

    const whole = await backUp({ fullRead: true });
    expect(whole.cost!.readBytes).toBeGreaterThan(first.plainBytes);
    expect(whole.storedBytes).toBeLessThan(first.storedBytes / 20);
  });

  it.each(['answer', 'none'] as const)(
    'reads everything where ETags without data do not stand for the data (%s)',
    async (etagWithoutBody) => {
      const { server, repository, backUp } = await begin({ etagWithoutBody });
      const { posts, version } = mixedData();
      await server.set('/', { posts, version, flat: { a: 1, b: { c: 2 } } });
      const first = await backUp();
      await server.set('/posts/key0007/text', 'changed');
      await server.set('/flat/b/c', 3);
      const second = await backUp();
      expect(second.cost).toMatchObject({ skippedBytes: 0 });
      expect(await exportedJson(repository)).toEqual(await server.get('/'));
      for (const { key } of [first, second])
        expect(await repository.readManifest(key, never)).toMatchObject({ consistency: 'per-subtree' });
    },
  );

  it('takes nothing from a last backup that cannot be read', async () => {
    const { server, store, repository, backUp } = await begin();
    await server.set('/', mixedData());
    const { key } = await backUp();
    await server.set('/posts/key0007/text', 'changed');
    const packs = await listedPacks(repository, key);
    const data = packs.filter((pack) => pack.key?.purpose === 'data');
    for (const { id } of data) await store.delete(packKey(id as never));
    const made = await backUp();
    expect(made.parent).toBe(key);
    expect(await exportedJson(repository)).toEqual(await server.get('/'));
    const again = await backUp();
    expect(again.storedBytes).toBeLessThan(made.storedBytes / 20);
    expect(again.cost!.readBytes).toBeLessThan(again.plainBytes / 100);
  });

  it('says atomic where nothing changed meanwhile, and per-subtree with its window where something did', async () => {
    const { server, repository, url, backUp } = await begin();
    await server.set('/', mixedData());
    const { key } = await backUp();
    expect(await repository.readManifest(key, never)).toMatchObject({ consistency: 'atomic' });

    await using view = await firebaseSource(url).open(never);
    let blocks = 0;
    for (const dataset of view.datasets)
      for await (const _ of view.read(dataset, dataset.partitions[0]!, never))
        if (dataset.name === 'posts' && blocks++ === 0) await server.set('/posts/key0001/text', 'changed');
    await view.check(never);
    expect(view.consistency).toBe('per-subtree');
    expect(view.window!.to.getTime()).toBeGreaterThanOrEqual(view.window!.from.getTime());
    const changed = await view.changed!(never);
    expect(changed.map(({ dataset }) => dataset.name)).toEqual(['posts']);
  });

  it('leaves out a child that is removed after its key was listed', async () => {
    const { server, url } = await begin();
    await server.set('/', { posts: newChildren(100, 5 * KiB, 1) });
    await using view = await firebaseSource(url).open(never);
    const posts = view.datasets.find(({ name }) => name === 'posts')!;
    let text = '';
    for await (const block of view.read(posts, posts.partitions[0]!, never)) {
      await server.set('/posts/key0099', null);
      text += Buffer.from(block).toString();
    }
    expect(text.trimEnd().split('\n')).toHaveLength(99);
    expect(text).not.toContain('key0099');
  });

  it('is not called atomic where a node was read in a state that it had only meanwhile', async () => {
    const { server, url } = await begin();
    await server.set('/', { a: { state: 'before', deeper: { than: 'that' } }, b: { x: 1 } });
    await using view = await firebaseSource(url).open(never);
    await server.set('/a/state', 'meanwhile');
    for (const dataset of view.datasets)
      for (const partition of dataset.partitions) await Array.fromAsync(view.read(dataset, partition, never));
    await server.set('/a/state', 'before');
    await view.check(never);
    expect(view.consistency).toBe('per-subtree');
  });

  it('reads again what changed while it was read, three times at most', async () => {
    const { server, url, repository } = await begin();
    await server.set('/', mixedData());
    let version = 0;
    let hasStopped = false;
    const source = firebaseSource(url);
    const changing: Source = {
      kind: source.kind,
      name: source.name,
      capabilities: source.capabilities,
      open: async (signal: AbortSignal) => {
        const view = await source.open(signal);
        return new Proxy(view, {
          get: (target, name) => {
            const value = Reflect.get(target, name, target);
            if (name !== 'read') return typeof value === 'function' ? value.bind(target) : value;
            return async function* (...args: Parameters<typeof view.read>) {
              for await (const block of view.read(...args)) {
                if (!hasStopped && args[0].name === 'posts')
                  await server.set('/posts/key0000/text', `v${version++}`);
                yield block;
              }
            };
          },
        });
      },
    };
    const reads = () => server.stats.byKind['read'] ?? 0;
    const before = reads();
    const made = await runBackup(repository, changing, { signal: never });
    expect(reads() - before).toBeGreaterThan(3 * 200);
    expect(await repository.readManifest(made.key, never)).toMatchObject({ consistency: 'per-subtree' });
    hasStopped = true;
    const calm = await runBackup(repository, changing, { signal: never });
    expect(await repository.readManifest(calm.key, never)).toMatchObject({ consistency: 'atomic' });
    expect(await exportedJson(repository)).toEqual(await server.get('/'));
  });

  it.each([
    ['a value', 'just text'],
    ['a value with a priority', { '.value': 3, '.priority': 1 }],
  ])('of which the root is %s', async (_, value) => {
    const { server, repository, backUp } = await begin();
    await server.set('/', value);
    await backUp();
    expect(await exportedJson(repository)).toEqual(await server.get('/'));
  });

  it('takes the whole for one dataset where there are very many top-level nodes', async () => {
    const { server, repository, backUp } = await begin();
    await server.set('/', { ...newChildren(2010, 20, 1), '.priority': 2 });
    const made = await backUp();
    expect(made).toMatchObject({ datasets: 1, records: 2011 });
    expect(await exportedJson(repository)).toEqual(await server.get('/'));
    expect(await exportedJson(repository, '/key0007')).toEqual(await server.get('/key0007'));
  });

  it('of a node alone, named in the URL', async () => {
    const { server, repository, url } = await begin();
    await server.set('/', mixedData());
    const made = await backUpFirebase(repository, `${url}/archive`);
    expect(made.source.name).toBe(`${url}/archive`);
    expect(made.omitted.join()).toContain('Security rules');
    expect(await exportedJson(repository)).toEqual(await server.get('/archive'));
  });
});

describe('what is never taken for a backup', () => {
  const good = {
    tokens: ['good'],
    expiredTokens: ['old'],
    namespaces: ['shop'],
    elsewhere: { far: 'https://far.europe-west1.firebasedatabase.app' },
  };
  it.each([
    ['no login', '', 'E_SOURCE_DENIED', 'Permission denied'],
    ['a wrong login', '?access_token=guess', 'E_SOURCE_REFUSED', 'Unauthorized'],
    ['an expired login', '?auth=old', 'E_SOURCE_REFUSED', 'expired'],
    ['another namespace', '?auth=good&ns=shpo', 'E_SOURCE_REFUSED', '404'],
    ['a database of another region', '?auth=good&ns=far', 'E_SOURCE_REFUSED', 'different region'],
    ['an empty database', '?auth=good', 'E_EMPTY_READ', 'holds nothing'],
    ['an empty path', '/nowhere?auth=good', 'E_EMPTY_READ', 'holds nothing'],
  ])('%s', async (_, rest, code, message) => {
    const { url, repository } = await begin(good);
    const failed = backUpFirebase(repository, url + rest);
    await expect(failed).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
      hint: expect.any(String),
    });
    await failed.catch((error: Error) =>
      expect(JSON.stringify([error.message, error])).not.toMatch(/good|guess/),
    );
    expect(await repository.backupKeys(never)).toEqual([]);
  });

  it('gives the URL that the server names for a database in another region', async () => {
    const { url, repository } = await begin(good);
    await expect(backUpFirebase(repository, `${url}?auth=good&ns=far`)).rejects.toMatchObject({
      hint: 'The server says that its URL is https://far.europe-west1.firebasedatabase.app: use that one.',
    });
  });

  it.each(['truncate', 'invalid-json', 'drop'] as const)('an answer that is spoilt (%s)', async (kind) => {
    const { server, repository, url } = await begin();
    await server.set('/', { a: newChildren(50, 1000, 1) });
    const source = { firstPauseMs: 1 };
    server.fail({ kind, times: 2, match: /GET \/a\.json\?format=export/ });
    await backUpFirebase(repository, url, { source });
    expect(await exportedJson(repository)).toEqual(await server.get('/'));
    const [kept] = await repository.backupKeys(never);
    server.fail({ kind, times: 1000, match: /GET \/a\.json/ });
    await expect(backUpFirebase(repository, url, { fullRead: true, source })).rejects.toMatchObject({
      code: 'E_SOURCE_LOST',
      message: expect.stringContaining('/a'),
    });
    expect(await repository.backupKeys(never)).toEqual([kept]);
  });

  it.each([429, 500, 503])('a refusal that lasts (%i), while one that passes is sat out', async (status) => {
    const { server, repository, url } = await begin();
    await server.set('/', { a: 1 });
    const source = { firstPauseMs: 1 };
    server.fail({ kind: 'status', status, times: 3 });
    await backUpFirebase(repository, url, { source });
    server.fail({ kind: 'status', status, times: 1000 });
    await expect(backUpFirebase(repository, url, { source })).rejects.toMatchObject({
      code: 'E_SOURCE_UNREACHABLE',
      message: expect.stringContaining(`HTTP ${status}`),
    });
  });

  it('a node that is there and gives nothing', async () => {
    const { server, url } = await begin();
    await server.set('/', { a: 1, b: 2 });
    await using view = await firebaseSource(url).open(never);
    const a = view.datasets.find(({ name }) => name === 'a')!;
    await server.set('/a', null);
    // Gone meanwhile: that is no failure.
    expect(await Array.fromAsync(view.read(a, a.partitions[0]!, never))).toEqual([]);
  });
});

describe('security rules', () => {
  it('are saved as they are written', async () => {
    const { server, url, repository, backUp } = await begin();
    await server.set('/', { a: 1 });
    const text = '{\n  // who may read\n  "rules": { ".read": "auth != null", ".write": false }\n}';
    await fetch(`${url}/.settings/rules.json`, { method: 'PUT', body: text });
    const { key } = await backUp();
    const reader = await repository.openBackup(key, never);
    const blocks = await Array.fromAsync(reader.read(reader.root('.settings/rules', '0'), { signal: never }));
    expect(Buffer.concat(blocks).toString()).toBe(`${text}\n`);
  });
});

it('reads are small whatever a database holds: a large node is read in parts', async () => {
  const { server, backUp } = await begin();
  await server.set('/', { large: newChildren(30, MiB / 16, 1) });
  await backUp();
  expect(server.stats.byKind['read']).toBeGreaterThan(20);
});
