import { describe, expect, it } from 'vitest';
import { Meanwhile } from '../../../shared/core/meanwhile.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('what runs meanwhile', () => {
  it('is one task at a time, in their order, while the caller goes on', async () => {
    const meanwhile = new Meanwhile();
    const told: string[] = [];
    const task = (name: string) => async () => {
      told.push(`${name} begins`);
      await turn();
      told.push(`${name} ends`);
    };
    await meanwhile.begin(task('one'));
    told.push('the caller goes on');
    await meanwhile.begin(task('two'));
    await meanwhile.settle();
    expect(told).toEqual(['one begins', 'the caller goes on', 'one ends', 'two begins', 'two ends']);
    await meanwhile.settle();
  });

  it('throws what a task threw to the next one, once, and does not start that', async () => {
    const meanwhile = new Meanwhile();
    await meanwhile.begin(() => Promise.reject(new Error('gone')));
    await turn();
    let isStarted = false;
    const next = meanwhile.begin(async () => {
      isStarted = true;
    });
    await expect(next).rejects.toThrow('gone');
    expect(isStarted).toBe(false);
    await meanwhile.settle();
  });
});
