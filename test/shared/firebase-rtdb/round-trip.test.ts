import { describe, expect, it } from 'vitest';
import { DEFAULT_CHUNKER } from '../../../shared/format/repository-file.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { initRepository, openRepository } from '../../support/engine.ts';
import {
  backUpFirebase,
  exportedJson,
  oddData,
  openTestDatabase,
  restoreFirebase,
} from '../../support/firebase.ts';

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
});
