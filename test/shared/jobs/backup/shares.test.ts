import { describe, expect } from 'vitest';
import { HoldfastError } from '../../../../shared/core/errors.ts';
import { KiB } from '../../../../shared/core/units.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { backupShare } from '../../../../shared/jobs/backup/backup-share.ts';
import { claimRun } from '../../../../shared/jobs/backup/claim-run.ts';
import { commitBackup } from '../../../../shared/jobs/backup/commit-backup.ts';
import { mustBeHeld } from '../../../../shared/jobs/backup/plan-backup.ts';
import { groupShares } from '../../../../shared/jobs/backup/share-groups.ts';
import { verifyBackups } from '../../../../shared/jobs/verify/verify.ts';
import type { CodecTask } from '../../../../shared/repository/codec/codec-task.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { Source, SourceView } from '../../../../shared/sources/source.ts';
import { FolderStore } from '../../../../shared/store/folder-store.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../../shared/store/object-store.ts';
import { newRgwStore } from '../../../support/aws/ceph-rgw.ts';
import { describeWithPart } from '../../../support/parts.ts';
import {
  digests,
  digestsOf,
  initRepository,
  memorySource,
  never,
  openCheaply,
} from '../../../support/repository/engine.ts';
import { InlinePool } from '../../../support/repository/inline-pool.ts';
import {
  backUpInShares,
  commit,
  joined,
  newRun,
  plan,
  readShares,
  sharedSource,
} from '../../../support/repository/shares.ts';
import { first, newRepository, rows, second } from '../../../support/repository/shares-repository.ts';
import { turns } from '../../../support/repository/torture.ts';
import { copyStore } from '../../../support/stores/copy-store.ts';
import { newFolder } from '../../../support/temporary.ts';

const it = turns(5);

function suite(open: () => Promise<ObjectStore>): void {
  it('restores as what one process wrote, the first and those after it', async () => {
    const store = await open();
    await using repository = await newRepository(store);
    for (const [data, shareBytes] of [
      [first, 20_000],
      [second, 20_000],
      [second, 1e9],
      [first, 1],
    ] as const) {
      const { key, records } = await backUpInShares(repository, sharedSource(data), { shareBytes });
      expect(await digests(repository, key)).toEqual(digestsOf(joined(data)));
      const lines = joined(data);
      delete lines['pre-data'];
      expect(records).toBe(Object.values(lines).join('').split('\n').length - 1);
    }
    const { key } = await runBackup(repository, sharedSource(second), { type: 'daily', signal: never });
    expect(await digests(repository, key)).toEqual(digestsOf(joined(second)));
    const keys = await repository.backupKeys(never);
    expect(keys).toHaveLength(5);
    const { findings } = await verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: never });
    expect(findings).toEqual([]);
  });
}

describe('a backup in shares, in memory,', () => suite(async () => new MemoryStore()));
describe('a backup in shares, in a folder,', () => suite(async () => new FolderStore(await newFolder())));
describeWithPart('ceph-rgw', 'a backup in shares, on Ceph RGW,', () => suite(() => newRgwStore()));

describe('a backup in shares', () => {
  it('stores what one process would, but for packs that are not full', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    const copy = await copyStore(store);
    await using one = await openCheaply(store);
    await using many = await openCheaply(copy);
    const sizes = [];
    for (const data of [first, second]) {
      const alone = await runBackup(one, sharedSource(data), { type: 'daily', signal: never });
      const shared = await backUpInShares(many, sharedSource(data), { shareBytes: 70_000 });
      for (const figure of ['datasets', 'records', 'plainBytes', 'chunks', 'newChunks'] as const)
        expect(shared[figure], figure).toBe(alone[figure]);
      sizes.push([alone.storedBytes, shared.storedBytes]);
    }
    // Each share has a pack that is not full, padded by at most an eighth, and in format 2 to 4 KiB and more.
    expect(sizes[0]?.[1]).toBeLessThan(1.15 * (sizes[0]?.[0] ?? 0) + 48 * KiB);
    expect(sizes[1]?.[1]).toBeLessThan((sizes[0]?.[1] ?? 0) / 3 + 48 * KiB);
  });

  it('of a source whose view is its own has one share, which opens it', async () => {
    await using repository = await newRepository();
    const data = { t: rows[0]!.join(''), u: 'one\n' };
    let opened = 0;
    const source = memorySource(data);
    const counting = {
      ...source,
      open: (...args: Parameters<typeof source.open>) => {
        opened++;
        return source.open(...args);
      },
    };
    await using planned = await plan(repository, counting, { shareBytes: 1 });
    expect(planned).toMatchObject({ mustBeHeld: false, shares: [{ share: 0, partitions: 0 }] });
    expect(opened).toBe(0);
    await readShares(repository, counting, planned);
    const { key } = await commit(repository, planned);
    expect(await digests(repository, key)).toEqual(digestsOf(data));
    expect(opened).toBe(1);
  });

  it('takes what changed while it was read, what is read last, window and cost from the one share', async () => {
    await using repository = await newRepository();
    const base = memorySource({ t: 'old\n', last: '1\n' });
    let rounds = 0;
    const [from, to] = [new Date('2026-01-01T00:00:00Z'), new Date('2026-01-01T01:00:00Z')];
    const cost = { requests: 3, readBytes: 4, skippedBytes: 5, usd: 0.5, usdPerGB: 1 };
    const source = {
      ...base,
      open: async (signal: AbortSignal) => {
        const view = await base.open(signal);
        const datasets = view.datasets.map((one) => ({ ...one, readLast: one.name === 'last' }));
        return {
          ...view,
          datasets,
          window: { from, to },
          cost,
          read: async function* ({ name }: { readonly name: string }) {
            yield Buffer.from(name === 'last' ? `${rounds}\n` : `round ${rounds}\n`);
          },
          changed: async () =>
            rounds++ === 0 ? [{ dataset: datasets[0]!, partition: datasets[0]!.partitions[0]! }] : [],
        };
      },
    };
    const result = await backUpInShares(repository, source);
    expect(result.cost).toEqual(cost);
    expect(await digests(repository, result.key)).toEqual(digestsOf({ t: 'round 1\n', last: '2\n' }));
    expect((await repository.readManifest(result.key, never)).window).toEqual({
      from: from.toISOString(),
      to: to.toISOString(),
    });
  });

  it('is suspect against the newest good one, as any other', async () => {
    await using repository = await newRepository();
    await backUpInShares(repository, sharedSource(first));
    const lost = await backUpInShares(repository, sharedSource({ ...first, t: first['t']!.map(() => '') }));
    expect(lost.suspect?.findings.map(({ code }) => code)).toContain('empty-read');
    const again = await backUpInShares(repository, sharedSource({ ...first, t: first['t']!.slice(0, 1) }));
    expect(again.suspect?.findings.map(({ code }) => code)).toContain('records-down');
    expect((await backUpInShares(repository, sharedSource(first))).suspect).toBeUndefined();
  });

  it('without any record is refused, unless it may be empty', async () => {
    await using repository = await newRepository();
    await backUpInShares(repository, sharedSource(first));
    const nothing = sharedSource({ t: [''] });
    await expect(backUpInShares(repository, nothing)).rejects.toMatchObject({ code: 'E_EMPTY_READ' });
    await expect(plan(repository, sharedSource({}))).rejects.toMatchObject({ code: 'E_EMPTY_READ' });
    const { suspect } = await backUpInShares(repository, nothing, { allowEmpty: true });
    expect(suspect?.findings.map(({ code }) => code)).toContain('empty-read');
  });
});

describe('each part of a run', () => {
  it('may be done twice, also at the same time, and lists one backup', async () => {
    const store = new MemoryStore();
    await using repository = await newRepository(store);
    await using other = await openCheaply(store);
    const source = sharedSource(first);
    await using planned = await plan(repository, source);
    const { run } = planned;
    for (const { share } of planned.shares) {
      const [a, b] = await Promise.all(
        [repository, other].map((each) => backupShare(each, source, { run, share, signal: never })),
      );
      expect(a).toMatchObject({ share, records: b?.records });
      expect(await backupShare(other, source, { run, share, signal: never })).toEqual(
        await backupShare(repository, source, { run, share, signal: never }),
      );
    }
    const results = await Promise.all([
      commit(repository, planned),
      commitBackup(other, { run, signal: never }),
    ]);
    results.push(await commitBackup(await openCheaply(store), { run, signal: never }));
    expect(new Set(results.map(({ key }) => key)).size).toBe(1);
    expect(results.map(({ records }) => records)).toEqual(results.map(() => results[0]!.records));
    expect(await repository.backupKeys(never)).toHaveLength(1);
    expect(await digests(await openCheaply(store), results[0]!.key)).toEqual(digestsOf(joined(first)));
  });

  it('lists its backup under the next second where another has the first', async () => {
    await using repository = await newRepository();
    const startedAt = new Date('2026-03-01T02:00:00Z');
    const runs = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => {
        const source = sharedSource(first, name);
        const planned = await plan(repository, source, { startedAt });
        await readShares(repository, source, planned);
        return planned;
      }),
    );
    const keys = (await Promise.all(runs.map((planned) => commit(repository, planned)))).map(
      ({ key }) => key,
    );
    expect(new Set(keys).size).toBe(3);
    for (const [i, { run }] of runs.entries())
      expect((await commitBackup(repository, { run, signal: never })).key).toBe(keys[i]);
  });

  it('plans once: a view that another holds cannot be had, one that nobody holds is planned as before', async () => {
    await using repository = await newRepository();
    const shared = sharedSource(first);
    await using planned = await plan(repository, shared);
    await expect(plan(repository, shared, { run: planned.run })).rejects.toMatchObject({
      code: 'E_RUN_TAKEN',
    });
    const own = memorySource({ t: 'one\n' });
    await using before = await plan(repository, own);
    await using after = await plan(repository, own, { run: before.run, shareBytes: 1 });
    expect(after.shares).toEqual(before.shares);
  });

  it('refuses what does not belong to it', async () => {
    await using repository = await newRepository();
    const source = sharedSource(first);
    await using planned = await plan(repository, source);
    const { run } = planned;
    const share = (of: object) => backupShare(repository, source, { run, share: 0, signal: never, ...of });
    await expect(share({ share: 99 })).rejects.toMatchObject({ code: 'E_USAGE' });
    await expect(share({ run: 'x' })).rejects.toMatchObject({ code: 'E_USAGE' });
    await expect(share({ run: newRun() })).rejects.toMatchObject({ code: 'E_NO_RUN' });
    await expect(commitBackup(repository, { run: newRun(), signal: never })).rejects.toMatchObject({
      code: 'E_NO_RUN',
    });
    const other = sharedSource(first, 'other');
    await expect(backupShare(repository, other, { run, share: 0, signal: never })).rejects.toMatchObject({
      code: 'E_USAGE',
      message: expect.stringContaining('other'),
    });
    await expect(plan(repository, source, { shareBytes: 0 })).rejects.toMatchObject({ code: 'E_USAGE' });
  });
});

describe('a claim', () => {
  it('is the first one’s, whoever comes after it', async () => {
    const store = new MemoryStore();
    await using repository = await newRepository(store);
    const claim = (run: string, of: object = {}) =>
      claimRun(repository, {
        source: 'shop',
        type: 'daily',
        scheduledTime: '2026-03-01T02:00:00Z',
        run,
        signal: never,
        ...of,
      });
    const [a, b] = [newRun(), newRun()];
    expect(await claim(a)).toEqual({ run: a, isOurs: true });
    expect(await claim(a)).toEqual({ run: a, isOurs: true });
    expect(await claim(b)).toEqual({ run: a, isOurs: false });
    for (const other of [{ source: 'game' }, { type: 'weekly' }, { scheduledTime: '2026-03-02T02:00:00Z' }])
      expect(await claim(b, other)).toEqual({ run: b, isOurs: true });
    const racing = Array.from({ length: 5 }, newRun);
    const answers = await Promise.all(racing.map((run) => claim(run, { source: 'raced' })));
    expect(answers.filter(({ isOurs }) => isOurs)).toHaveLength(1);
    expect(new Set(answers.map(({ run }) => run)).size).toBe(1);
  });

  it('of somebody else stops no backup: neither what is no claim, nor that of a run that plans nothing', async () => {
    const store = new MemoryStore();
    await using repository = await newRepository(store);
    const clock = { now: () => new Date(Date.now() + 61 * 60_000) };
    await using later = await openCheaply(store, { clock });
    const about = { source: 'shop', type: 'daily', scheduledTime: '2026-03-01T02:00:00Z', signal: never };
    const squatter = newRun();
    await claimRun(repository, { ...about, run: squatter });
    const run = newRun();
    expect(await claimRun(repository, { ...about, run })).toEqual({ run: squatter, isOurs: false });
    expect(await claimRun(later, { ...about, run })).toMatchObject({ run, isOurs: true });
    // A run that has planned keeps its claim, however old it is.
    await (await plan(repository, sharedSource(first), { run: squatter }))[Symbol.asyncDispose]();
    expect(await claimRun(later, { ...about, run })).toEqual({ run: squatter, isOurs: false });
    const key = (await Array.fromAsync(store.list('runs/claims/')))[0]?.key ?? '';
    const claimed = JSON.parse(Buffer.from(await store.get(key)).toString());
    for (const body of ['no claim', JSON.stringify({ ...claimed, sealed: 'AAAA' })]) {
      await store.delete(key);
      await store.put(key, Buffer.from(body));
      expect(await claimRun(repository, { ...about, run })).toMatchObject({
        run,
        isOurs: true,
        passedOver: expect.stringContaining(key),
      });
    }
  });
});

it.each([
  ['a share', backUpInShares],
  [
    'a backup in one process',
    (repository: Repository, source: Source) => runBackup(repository, source, { signal: never }),
  ],
])('%s that fails leaves nothing on the worker threads', async (_, backUp) => {
  const kinds: string[] = [];
  class NotingPool extends InlinePool {
    override broadcast<K extends CodecTask['kind']>(task: Extract<CodecTask, { kind: K }>) {
      kinds.push(task.kind);
      return super.broadcast(task);
    }
  }
  const store = new MemoryStore();
  await initRepository(store);
  await using repository = await openCheaply(store, { pool: new NotingPool() });
  const base = sharedSource(first);
  const failing = (view: SourceView): SourceView => ({
    ...view,
    read: async function* () {
      yield Buffer.from('one\n');
      throw new HoldfastError('E_SOURCE_LOST', 'gone');
    },
  });
  const source: Source = {
    ...base,
    open: async (...args) => failing(await base.open(...args)),
    sharing: { join: async (...args) => failing(await base.sharing!.join(...args)) },
  };
  await expect(backUp(repository, source)).rejects.toMatchObject({ code: 'E_SOURCE_LOST' });
  expect(kinds).toEqual(['begin', 'finish']);
});

it('says of a source whether its views must be held', () => {
  expect([sharedSource(first), memorySource({})].map(mustBeHeld)).toEqual([true, false]);
});

describe('shares', () => {
  const dataset = (name: string, kind: 'schema' | 'data', sizes: readonly number[]) => ({
    name,
    kind,
    attributes: {},
    partitions: sizes.map((estimatedBytes, i) => ({ name: `${i}`, estimatedBytes })),
  });

  it('take every partition once, about evenly, the schema together', () => {
    const datasets = [
      dataset('pre', 'schema', [10]),
      dataset(
        'big',
        'data',
        Array.from({ length: 20 }, () => 100),
      ),
      dataset('small', 'data', [1, 0, 3]),
      dataset('post', 'schema', [10]),
    ];
    for (const shareBytes of [1, 50, 100, 300, 1000, 1e9]) {
      const groups = groupShares(datasets, shareBytes);
      const parts = groups.flatMap(({ parts: each }) => each.map(String));
      expect(parts.toSorted()).toEqual(
        datasets.flatMap((one, d) => one.partitions.map((_, p) => `${d},${p}`)).toSorted(),
      );
      const sizes = groups.map(({ estimatedBytes }) => estimatedBytes);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(Math.max(shareBytes, 100) * 1.4 + 20);
      expect(groups[0]?.parts.map(String)).toEqual(expect.arrayContaining(['0,0', '3,0']));
    }
    expect(groupShares(datasets, 1e9)).toHaveLength(1);
    expect(groupShares([], 10)).toHaveLength(1);
  });
});
