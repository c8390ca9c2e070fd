import { describe, expect } from 'vitest';
import type { BackupKey } from '../../../shared/core/ids.ts';
import type { OnProgress } from '../../../shared/core/progress.ts';
import { DAY_MS } from '../../../shared/core/units.ts';
import { type BackupOptions, runBackup } from '../../../shared/jobs/backup/backup.ts';
import { backupShare } from '../../../shared/jobs/backup/backup-share.ts';
import { commitBackup } from '../../../shared/jobs/backup/commit-backup.ts';
import { planBackup } from '../../../shared/jobs/backup/plan-backup.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { keepVerifyReport } from '../../../shared/jobs/verify/verify-report.ts';
import type { Repository, RepositoryOptions } from '../../../shared/repository/repository.ts';
import type { Source } from '../../../shared/sources/source.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import {
  backUp,
  digests,
  digestsOf,
  initRepository,
  memorySource,
  never,
  openCheaply,
} from '../../support/repository/engine.ts';
import { asFormat1 } from '../../support/repository/listed.ts';
import { type Lie, poison } from '../../support/repository/poison.ts';
import { seededRows } from '../../support/repository/rows.ts';
import { turns } from '../../support/repository/torture.ts';
import { copyStore } from '../../support/stores/copy-store.ts';

const it = turns(2);

// Where a chunk ends is the repository's secret. If the last one had but a short row, its pack would be more than half
// header, and a backup would compact it; so the last row is long.
const rows = [...seededRows(900, 1), `900\t${'long '.repeat(400)}\n`];
const data = { 'pre-data': 'create table t ();\n', t: rows.join('') };
const WITHIN = 3;

/** An honest backup, and after it one that says wrongly what its chunks are. */
async function poisonedStore(lie: Lie) {
  const store = new MemoryStore();
  // By hand it writes format 1, to which every backup that is poisoned belongs.
  await initRepository(store, undefined, { version: 1 });
  await using repository = await openCheaply(store);
  const { key, startedAt } = await backUp(repository, data);
  const at = new Date(startedAt.getTime() + 1000).toISOString();
  return { store, honest: key, poisoned: await poison(store, key, { at, dataset: 't', lie }) };
}

const STORES = {
  items: await poisonedStore('items'),
  records: await poisonedStore('records'),
  bytes: await poisonedStore('bytes'),
};

/** Honest backups of what had not changed. */
async function backUpAfter(
  lie: Lie,
  options: Partial<RepositoryOptions> & { readonly count: number },
  how: Partial<BackupOptions> & { readonly source?: Source } = {},
) {
  const { count, ...rest } = options;
  const store = await copyStore(STORES[lie].store);
  const warnings: string[] = [];
  const results = [];
  await using repository = await openCheaply(store, rest);
  const { source = memorySource(data), ...others } = how;
  for (let n = 0; n < count; n++)
    results.push(
      await runBackup(repository, source, {
        type: 'daily',
        onProgress: (event) => event.kind === 'warning' && warnings.push(event.message),
        signal: never,
        ...others,
      }),
    );
  const restores = async (key: BackupKey) => {
    try {
      return JSON.stringify(await digests(repository, key)) === JSON.stringify(digestsOf(data));
    } catch {
      return false;
    }
  };
  const isWhole = [];
  for (const { key } of results) isWhole.push(await restores(key));
  return { store, results, isWhole, warnings };
}

describe('a parent with right ids over what is wrong', () => {
  it('spoils every backup after it where nothing is read again, and a quick verification finds nothing', async () => {
    const { store, results, isWhole } = await backUpAfter('items', { rereadWithin: 0, count: 3 });
    expect(results[0]).toMatchObject({ parent: STORES.items.poisoned, newChunks: 0 });
    expect(isWhole).toEqual([false, false, false]);
    await using repository = await openCheaply(store);
    const keys = results.map(({ key }) => key);
    const { findings } = await verifyBackups(repository, keys, { depth: { kind: 'quick' }, signal: never });
    expect(findings).toEqual([]);
  });

  it.each(['items', 'records', 'bytes'] as const)(
    'is found within as many backups as are configured, and named; what was wrong is stored anew (%s)',
    async (lie) => {
      const { results, isWhole, warnings } = await backUpAfter(lie, {
        rereadWithin: WITHIN,
        count: WITHIN + 2,
      });
      // Once something was found, the next one reads all: at the latest that one is whole, and all after it.
      expect(isWhole.slice(WITHIN)).toEqual([true, true]);
      expect(results.at(-1)).toMatchObject({ newChunks: 0, parentDamage: 0 });
      if (lie === 'bytes') return;
      const damaged = results.filter(({ parentDamage }) => parentDamage > 0);
      expect(damaged.length).toBeGreaterThan(0);
      expect(warnings[0]).toContain(`${damaged[0]?.parent} IS DAMAGED: `);
    },
  );

  it('is read whole where it is as old as that', async () => {
    const clock = { now: () => new Date(Date.now() + 30 * DAY_MS) };
    const { isWhole, results } = await backUpAfter('items', { rereadWithin: 30, count: 1, clock });
    expect(isWhole).toEqual([true]);
    expect(results[0]).toMatchObject({ parent: STORES.items.poisoned, parentDamage: results[0]?.chunks });
  });

  it('is not used with noParent, and the backup is judged all the same', async () => {
    const { isWhole, results, store } = await backUpAfter('items', { count: 1 }, { noParent: true });
    expect(isWhole).toEqual([true]);
    expect(results[0]).toMatchObject({ parent: undefined, newChunks: results[0]?.chunks });
    await using repository = await openCheaply(store);
    const less = { 'pre-data': data['pre-data'], t: 'one\n' };
    expect(await backUp(repository, less, { noParent: true })).toMatchObject({
      suspect: { against: results[0]?.key },
    });
  });

  it('of which a source says that nothing changed is read all the same, and the source where it is wrong', async () => {
    const plain = memorySource(data);
    const source: Source = {
      ...plain,
      open: async (signal, options) => {
        const view = await plain.open(signal, options);
        const datasets = view.datasets.map((dataset) => ({
          ...dataset,
          partitions: dataset.partitions.map((partition) => ({ ...partition, sameAsParent: true })),
        }));
        return { ...view, datasets };
      },
    };
    const unread = await backUpAfter('items', { rereadWithin: 0, count: 1 }, { source });
    expect(unread.isWhole).toEqual([false]);
    const read = await backUpAfter('items', { rereadWithin: 1, count: 1 }, { source });
    expect(read.isWhole).toEqual([true]);
    expect(read.results[0]?.parentDamage).toBeGreaterThan(0);
  });

  it('is not read where data may not be decrypted: then only a verification finds it', async () => {
    const { isWhole, results } = await backUpAfter('items', { rereadWithin: 1, deltas: false, count: 1 });
    expect(isWhole).toEqual([false]);
    expect(results[0]?.parentDamage).toBe(0);
  });

  it.each(['quick', 'full'] as const)(
    'is named with all that share its damage by a %s verification of one',
    async (kind) => {
      const { store, results } = await backUpAfter('items', { rereadWithin: 0, count: 2 });
      const keys = results.map(({ key }) => key);
      await using repository = await openCheaply(store);
      const { manifest } = await repository.openBackup(STORES.items.poisoned, never);
      const honest = await repository.openBackup(STORES.items.honest, never);
      const known = new Set(asFormat1(honest.manifest).packs.map(({ id }) => id));
      const own = asFormat1(manifest).packs.filter(
        ({ id, key }) => !known.has(id) && manifest.keys[key]?.purpose === 'data',
      );
      // Of a pack that is there and wrong a listing shows nothing: for the quick one, one is gone.
      const gone = `data/${own[0]?.id.slice(0, 2)}/${own[0]?.id}`;
      if (kind === 'quick') await store.delete(gone);
      const look = () =>
        verifyBackups(repository, [STORES.items.poisoned], { depth: { kind }, signal: never });
      const { findings } = await look();
      expect(findings).toHaveLength(kind === 'quick' ? 1 : own.length);
      for (const finding of findings) expect([...finding.sharedBy].sort()).toEqual(keys.toSorted());
      const all = [STORES.items.honest, STORES.items.poisoned, ...keys];
      const again = await verifyBackups(repository, all, { depth: { kind }, signal: never });
      expect(again.findings.flatMap(({ sharedBy }) => sharedBy)).toEqual([]);
      await keepVerifyReport(repository, await look(), never);
      const [kept] = await Array.fromAsync(repository.reports.read('verify', never));
      expect(kept?.report?.body).toMatchObject({ sharedBy: expect.arrayContaining(keys) });
    },
  );

  it('is found in shares too', async () => {
    const store = await copyStore(STORES.items.store);
    await using repository = await openCheaply(store, { rereadWithin: 1 });
    const warnings: string[] = [];
    const { key, parentDamage } = await backUpInShares(repository, memorySource(data), (event) => {
      if (event.kind === 'warning') warnings.push(event.message);
    });
    expect(parentDamage).toBeGreaterThan(0);
    expect(await digests(repository, key)).toEqual(digestsOf(data));
    expect(warnings[0]).toContain(`${STORES.items.poisoned} IS DAMAGED: `);
  });
});

/** As functions do; a source that is opened by its one share. */
async function backUpInShares(repository: Repository, source: Source, onProgress: OnProgress) {
  const run = 'ab'.repeat(16);
  const about = { run, onProgress, signal: never };
  await using _ = await planBackup(repository, source, { ...about, type: 'daily', shareBytes: 1_000_000 });
  await backupShare(repository, source, { ...about, share: 0 });
  return commitBackup(repository, about);
}
