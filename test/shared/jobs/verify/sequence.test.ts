import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../../../shared/core/units.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { upgradeRepository } from '../../../../shared/jobs/keys/upgrade.ts';
import { holdBackup } from '../../../../shared/jobs/retention/hold.ts';
import { readStatus } from '../../../../shared/jobs/status/status.ts';
import type { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../../shared/store/object-store.ts';
import { memorySource, never, openCheaply } from '../../../support/repository/engine.ts';
import { keyOf, listAgain } from '../../../support/repository/forged-manifest.ts';
import { historyOf, verifyAll } from '../../../support/repository/history.ts';
import { keepLast, prune } from '../../../support/repository/pruning.ts';
import { replace, withRightMac } from '../../../support/repository/signing.ts';
import { turns } from '../../../support/repository/torture.ts';

const it = turns(3);

type Document = Record<string, unknown> & { sequence?: { number: number; previous: unknown[] } };

async function read(store: MemoryStore, key: string): Promise<Document> {
  return JSON.parse(Buffer.from(await store.get(key)).toString());
}

async function sha256(store: MemoryStore, key: string): Promise<string> {
  return createHash('sha256')
    .update(await store.get(key))
    .digest('hex');
}

/** Everything of a backup's: its manifest, and reports that name it. */
async function erase(store: MemoryStore, key: string): Promise<void> {
  await store.delete(key);
  for await (const { key: report } of store.list('reports/'))
    if (((await read(store, report))['backups'] as string[]).includes(key)) await store.delete(report);
}

/** Lists no backup before two want to. */
function untilTwo(store: MemoryStore): ObjectStore {
  const both = Promise.withResolvers<void>();
  let waiting = 0;
  return {
    location: store.location,
    get: (...args) => store.get(...args),
    head: (...args) => store.head(...args),
    list: (...args) => store.list(...args),
    delete: (...args) => store.delete(...args),
    put: async (key, ...args) => {
      if (key.startsWith('backups/') && ++waiting === 2) both.resolve();
      if (key.startsWith('backups/')) await both.promise;
      return store.put(key, ...args);
    },
  };
}

const problems = ({ findings }: Awaited<ReturnType<typeof verifyAll>>) =>
  findings.map(({ object, problem }) => [object, problem]);
const finding = (object: string, words: string) => [object, expect.stringContaining(words)];

describe('backups of a source', () => {
  it('are numbered, and each names the bytes of the one before', async () => {
    const { store, keys, backUp } = await historyOf(2);
    const [first = '', second = ''] = keys;
    await backUp('other');
    const third = await backUp();
    expect((await read(store, first)).sequence).toEqual({ number: 1, previous: [] });
    const previous = [{ key: second, sha256: await sha256(store, second) }];
    expect((await read(store, third)).sequence).toEqual({ number: 3, previous });
  });

  it('are counted on from what an older release wrote', async () => {
    const { store, clock, keys, backUp } = await historyOf(2);
    for (const key of keys) {
      const bytes = await withRightMac(store, key, ({ sequence: _, ...older }) => older);
      await replace(store, key, bytes);
    }
    const next = await backUp();
    const [, last = ''] = keys;
    const previous = [{ key: last, sha256: await sha256(store, last) }];
    expect((await read(store, next)).sequence).toEqual({ number: 1, previous });
    expect(problems(await verifyAll({ store, clock }))).toEqual([]);
  });

  it('are counted on from format 1 to format 2', async () => {
    const { store, clock, keys, backUp } = await historyOf(2, { version: 1 });
    await using repository = await openCheaply(store, { clock });
    await upgradeRepository(repository, never);
    const next = await backUp();
    const [, last = ''] = keys;
    const previous = [{ key: last, sha256: await sha256(store, last) }];
    expect(await read(store, next)).toMatchObject({ version: 2, sequence: { number: 3, previous } });
    expect(problems(await verifyAll({ store, clock }))).toEqual([]);
    await erase(store, last);
    expect(problems(await verifyAll({ store, clock }))).toEqual([finding(last, 'is missing')]);
  });

  it('that are made at the same time have one number, and the next names both', async () => {
    const { store, clock, backUp } = await historyOf(1);
    const twin = untilTwo(store);
    await using repository = await openCheaply(twin, { clock });
    await using other = await openCheaply(twin, { clock });
    clock.advance(HOUR_MS);
    const twins = [repository, other].map((one) =>
      runBackup(one, memorySource({ rows: 'twin\n' }, { name: 'shop' }), { type: 'daily', signal: never }),
    );
    const made = await Promise.all(twins);
    expect(made.map(({ head }) => head?.number)).toEqual([2, 2]);
    const next = await backUp();
    const { number, previous = [] } = (await read(store, next)).sequence ?? {};
    expect([number, previous.length]).toEqual([3, 2]);
    expect(problems(await verifyAll({ store, clock }))).toEqual([]);
    await store.delete(made[0]?.key ?? '');
    expect(problems(await verifyAll({ store, clock }))).toEqual([finding(made[0]?.key ?? '', 'is missing')]);
  });

  it('go on where they were, if prune removed all of them', async () => {
    const { store, clock, keys, backUp } = await historyOf(2);
    const [, last = ''] = keys;
    const hash = await sha256(store, last);
    clock.advance(DAY_MS);
    await backUp('other');
    await using repository = await openCheaply(store, { clock });
    await prune(repository, keepLast(1));
    // The last good backup of a source stays: somebody removes it who may.
    await repository.reports.write(
      'prune',
      {
        backups: [last as never],
        body: {
          expired: 0,
          putBack: 0,
          packs: 0,
          bytes: 0,
          graceMs: 0,
          removed: [
            { source: { kind: 'files', name: 'shop' }, backups: [{ key: last, sha256: hash, number: 2 }] },
          ],
        },
      },
      never,
    );
    await store.delete(last);
    const next = await backUp();
    expect((await read(store, next)).sequence).toEqual({
      number: 3,
      previous: [{ key: last, sha256: hash }],
    });
    expect(problems(await verifyAll({ store, clock }))).toEqual([]);
  });
});

describe('prune', () => {
  it('keeps the newest by its number, whatever its date, so that no number is given twice', async () => {
    const { store, clock, keys, backUp } = await historyOf(3);
    const [older = '', , last = ''] = keys;
    // As if a file of an older date had been imported after the others.
    const previous = [{ key: last, sha256: await sha256(store, last) }];
    const bytes = await withRightMac(store, older, (document) => ({
      ...document,
      sequence: { number: 4, previous },
    }));
    await replace(store, older, bytes);
    await using repository = await openCheaply(store, { clock });
    clock.advance(30 * DAY_MS);
    await prune(repository, keepLast(1));
    expect(await repository.backupKeys(never)).toEqual([last, older]);
    const next = await backUp();
    expect((await read(store, next)).sequence?.number).toBe(5);
    await prune(repository, keepLast(1));
    expect(await repository.backupKeys(never)).toEqual([next]);
  });
});

describe('verification of all', () => {
  it('knows what prune removed', async () => {
    const { store, clock, keys, backUp } = await historyOf(6);
    const held = keys[1]!;
    {
      await using repository = await openCheaply(store, { clock });
      await holdBackup(repository, held, { reason: 'audit', signal: never });
      await prune(repository, keepLast(2));
    }
    const report = await verifyAll({ store, clock });
    expect(problems(report)).toEqual([]);
    expect(report.sequence).toMatchObject({ removed: 3, heads: [{ number: 6, key: keys[5] }] });
    clock.advance(30 * DAY_MS);
    const last = await backUp();
    await using repository = await openCheaply(store, { clock });
    await prune(repository, keepLast(1));
    expect(problems(await verifyAll({ store, clock }))).toEqual([]);
    // What is neither there nor removed by prune is missing still.
    await erase(store, held);
    expect(problems(await verifyAll({ store, clock }))).toEqual([finding(last, 'that no prune removed: 2')]);
  });

  it('names one that was removed from the middle, and what is missing before it', async () => {
    const { store, clock, keys } = await historyOf(6);
    await erase(store, keys[2]!);
    expect(problems(await verifyAll({ store, clock }))).toEqual([finding(keys[2]!, 'is missing')]);
    await erase(store, keys[3]!);
    expect(problems(await verifyAll({ store, clock }))).toEqual([
      finding(keys[3]!, 'is missing'),
      finding(keys[4]!, 'that no prune removed: 3'),
    ]);
  });

  it('names the oldest, where nobody but prune may remove that', async () => {
    const { store, clock, keys } = await historyOf(3);
    await erase(store, keys[0]!);
    expect(problems(await verifyAll({ store, clock }))).toEqual([finding(keys[0]!, 'is missing')]);
  });

  it('names the newest, with all that spoke of it, to who has seen it before', async () => {
    const { store, clock, keys } = await historyOf(3);
    const seen = (await verifyAll({ store, clock })).sequence?.heads ?? [];
    await erase(store, keys[2]!);
    // Nothing that is left speaks of it.
    expect(problems(await verifyAll({ store, clock }))).toEqual([]);
    const found = problems(await verifyAll({ store, clock, ...{} }, { seen }));
    expect(found).toEqual([finding(keys[2]!, 'backup 3 of shop')]);
    expect(found[0]?.[1]).toContain('the newest is now number 2');
  });

  it('believes no copy of a manifest below expired/ that no prune speaks of', async () => {
    const { store, clock, keys } = await historyOf(3);
    const bytes = await store.get(keys[1]!);
    await store.put(`expired/20260301T060000Z/${keys[1]}`, bytes);
    await erase(store, keys[1]!);
    expect(problems(await verifyAll({ store, clock }))).toEqual([finding(keys[1]!, 'is missing')]);
  });

  it('names one in whose place another of the same source was put, by who has the key', async () => {
    const { store, clock, keys } = await historyOf(4);
    const bytes = await withRightMac(store, keys[1]!, (document) => ({ ...document, note: 'another' }));
    await replace(store, keys[1]!, bytes);
    expect(problems(await verifyAll({ store, clock }))).toEqual([finding(keys[1]!, 'it was replaced')]);
  });

  it('names one that was numbered anew', async () => {
    const { store, clock, keys } = await historyOf(4);
    const { sequence } = await read(store, keys[3]!);
    const bytes = await withRightMac(store, keys[3]!, (document) => ({
      ...document,
      sequence: { ...sequence, number: 9 },
    }));
    await replace(store, keys[3]!, bytes);
    expect(problems(await verifyAll({ store, clock }))).toEqual([
      finding(keys[3]!, 'says that it is number 9, but its predecessor'),
      finding(keys[3]!, 'that no prune removed: 4, 5, 6, 7'),
    ]);
  });

  it('names the newest that was put back after another took its number', async () => {
    const { store, clock, keys, backUp } = await historyOf(3);
    const bytes = await store.get(keys[2]!);
    await store.delete(keys[2]!);
    clock.advance(DAY_MS);
    const usurper = await backUp();
    await store.put(keys[2]!, bytes);
    expect(problems(await verifyAll({ store, clock }))).toEqual([
      finding(usurper, 'is number 3 of its source, and so is'),
      finding(keys[2]!, 'is number 3 of its source, and so is'),
    ]);
  });

  it('names an old one that was listed again under another date, with the number that it had', async () => {
    const { store, clock, keys } = await historyOf(3);
    const at = '2026-03-01T09:30:00.000Z';
    await listAgain(store, keys[0]!, { type: 'daily', at });
    expect(problems(await verifyAll({ store, clock }))).toEqual(
      expect.arrayContaining([finding(keyOf('daily', at), 'is number 1 of its source, and so is')]),
    );
  });

  it('misses nothing in a place that has some of them alone', async () => {
    const { store, clock, keys } = await historyOf(3);
    await erase(store, keys[1]!);
    expect(problems(await verifyAll({ store, clock }, { isCopy: true }))).toEqual([]);
  });
});

describe('the newest number of a source', () => {
  it('is told by status, and measured by the watchdog, without a key', async () => {
    const { store, clock, keys } = await historyOf(3);
    const look = async () => {
      await using repository = await openCheaply(store, { clock, keys: undefined });
      const { heads } = await readStatus(repository, never);
      return [heads.map(({ number, sha256: hash }) => [number, hash]), heads[0]?.number];
    };
    expect(await look()).toEqual([[[3, await sha256(store, keys[2]!)]], 3]);
    await erase(store, keys[2]!);
    expect(await look()).toEqual([[[2, await sha256(store, keys[1]!)]], 2]);
  });
});
