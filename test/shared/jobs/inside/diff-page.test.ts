import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { readDiffPage } from '../../../../shared/jobs/inside/diff-page.ts';
import { backupVersion, type Version } from '../../../../shared/jobs/inside/version.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { backUp, initRepository, never, openCheaply } from '../../../support/repository/engine.ts';

/** A version that never has a record. */
function stuck(version: Version): Version {
  const contents: Version['contents'] = {
    ...version.contents,
    // biome-ignore lint/correctness/useYield: it waits
    async *read(_, __, signal) {
      if (!signal.aborted) await once(signal, 'abort');
      signal.throwIfAborted();
    },
  };
  return {
    name: 'stuck',
    contents,
    check: () => Promise.reject(new Error('what was not read is not checked')),
    [Symbol.asyncDispose]: async () => {},
  };
}

describe('a page of differences', () => {
  it('names what there was no time for, and ends at once if nobody waits for it', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openCheaply(store);
    const before = await backUp(repository, { orders: 'a\nb\nc\n', items: '1\n' });
    const after = await backUp(repository, { orders: 'b\nc\nd\ne\n', notes: 'x\n' });
    const [first, second] = [
      backupVersion(await repository.openBackup(before.key, never)),
      backupVersion(await repository.openBackup(after.key, never)),
    ];
    const counted = await readDiffPage(first, second, { signal: never });
    expect(counted.map(({ name, isIn, found }) => [name, isIn, found?.counts])).toEqual([
      ['orders', 'both', { added: 2, removed: 1, changed: 0 }],
      ['notes', 'second', { added: 1, removed: 0, changed: 0 }],
      ['items', 'first', { added: 0, removed: 1, changed: 0 }],
    ]);
    const uncounted = await readDiffPage(stuck(first), second, { mostMs: 1, signal: never });
    expect(uncounted.map(({ name, isIn }) => [name, isIn])).toEqual(
      counted.map(({ name, isIn }) => [name, isIn]),
    );
    expect(uncounted.find(({ name }) => name === 'orders')).toMatchObject({ found: undefined });
    const stop = new AbortController();
    const waiting = readDiffPage(stuck(first), second, { datasets: ['orders'], signal: stop.signal });
    stop.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
  });
});
