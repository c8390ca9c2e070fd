import { describe, expect } from 'vitest';
import { packKey } from '../../../../shared/format/pack.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { repairBackups } from '../../../../shared/jobs/repair/repair.ts';
import { listBackups } from '../../../../shared/jobs/status/list.ts';
import { verifyBackups } from '../../../../shared/jobs/verify/verify.ts';
import { keepVerifyReport } from '../../../../shared/jobs/verify/verify-report.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { flipped, HARMS, type Harm, harmed, nodesOf, packsOf } from '../../../support/repository/damage.ts';
import {
  backUp,
  type Data,
  digests,
  digestsOf,
  initRepository,
  memorySource,
  never,
  openRepository,
} from '../../../support/repository/engine.ts';
import { neededObjects } from '../../../support/repository/needed-objects.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import { turns } from '../../../support/repository/torture.ts';

const it = turns(3);

const SMALL_PACKS = { packBytes: 32 * 1024, workers: 1 };
const rows = seededRows(1500, 1);
const data: Data = { 'pre-data': 'create table t ();\n', t: rows.join(''), u: seededRows(200, 2).join('') };
/** Most of the records as before, some changed: deltas on what is in the first backup. */
const later: Data = {
  ...data,
  t: rows.map((row, i) => (i % 100 === 7 ? row.replace('\t', '\tnew ') : row)).join(''),
};

/** A repository with one backup and a damaged data pack. */
async function damaged(harm: Harm, kind: 'data' | 'index' = 'data') {
  const store = new MemoryStore();
  await initRepository(store);
  await using repository = await openRepository(store, SMALL_PACKS);
  const { key } = await backUp(repository, data);
  const [pack = ''] = (await packsOf(repository, key))[kind];
  return { store: await harmed(store, { [pack]: harm }), key, pack };
}

/** The same with a wrong byte in the tree of `t`. */
async function damagedTree() {
  const store = new MemoryStore();
  await initRepository(store);
  await using repository = await openRepository(store, SMALL_PACKS);
  const { key } = await backUp(repository, data);
  const [root] = await nodesOf(repository, key, 't');
  const { pack, offset } = root!.location;
  return { store: await harmed(store, { [packKey(pack.id!)]: (body) => flipped(body, offset + 1) }), key };
}

async function verifyAndKeep(repository: Repository) {
  const keys = await repository.backupKeys(never);
  const report = await verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: never });
  return { report, kept: await keepVerifyReport(repository, report, never) };
}

const repair = async (repository: Repository, dryRun = false) =>
  repairBackups(repository, await repository.backupKeys(never), { dryRun, signal: never });

describe('the next backup', { timeout: 60_000 }, () => {
  it.each(Object.entries(HARMS))(
    'stores again what lies in a pack that a verification found %s',
    async (_, harm) => {
      const { store, pack } = await damaged(harm);
      await using repository = await openRepository(store, SMALL_PACKS);
      const { report } = await verifyAndKeep(repository);
      expect(report.findings).toMatchObject([{ object: pack }]);
      const healed = await backUp(repository, later);
      expect(await packsOf(repository, healed.key)).toMatchObject({
        data: expect.not.arrayContaining([pack]),
      });
      expect(await digests(repository, healed.key)).toEqual(digestsOf(later));
      const whole = await verifyBackups(repository, [healed.key], { depth: { kind: 'full' }, signal: never });
      expect(whole.findings).toEqual([]);
      // Once is enough: the one after it stores nothing, except what lies in packs that are hardly used.
      const next = await backUp(repository, later);
      expect(next.newChunks).toBeLessThan(healed.newChunks / 2);
    },
    30_000,
  );

  it('goes on where a tree node of its parent cannot be read, and refers to nothing of it', async () => {
    const { store, key } = await damagedTree();
    await using repository = await openRepository(store, SMALL_PACKS);
    const warnings: string[] = [];
    const onProgress = (event: { readonly kind: string; readonly message?: string }) =>
      event.kind === 'warning' && warnings.push(event.message ?? '');
    const healed = await backUp(repository, later, { onProgress });
    expect(healed.parent).toBe(key);
    expect(warnings.join()).toContain('cannot be compared with');
    expect(await digests(repository, healed.key)).toEqual(digestsOf(later));
  });
});

describe('repair', { timeout: 60_000 }, () => {
  it('names what is lost while nothing else holds it, and what is whole', async () => {
    const { store, key } = await damaged(HARMS.removed);
    await using repository = await openRepository(store, SMALL_PACKS);
    const { damaged: found, kept } = await repair(repository);
    expect(found).toMatchObject([{ key, state: 'lossy', copy: undefined }]);
    expect(found[0]?.wholeDatasets).toContain('pre-data');
    const lost = found[0]?.missing.reduce((sum, { records }) => sum + records, 0) ?? 0;
    expect(lost).toBeGreaterThan(0);
    expect(await repository.backupKeys(never)).toEqual([key]);
    const report = kept.report ?? '';
    const { report: stored } = await repository.reports.open(report, new Date(0), never);
    expect(stored).toMatchObject({
      backups: [key],
      body: { lossy: [key], repaired: [], missingRecords: lost },
    });
    expect(JSON.stringify(stored?.body)).not.toContain('pre-data');
    expect(await repository.reports.details(stored!, never)).toMatchObject({
      missing: { length: found[0]?.missing.length },
    });
  });

  it.each(Object.entries(HARMS))(
    'makes a backup whole again when a later one holds the same chunks (%s)',
    async (_, harm) => {
      const { store, key, pack } = await damaged(harm);
      await using repository = await openRepository(store, SMALL_PACKS);
      await verifyAndKeep(repository);
      await backUp(repository, data);
      expect(await repair(repository, true)).toMatchObject({ damaged: [{ key, state: 'repairable' }] });
      expect(await repository.backupKeys(never)).toHaveLength(2);
      const { damaged: found } = await repair(repository);
      expect(found).toMatchObject([{ key, state: 'repaired', missing: [] }]);
      const copy = found[0]!.copy!;
      expect(await digests(repository, copy)).toEqual(digestsOf(data));
      expect(await packsOf(repository, copy)).toMatchObject({ data: expect.not.arrayContaining([pack]) });
      const [before, after] = await Promise.all(
        [key, copy].map((one) => repository.readManifest(one, never)),
      );
      expect(after).toMatchObject({
        type: before?.type,
        source: before?.source,
        totals: { plainBytes: before?.totals.plainBytes, records: before?.totals.records },
        note: `whole copy of ${key}`,
      });
      expect((await repository.openBackup(copy, never)).figures.newChunks).toBe(0);
      // Not once more, and the damaged one is as it was.
      expect(await repair(repository)).toMatchObject({ damaged: [{ key, state: 'repaired', copy }] });
      expect(await listBackups(repository, { signal: never })).toHaveLength(3);
      // A copy that came to harm in its turn counts for nothing.
      for (const index of (await packsOf(repository, copy)).index) await store.delete(index);
      const again = await repairBackups(repository, [key], { dryRun: true, signal: never });
      expect(again.damaged).toMatchObject([{ key, state: 'repairable' }]);
    },
    30_000,
  );

  it('needs what the copy refers to no less than any backup does: it is whole without the others', async () => {
    const { store } = await damaged((body) => flipped(body, 150));
    await using repository = await openRepository(store, SMALL_PACKS);
    await verifyAndKeep(repository);
    await backUp(repository, later);
    await backUp(repository, data);
    const { damaged: found } = await repair(repository);
    const copy = found[0]!.copy!;
    const needed = new Set(await neededObjects(store, copy));
    const alone = new MemoryStore();
    for await (const { key } of store.list('')) {
      const isNeeded = key === 'repository.json' || key === copy || needed.has(key);
      if (isNeeded) await alone.put(key, await store.get(key));
    }
    await using other = await openRepository(alone, SMALL_PACKS);
    expect(await digests(other, copy)).toEqual(digestsOf(data));
  });

  it('stores again what can still be read in a damaged pack and lies nowhere else', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await using first = await openRepository(store, SMALL_PACKS);
    const { key } = await backUp(first, data);
    const reader = await first.openBackup(key, never);
    const refsOf = async (dataset: string) => {
      const leaves = reader.leaves(reader.root(dataset, '0000'), { signal: never });
      return (await Array.fromAsync(leaves)).flatMap(({ refs }) => refs.map(({ chain }) => chain[0]!));
    };
    const ofU = new Set((await refsOf('u')).map(({ pack }) => pack.id));
    const shared = (await refsOf('t')).find(({ pack }) => ofU.has(pack.id));
    const pack = packKey(shared!.pack.id!);
    const broken = await harmed(store, { [pack]: (body) => flipped(body, shared!.offset + 1) });
    await using repository = await openRepository(broken, SMALL_PACKS);
    const other = memorySource({ copy: data['t'] as string }, { name: 'other' });
    await runBackup(repository, other, { signal: never });
    const { damaged: found } = await repair(repository);
    expect(found).toMatchObject([{ key, state: 'repaired' }]);
    const copy = found[0]!.copy!;
    expect((await packsOf(repository, copy)).data).not.toContain(pack);
    expect(await digests(repository, copy)).toEqual(digestsOf(data));
    expect((await repository.openBackup(copy, never)).figures.newChunks).toBeGreaterThan(0);
  });

  it('makes the trees of a backup whole by equal nodes of a later one', async () => {
    const { store, key } = await damaged((body) => flipped(body, 100), 'index');
    await using repository = await openRepository(store, SMALL_PACKS);
    await verifyAndKeep(repository);
    // Its pack is left behind, so the same node is stored once more.
    await backUp(repository, data);
    const [root] = await nodesOf(repository, key, 't');
    const { pack, offset } = root!.location;
    const worse = await harmed(store, { [packKey(pack.id!)]: (body) => flipped(body, offset + 1) });
    await using other = await openRepository(worse, SMALL_PACKS);
    const { damaged: found } = await repair(other);
    expect(found).toMatchObject([{ key, state: 'repaired' }]);
    expect(await digests(other, found[0]!.copy!)).toEqual(digestsOf(data));
  });

  it('counts what lay below a tree node that nothing else holds', async () => {
    const { store, key } = await damagedTree();
    await using repository = await openRepository(store, SMALL_PACKS);
    await verifyAndKeep(repository);
    await backUp(repository, data);
    expect(await repair(repository)).toMatchObject({
      damaged: [{ key, state: 'lossy', missing: [{ dataset: 't', fromRecord: 1, records: 1500 }] }],
    });
  });

  it('says of a backup without its catalog that nothing can be found', async () => {
    const { store, key } = await damaged(HARMS.removed, 'index');
    await using repository = await openRepository(store, SMALL_PACKS);
    expect(await repair(repository)).toMatchObject({
      damaged: [{ key, state: 'unreadable', problem: expect.stringContaining('missing') }],
    });
  });

  it('leaves a repository that is whole as it is', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openRepository(store, SMALL_PACKS);
    const { key } = await backUp(repository, data);
    expect(await repair(repository)).toMatchObject({ backups: [key], damaged: [] });
    expect(await repository.backupKeys(never)).toEqual([key]);
  });
});
