import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { restoreBackup } from '../../../shared/jobs/restore/restore.ts';
import { listBackups } from '../../../shared/jobs/status/list.ts';
import { readStatus } from '../../../shared/jobs/status/status.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { FilesTarget } from '../../../shared/sources/files/target.ts';
import { FolderStore } from '../../../shared/store/folder-store.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { RetryingStore } from '../../../shared/store/retrying-store.ts';
import { S3Store } from '../../../shared/store/s3-store.ts';
import { newBucket, rgwOptions } from '../../support/aws/ceph-rgw.ts';
import { describeWithPart } from '../../support/parts.ts';
import {
  backUp,
  digests,
  digestsOf,
  initRepository,
  never,
  openCheaply,
} from '../../support/repository/engine.ts';
import { seededRandom, seededRows } from '../../support/repository/rows.ts';
import { cases, isTorture, sample, testSeed, tortureTimeoutMs } from '../../support/repository/torture.ts';
import { contentsOf } from '../../support/stores/copy-store.ts';
import { type FaultyProxy, faultyProxy, type ProxyFault } from '../../support/stores/faulty-proxy.ts';
import { StaleStore } from '../../support/stores/stale-store.ts';
import { newFolder } from '../../support/temporary.ts';

const run = promisify(execFile);
const rows = seededRows(2000, 1);
const first = { 'pre-data': 'create table t ();\n', t: rows.join('') };
const second = {
  ...first,
  t: rows.map((row, i) => (i % 30 === 0 ? row.replace('\t', '\tnew ') : row)).join(''),
};

/** Everything that is listed is whole, down to the last byte. */
async function expectListedWhole(store: ObjectStore, count: number): Promise<void> {
  await using repository = await openCheaply(store);
  const keys = await repository.backupKeys(never);
  expect(keys).toHaveLength(count);
  const { findings } = await verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: never });
  expect(findings).toEqual([]);
}

describeWithPart('ceph-rgw', 'an S3 store', () => {
  /** The bucket through a proxy, as it is opened in earnest, but for shorter waits. */
  async function through(bucket: string, choose: Parameters<typeof faultyProxy>[1]) {
    const proxy = await faultyProxy(inject('rgwEndpoint'), choose);
    onTestFinished(() => proxy[Symbol.asyncDispose]());
    const direct = new S3Store({ ...rgwOptions(bucket), endpoint: proxy.endpoint, socketTimeoutMs: 1000 });
    return { proxy, store: new RetryingStore(direct, { firstDelayMs: 1 }) };
  }

  const FAULTS: readonly ProxyFault[] = [
    'slow-down',
    'error',
    'reset-request',
    'reset-answer',
    'stall',
    'drip',
  ];

  it.each(isTorture ? [...FAULTS, 'all' as const] : sample(['stall', 'all'] as const, 1))(
    'with many a fault (%s) takes backups and gives them back, and does nothing more often than it failed',
    async (kind) => {
      for (let round = 0; round < cases(1, 1, 20); round++) {
        const bucket = await newBucket();
        const random = seededRandom(testSeed + round);
        const choose = () =>
          random() < (kind === 'stall' ? 0.1 : 0.25)
            ? kind === 'all'
              ? FAULTS[Math.floor(random() * 6)]
              : kind
            : undefined;
        const { proxy, store } = await through(bucket, choose);
        await initRepository(store);
        await using repository = await openCheaply(store);
        for (const data of [first, second]) {
          const { key } = await backUp(repository, data);
          expect(await digests(repository, key)).toEqual(digestsOf(data));
        }
        const [newest] = await repository.backupKeys(never);
        const folder = await newFolder();
        await restoreBackup(repository, newest!, new FilesTarget(folder), { signal: never });
        await expectListedWhole(store, 2);
        expect(proxy.requests.filter(({ fault }) => fault).length).toBeGreaterThan(3);
        expectNoNeedlessPut(proxy);
      }
    },
    tortureTimeoutMs,
  );

  /** A put is made once, and once more for every time that it, or a look at what it left, was spoilt. */
  function expectNoNeedlessPut({ requests }: FaultyProxy): void {
    const pathOf = (what: string) => what.split(/[ ?]/)[1];
    const puts = Map.groupBy(
      requests.filter(({ method }) => method === 'PUT'),
      ({ what }) => pathOf(what),
    );
    for (const [path, attempts] of puts) {
      const spoilt = requests.filter(
        ({ what, fault }) => fault && fault !== 'drip' && pathOf(what) === path,
      ).length;
      expect(attempts.length, path).toBeLessThanOrEqual(spoilt + 1);
    }
  }

  it.each(
    isTorture
      ? FAULTS.filter((fault) => fault !== 'drip')
      : sample(['slow-down', 'reset-answer'] as const, 1),
  )(
    'that from some request on only gives %s: a clear error, nothing listed that is not whole, and it goes on when it heals',
    async (kind) => {
      const bucket = await newBucket();
      const healthy = new S3Store(rgwOptions(bucket));
      await initRepository(healthy);
      {
        await using repository = await openCheaply(healthy);
        await backUp(repository, first);
      }
      for (const from of isTorture ? [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] : [10]) {
        const { proxy, store } = await through(bucket, ({ n }) => (n >= from ? kind : undefined));
        const attempt = openCheaply(store).then(async (repository) => {
          await using open = repository;
          await backUp(open, second);
        });
        const failed = await attempt.then(
          () => undefined,
          (error: unknown) => error,
        );
        // A later backup may be done before so many requests.
        if (proxy.requests.some(({ fault }) => fault))
          expect(failed).toMatchObject({ code: 'E_STORE_UNAVAILABLE', retryable: true });
        else expect(failed).toBeUndefined();
      }
      const listed = await openCheaply(healthy).then((repository) => repository.backupKeys(never));
      await expectListedWhole(healthy, listed.length);
      await using repository = await openCheaply(healthy);
      const { key } = await backUp(repository, second);
      expect(await digests(repository, key)).toEqual(digestsOf(second));
    },
    tortureTimeoutMs,
  );
});

describe('a store whose listings lag behind', () => {
  it('loses nothing and is not called damaged: what is not in a list is asked for before anything is said of it', async () => {
    const store = new StaleStore(new MemoryStore());
    await initRepository(store);
    await using repository = await openCheaply(store);
    await backUp(repository, first);
    store.freeze();
    const late = await backUp(repository, second);
    // The list does not show it, but whoever knows its key can read it.
    expect((await listBackups(repository, { signal: never })).map(({ key }) => key)).not.toContain(late.key);
    expect(await digests(repository, late.key)).toEqual(digestsOf(second));
    for (const kind of ['quick', 'full'] as const) {
      const { findings } = await verifyBackups(repository, [late.key], { depth: { kind }, signal: never });
      expect(findings).toEqual([]);
    }
    expect(await readStatus(repository, never)).toMatchObject({ damaged: 0, backups: 1 });
    store.thaw();
    await expectListedWhole(store, 2);
  });

  it('does not make a backup store again what is there', async () => {
    const store = new StaleStore(new MemoryStore());
    await initRepository(store);
    await using repository = await openCheaply(store);
    store.freeze();
    const { key } = await backUp(repository, first);
    store.show(key);
    const warnings: string[] = [];
    const again = await backUp(repository, second, {
      onProgress: (event) => event.kind === 'warning' && warnings.push(event.message),
    });
    expect(warnings).toEqual([]);
    expect(again.parent).toBe(key);
    expect(again.newChunks).toBeLessThan(again.chunks);
    expect(await digests(repository, again.key)).toEqual(digestsOf(second));
  });
});

describe('a clock that is an hour off', () => {
  it.each([-1, 1])(
    'by %i hours: every backup is listed after its parent and gives back what it held',
    async (hours) => {
      const store = new MemoryStore();
      await initRepository(store);
      const held = new Map<string, typeof first>();
      const order: string[] = [];
      for (const [data, skew] of [
        [first, 0],
        [second, hours],
        [first, 0],
        [second, hours],
      ] as const) {
        const clock = { now: () => new Date(Date.UTC(2026, 2, 1, 12) + held.size * 1000 + skew * 3_600_000) };
        await using repository = await openCheaply(store, { clock });
        const { key, parent } = await backUp(repository, data);
        expect(parent).toBe(order.at(-1));
        held.set(key, data);
        order.push(key);
      }
      await using repository = await openCheaply(store);
      expect(await repository.backupKeys(never)).toEqual(order.toReversed());
      for (const [key, data] of held)
        expect(await digests(repository, key as never)).toEqual(digestsOf(data));
    },
  );
});

const isRoot = process.geteuid?.() === 0;

/** A file system of its own of `bytes`; undefined where this process may not mount one. */
async function newFileSystem(bytes: number): Promise<string | undefined> {
  const folder = await newFolder();
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]);
  } catch {
    return undefined;
  }
  onTestFinished(async () => void (await run('umount', [folder])));
  return folder;
}

describe('a folder', () => {
  it.skipIf(!isRoot)(
    'that is full: a clear error, nothing listed that is not whole, and it goes on with more room',
    async (test) => {
      const folder = await newFileSystem(300_000);
      if (!folder) return test.skip('no file system may be mounted here');
      const store = new FolderStore(folder);
      await initRepository(store);
      const small = { t: seededRows(50, 1).join('') };
      await using repository = await openCheaply(store);
      await backUp(repository, small);
      await expect(backUp(repository, { t: seededRows(20_000, 3).join('') })).rejects.toMatchObject({
        code: 'E_STORE_FULL',
      });
      await expectListedWhole(store, 1);
      await run('mount', ['-o', 'remount,size=4000000', folder]);
      await backUp(repository, { t: seededRows(20_000, 3).join('') });
      await expectListedWhole(store, 2);
    },
  );

  it.skipIf(!isRoot)(
    'that is read-only can be listed, verified and restored from; a backup is refused',
    async (test) => {
      const folder = await newFileSystem(4_000_000);
      if (!folder) return test.skip('no file system may be mounted here');
      const store = new FolderStore(folder);
      await initRepository(store);
      await using repository = await openCheaply(store);
      const { key } = await backUp(repository, first);
      await run('mount', ['-o', 'remount,ro', folder]);
      const before = await contentsOf(store);
      await expect(backUp(repository, second)).rejects.toMatchObject({ code: 'E_STORE_DENIED' });
      expect(await digests(repository, key)).toEqual(digestsOf(first));
      await expectListedWhole(store, 1);
      expect(await contentsOf(store)).toEqual(before);
    },
  );

  it('that may not be written to: a backup is refused, and all else works', async () => {
    const folder = path.join(await newFolder(), 'repository');
    await mkdir(folder);
    const store = new FolderStore(folder);
    await initRepository(store);
    await using repository = await openCheaply(store);
    const { key } = await backUp(repository, first);
    const folders = (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map((entry) => path.join(entry.parentPath, entry.name));
    for (const one of [folder, ...folders]) await chmod(one, 0o555);
    // For root, permissions mean nothing.
    if (isRoot) {
      await chown(folder, 65_534, 65_534);
      await chmod(path.dirname(folder), 0o755);
      process.seteuid?.(65_534);
    }
    try {
      await expect(backUp(repository, second)).rejects.toMatchObject({ code: 'E_STORE_DENIED' });
      expect(await digests(repository, key)).toEqual(digestsOf(first));
      await expectListedWhole(store, 1);
    } finally {
      if (isRoot) process.seteuid?.(0);
      for (const one of [folder, ...folders]) await chmod(one, 0o755);
    }
  });
});
