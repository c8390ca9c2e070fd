import { describe, expect } from 'vitest';
import { KiB } from '../../../../shared/core/units.ts';
import { restoreBackup } from '../../../../shared/jobs/restore/restore.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { startFirebaseServer } from '../../../../tools/firebase-server/server.ts';
import { initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { backUpInShares } from '../../../support/repository/shares.ts';
import { turns } from '../../../support/repository/torture.ts';
import { firebaseSource, firebaseTarget, newChildren } from '../../../support/sources/firebase.ts';

const it = turns(2);

describe('the view of several instances', () => {
  it('asks for what changed under the read again, by its instance', async () => {
    await using eu = await startFirebaseServer();
    await using us = await startFirebaseServer();
    const large = newChildren(200, 16 * KiB, 1);
    for (const server of [eu, us]) await server.set('/', { large });
    const source = firebaseSource('', { instances: `eu=${eu.url} us=${us.url}`, readers: 3 });
    expect(source.capabilities).toEqual({ consistency: 'per-subtree', maxReaders: 3 });
    await using view = await source.open(never);
    const read = async (name: string, meanwhile: () => Promise<void>) => {
      const dataset = view.datasets.find((one) => one.name === name);
      const [partition] = dataset?.partitions ?? [];
      if (!dataset || !partition) throw new Error(`there is no ${name}`);
      let text = '';
      for await (const block of view.read(dataset, partition, never)) {
        if (text === '') await meanwhile();
        text += Buffer.from(block).toString();
      }
      return text;
    };
    await read('eu/large', async () => {});
    await read('us/large', () => us.set('/large/key0000/id', 'changed'));
    const changed = await view.changed?.(never);
    expect(changed?.map(({ dataset }) => dataset.name)).toEqual(['us/large']);
    expect(await read('us/large', async () => {})).toContain('"id":"changed"');
    expect(await view.changed?.(never)).toEqual([]);
    await view.check(never);
    expect(view.consistency).toBe('per-subtree');
  });

  it('is read by a share too, with what did not change taken from the last backup', async () => {
    await using eu = await startFirebaseServer();
    await using us = await startFirebaseServer();
    await eu.set('/', { characters: { alice: { name: 'Alice' } } });
    await us.set('/', { large: newChildren(50, 16 * KiB, 1) });
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openRepository(store);
    const source = firebaseSource('', { instances: `eu=${eu.url} us=${us.url}` });
    await backUpInShares(repository, source);
    await eu.set('/characters/bob', { name: 'Bob' });
    const { cost, key } = await backUpInShares(repository, source);
    expect(cost?.skippedBytes).toBeGreaterThan(40 * 16 * KiB);
    const target = firebaseTarget('', { instances: `us=${us.url}/copy eu=${eu.url}/copy` });
    await restoreBackup(repository, key, target, { signal: never });
    expect(await eu.get('/copy')).toEqual({ characters: await eu.get('/characters') });
    expect(await us.get('/copy')).toEqual({ large: await us.get('/large') });
  });
});
