import { describe, expect } from 'vitest';
import { DEFAULT_CHUNKER } from '../../../../shared/format/repository-file.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { backUpInShares } from '../../../support/repository/shares.ts';
import { turns } from '../../../support/repository/torture.ts';
import {
  backUpFirebase,
  exportedJson,
  firebaseSource,
  newChildren,
  oddData,
  openTestDatabase,
  restoreFirebase,
} from '../../../support/sources/firebase.ts';
import { CountingKeys } from '../../../support/stores/counting-keys.ts';

const it = turns(2);

async function newRepository() {
  const store = new MemoryStore();
  await initRepository(store, DEFAULT_CHUNKER);
  return openRepository(store);
}

describe('a Firebase database', () => {
  it('comes back as it was, with odd keys, priorities, floats and arrays', async () => {
    await using from = await openTestDatabase();
    await using to = await openTestDatabase();
    await from.set('/', { ...oddData(), '.priority': 4 });
    await using repository = await newRepository();
    const made = await backUpFirebase(repository, from.url);
    const restored = await restoreFirebase(repository, to.url);
    expect(restored.comparison.every(({ equal }) => equal)).toBe(true);
    expect(await to.get('/')).toEqual(await from.get('/'));
    expect(made.records).toBe(restored.records);
    expect(await exportedJson(repository)).toEqual(await from.get('/'));
  }, 120_000);

  it('comes back from a share, and from a write-only one that opens no data', async () => {
    await using from = await openTestDatabase();
    await using to = await openTestDatabase();
    const store = new MemoryStore();
    await initRepository(store, DEFAULT_CHUNKER);
    await from.set('/', { ...oddData(), large: newChildren(200, 500, 1) });
    await using first = await openRepository(store);
    const before = await backUpInShares(first, firebaseSource(from.url));
    expect(before.cost?.readBytes).toBeGreaterThan(0);
    expect((await first.readManifest(before.key, never)).window).toBeDefined();
    await from.set('/large/one', { more: 'than before' });
    const keys = new CountingKeys();
    await using writeOnly = await openRepository(store, { keys, deltas: false });
    const after = await backUpInShares(writeOnly, firebaseSource(from.url));
    expect(keys.take()).not.toContain('data');
    expect(after.chunks).toBeGreaterThan(after.newChunks);
    const restored = await restoreFirebase(first, to.url);
    expect(restored.comparison.every(({ equal }) => equal)).toBe(true);
    expect(await to.get('/')).toEqual(await from.get('/'));
  }, 120_000);
});
