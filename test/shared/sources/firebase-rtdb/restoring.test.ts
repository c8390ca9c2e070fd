import { describe, expect, onTestFinished, vi } from 'vitest';
import { HoldfastError } from '../../../../shared/core/errors.ts';
import { KiB } from '../../../../shared/core/units.ts';
import { DEFAULT_CHUNKER } from '../../../../shared/format/repository-file.ts';
import { planRestore } from '../../../../shared/jobs/restore/restore.ts';
import { FirebaseConnection } from '../../../../shared/sources/firebase-rtdb/connection/connection.ts';
import { RateLimit } from '../../../../shared/sources/firebase-rtdb/restore/rate-limit.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { FirebaseServerOptions } from '../../../../tools/firebase-server/options.ts';
import { startFirebaseServer } from '../../../../tools/firebase-server/server.ts';
import { initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { turns } from '../../../support/repository/torture.ts';
import {
  backUpFirebase,
  exportedJson,
  firebaseTarget,
  newChildren,
  openTestDatabase,
  restoreFirebase,
  type TestDatabase,
} from '../../../support/sources/firebase.ts';

const it = turns(3);

// Two servers, a repository and worker threads: a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

const data = {
  characters: {
    alice: { name: 'Alice', inventory: { '0': 'key', '1': { kind: 'cake', '.priority': 2 } } },
    bob: { name: 'Bob', '.priority': 'later' },
    '.priority': 9,
  },
  /** Larger than a record: its children are the records. */
  world: { map: { ...newChildren(30, 8 * KiB, 1), '.priority': 5 }, name: 'Wonderland' },
  version: 3,
};

/** With servers of our own, which can be made to fail, and tell what they were asked. */
async function begin(options: FirebaseServerOptions = {}, held: unknown = null) {
  return fill(await startFirebaseServer(), await startFirebaseServer(options), held);
}

/** With what a real database can do too. */
async function beginAnywhere(held: unknown = null) {
  return fill(await openTestDatabase(), await openTestDatabase(), held);
}

async function fill<T extends TestDatabase>(from: TestDatabase, to: T, held: unknown) {
  const store = new MemoryStore();
  await initRepository(store, DEFAULT_CHUNKER);
  const repository = await openRepository(store);
  onTestFinished(async () => {
    for (const one of [from, to, repository]) await one[Symbol.asyncDispose]();
  });
  await from.set('/', data);
  await to.set('/', held);
  await backUpFirebase(repository, from.url);
  const restore = (given: Parameters<typeof restoreFirebase>[2] = {}, place = '') =>
    restoreFirebase(repository, to.url + place, given);
  return { from, to, repository, restore };
}

describe('a restore of one path', () => {
  it.each([
    ['a record', '/characters/alice'],
    ['a node inside of a record', '/characters/alice/inventory'],
    ['a value inside of a record', '/characters/alice/name'],
    ['a node whose children are records', '/world/map'],
    ['one of those', '/world/map/key0007'],
    ['a whole dataset', '/characters'],
    ['a value at the top', '/version'],
  ])('%s: to where it was, and to another place', async (_, path) => {
    const { from, to, repository, restore } = await beginAnywhere();
    const result = await restore({ path });
    expect(result.comparison).toMatchObject([{ equal: true }]);
    expect(await to.get(path)).toEqual(await from.get(path));
    await restore({ path, toPath: '/copies/one' });
    expect(await to.get('/copies/one')).toEqual(await from.get(path));
    await restore({ path }, '/another base');
    expect(await to.get(`/another base${path}`)).toEqual(await from.get(path));
    expect(await exportedJson(repository, path)).toEqual(await from.get(path));
  });

  it('replaces that path only', async () => {
    const held = { characters: { alice: { name: 'Wrong', age: 7 }, carol: { name: 'Carol' } }, other: 1 };
    const { from, to, restore } = await beginAnywhere(held);
    await expect(restore({ path: '/characters/alice' })).rejects.toMatchObject({
      code: 'E_TARGET_NOT_EMPTY',
      message: expect.stringMatching(/\/characters\/alice \(2 nodes\)/),
    });
    expect(await to.get('/')).toEqual(held);
    await restore({ path: '/characters/alice', replace: true });
    expect(await to.get('/')).toEqual({
      characters: { alice: await from.get('/characters/alice'), carol: held.characters.carol },
      other: 1,
    });
  });

  it('is not written below a value, whatever was asked for: that would overwrite it', async () => {
    const held = { notes: 'a text that nobody has elsewhere' };
    const { to, restore } = await beginAnywhere(held);
    for (const more of [{}, { replace: true }, { merge: true }])
      await expect(
        restore({ path: '/characters/alice', toPath: '/notes/deep/er', ...more }),
      ).rejects.toMatchObject({
        code: 'E_TARGET_NOT_EMPTY',
        message: expect.stringContaining('/notes holds a value'),
      });
    expect(await to.get('/')).toEqual(held);
  });

  it('of which the backup has nothing fails, and names it', async () => {
    const { restore } = await beginAnywhere();
    for (const path of ['/nowhere', '/characters/nobody', '/characters/alice/name/first'])
      await expect(restore({ path })).rejects.toMatchObject({
        code: 'E_NO_DATASET',
        message: `the backup has nothing at ${path}`,
      });
    await expect(restore({ path: '/a.b' })).rejects.toMatchObject({ code: 'E_USAGE' });
  });
});

describe('a restore of everything', () => {
  it('keeps what the backup has not with merge, and removes it with replace', async () => {
    const held = { characters: { alice: { age: 7 }, carol: { name: 'Carol' } }, other: 1 };
    const { from, to, restore } = await beginAnywhere(held);
    await expect(restore()).rejects.toMatchObject({ code: 'E_TARGET_NOT_EMPTY' });
    const merged = await restore({ merge: true });
    expect(merged.comparison.every(({ equal }) => equal)).toBe(true);
    const source = (await from.get('/')) as typeof data;
    expect(await to.get('/')).toEqual({
      ...source,
      characters: {
        ...source.characters,
        alice: { ...source.characters.alice, age: 7 },
        carol: held.characters.carol,
      },
      other: 1,
    });
    await restore({ replace: true });
    expect(await to.get('/')).toEqual(source);
    await expect(restore({ replace: true, merge: true })).rejects.toMatchObject({ code: 'E_USAGE' });
  });

  it('plans without writing: steps, counts, what is in the way', async () => {
    const { to, repository } = await begin({}, { other: 1 });
    const [key] = await repository.backupKeys(never);
    const plan = await planRestore(repository, key!, firebaseTarget(to.url), { signal: never });
    expect(plan).toMatchObject({
      conflicts: ['/ (1 node)'],
      datasets: [
        { name: 'characters', records: 3 },
        { name: 'version', records: 1 },
        { name: 'world', records: 32 },
      ],
      steps: [expect.stringContaining('36 records'), expect.stringContaining('compare')],
    });
    expect(await to.get('/')).toEqual({ other: 1 });
  });

  it('splits what the database takes not in one write, and names what it cannot split', async () => {
    const { from, to, restore } = await begin({ maxWriteBytes: 6 * KiB });
    await expect(restore({ path: '/characters' })).resolves.toBeDefined();
    await expect(restore({ datasets: ['world'] })).rejects.toMatchObject({
      code: 'E_SOURCE_FAILED',
      message: expect.stringMatching(/^\/world\/map\/key0000\/text: \d+ bytes are more than/),
    });
    const roomy = await begin({ maxWriteBytes: 20 * KiB });
    await roomy.restore();
    expect(await roomy.to.get('/')).toEqual(await from.get('/'));
    expect(to.stats.requests).toBeGreaterThan(0);
  });

  it('names a text with a priority that is more than one write may bring, and never writes the priority alone', async () => {
    const { from, to, repository } = await begin({ maxWriteBytes: 6 * KiB });
    await from.set('/', { n: { big: { '.value': 'x'.repeat(10 * KiB), '.priority': 2 } } });
    await backUpFirebase(repository, from.url);
    await expect(restoreFirebase(repository, to.url)).rejects.toMatchObject({
      code: 'E_SOURCE_FAILED',
      message: expect.stringMatching(/^\/n\/big: \d+ bytes are more than/),
    });
  });

  it('puts each priority where the database takes none by its path in a PATCH', async () => {
    const { from, to, restore } = await begin();
    to.fail({ kind: 'status', status: 400, match: /^PATCH \/world/, times: 1e9 });
    await expect(restore({ datasets: ['world'] })).rejects.toMatchObject({ code: 'E_SOURCE_FAILED' });
    const other = await begin();
    const ask = FirebaseConnection.prototype.ask;
    const refusing = vi.spyOn(FirebaseConnection.prototype, 'ask');
    refusing.mockImplementation(function (this: FirebaseConnection, given, ...rest) {
      if (given.method !== 'PATCH' || !given.body?.includes('/.priority"'))
        return ask.call(this, given, ...rest) as never;
      return Promise.reject(new HoldfastError('E_SOURCE_FAILED', 'Invalid path: Invalid token in path'));
    });
    onTestFinished(() => void refusing.mockRestore());
    await other.restore();
    expect(await other.to.get('/')).toEqual(await from.get('/'));
  });

  it('refuses what would be too deep, names it, and changes nothing', async () => {
    const { to, restore } = await begin();
    const toPath = Array.from({ length: 30 }, (_, i) => `level${i}`).join('/');
    await expect(restore({ path: '/characters', toPath })).rejects.toMatchObject({
      code: 'E_SOURCE_UNSUPPORTED',
      message: expect.stringMatching(/level29\/alice would have 34 levels; a database has 32 at most/),
    });
    expect(await to.get('/')).toBeNull();
  });

  it('goes on after an interruption, writing only what is not there, and ends equal', async () => {
    const { from, to, restore } = await begin();
    to.fail({ kind: 'status', status: 403, match: /PATCH \/world/ });
    await expect(restore({ jobs: 1 })).rejects.toMatchObject({ code: 'E_SOURCE_DENIED' });
    expect(await to.get('/')).not.toEqual(await from.get('/'));
    const patched = to.stats.byKind['patch'] ?? 0;
    const result = await restore({ resume: true });
    expect(result.comparison.every(({ equal }) => equal)).toBe(true);
    expect(await to.get('/')).toEqual(await from.get('/'));
    // The records, and then the priority of a node that has some of them.
    expect((to.stats.byKind['patch'] ?? 0) - patched).toBe(2);

    // Of a node whose children are records, and of a record, a part is there.
    await to.set('/world/map/key0003', null);
    await to.set('/characters/alice/name', null);
    await to.set('/world/map/.priority', null);
    await restore({ resume: true });
    expect(await to.get('/')).toEqual(await from.get('/'));

    await to.set('/world/map', newChildren(2, 8 * KiB, 1));
    await to.set('/characters/dora', 1);
    await expect(restore({ resume: true })).rejects.toMatchObject({
      code: 'E_TARGET_NOT_EMPTY',
      message: expect.stringContaining('/characters/dora'),
    });
    await restore({ resume: true, merge: true });
    await to.set('/characters/dora', null);
    expect(await to.get('/')).toEqual(await from.get('/'));
  });

  it('says how to go on when it is stopped', async () => {
    const { to, restore } = await begin();
    const stop = new AbortController();
    const running = restore({ signal: stop.signal, bytesPerSecond: 50_000, jobs: 1 });
    const wait = setInterval(() => to.stats.byKind['patch'] && stop.abort(), 5);
    await expect(running).rejects.toMatchObject({
      code: 'E_ABORTED',
      hint: expect.stringContaining('--resume'),
    });
    clearInterval(wait);
  });

  it('notices a target that changes under it', async () => {
    const { to, restore } = await begin();
    const changing = setInterval(() => {
      if (to.stats.byKind['patch']) void to.set('/characters/bob', { name: 'Bobby' });
    }, 1);
    await expect(restore()).rejects.toMatchObject({
      code: 'E_RESTORE_DIFFERS',
      message: expect.stringMatching(/characters \(1 records missing, 1 unexpected\)/),
    });
    clearInterval(changing);
  });

  it('writes no faster than it may', async () => {
    const { restore } = await begin();
    const reserve = vi.spyOn(RateLimit.prototype, 'reserve');
    await restore({ bytesPerSecond: 100_000 });
    const limits = new Set(reserve.mock.contexts);
    const writes = reserve.mock.calls.map(([bytes]) => bytes);
    reserve.mockRestore();
    // /characters and /world, one after the other by one limit.
    expect(writes).toHaveLength(2);
    expect(limits.size).toBe(1);
    // Both were let pass long before this time: the next starts at once, and the one after it by the rate given.
    const [limit] = limits as Set<RateLimit>;
    expect(limit!.reserve(50_000, 1e9)).toBe(0);
    expect(limit!.reserve(1, 1e9)).toBe(500);
  });

  it('leaves triggers and answers off, and sends no data twice', async () => {
    const asked: string[] = [];
    const { to, repository } = await begin();
    const original = to.stats;
    const [key] = await repository.backupKeys(never);
    const target = firebaseTarget(to.url);
    await planRestore(repository, key!, target, { signal: never });
    expect(original.byKind['patch']).toBeUndefined();
    to.fail({
      kind: 'slow',
      match: { test: (label: string) => asked.push(label) < 0 } as unknown as RegExp,
      times: 9999,
    });
    await restoreFirebase(repository, to.url);
    const writes = asked.filter((label) => /^(PATCH|PUT)/.test(label));
    expect(writes.length).toBeGreaterThan(1);
    for (const write of writes)
      expect(write).toMatch(/print=silent&disableTriggers=true&writeSizeLimit=unlimited/);
  });

  it('puts security rules back only when asked', async () => {
    const { from, to, repository, restore } = await begin();
    const rules = '{"rules": {".read": "auth.uid == \'me\'" /* mine */}}';
    const put = (url: string) => fetch(`${url}/.settings/rules.json`, { method: 'PUT', body: rules });
    const get = async (url: string) => (await fetch(`${url}/.settings/rules.json`)).text();
    await put(from.url);
    await backUpFirebase(repository, from.url);
    const { plan } = await restore();
    expect(plan.warnings.join()).toContain('--rules');
    expect(await get(to.url)).not.toBe(rules);
    await restore({ replace: true, rules: true });
    expect(await get(to.url)).toBe(rules);
  });
});
