import { describe, expect, it } from 'vitest';
import { orderedMap } from '../../../shared/core/ordered-map.ts';
import { parallel } from '../../../shared/core/parallel.ts';

const never = new AbortController().signal;
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('parallel', () => {
  it('works on so many at once, and on all', async () => {
    let now = 0;
    let most = 0;
    const done: number[] = [];
    await parallel([1, 2, 3, 4, 5, 6, 7], { most: 3, signal: never }, async (item) => {
      most = Math.max(most, ++now);
      await turn();
      now--;
      done.push(item);
    });
    expect(most).toBe(3);
    expect(done.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('tells the others to stop when one fails, waits for them, and throws the first failure', async () => {
    const ended: string[] = [];
    const run = parallel(['slow', 'bad', 'never begun'], { most: 2, signal: never }, async (item, signal) => {
      await turn();
      if (item === 'bad') throw new Error('bad');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await turn();
      ended.push(item);
      throw new Error('told to stop');
    });
    await expect(run).rejects.toThrow('bad');
    expect(ended).toEqual(['slow']);
  });

  it('begins nothing once it is stopped', async () => {
    const run = parallel([1], { most: 1, signal: AbortSignal.abort() }, async () => expect.fail('begun'));
    await expect(run).rejects.toMatchObject({ code: 'E_ABORTED' });
  });
});

describe('orderedMap', () => {
  it('yields in order whatever ends first, and no more than so many are under way', async () => {
    let now = 0;
    let most = 0;
    const results: number[] = [];
    const mapped = orderedMap([5, 1, 4, 2, 3], 3, async (item) => {
      most = Math.max(most, ++now);
      for (let i = 0; i < item; i++) await turn();
      now--;
      return item;
    });
    for await (const result of mapped) results.push(result);
    expect(results).toEqual([5, 1, 4, 2, 3]);
    expect(most).toBe(3);
  });
});
