import { expect, it } from 'vitest';
import { RunTracker } from '../../../shared/api/local/run-tracker.ts';
import { abortedError } from '../../../shared/core/abort.ts';
import { systemClock } from '../../../shared/core/clock.ts';
import { HoldfastError } from '../../../shared/core/errors.ts';

it('remembers a bounded number of runs, and of lines of each', async () => {
  const tracker = new RunTracker(systemClock, { atOnce: 1 });
  let last = '';
  for (let i = 0; i < 230; i++) {
    last = tracker.begin('verify', {}, async ({ onProgress }) => {
      for (let line = 0; line < 300 && i === 229; line++)
        onProgress({ kind: 'warning', code: 'x', message: `line ${line} ${'y'.repeat(2000)}` });
      return { result: {} };
    });
    await tracker.over(last);
  }
  expect(tracker.list(1000).length).toBeLessThanOrEqual(200);
  const { log } = tracker.get(last);
  expect(log).toHaveLength(200);
  expect(log.at(-2)?.message).toMatch(/^line 299 y+$/);
  expect(Math.max(...log.map(({ message }) => message.length))).toBe(500);
});

it('begins no more than may be at once, and no second backup of a source', async () => {
  const tracker = new RunTracker(systemClock, { atOnce: 2 });
  const { promise, resolve } = Promise.withResolvers<void>();
  const work = async () => {
    await promise;
    return { result: {} };
  };
  const busy = expect.objectContaining({ code: 'E_BUSY' });
  const first = tracker.begin('backup', { source: 'shop' }, work);
  expect(() => tracker.begin('backup', { source: 'shop' }, work)).toThrow(busy);
  tracker.begin('verify', {}, work);
  expect(() => tracker.begin('drill', {}, work)).toThrow(busy);
  expect(tracker.get(first).state).toBe('running');
  resolve();
  expect(await tracker.over(first)).toMatchObject({ state: 'succeeded' });
  await tracker.close();
  expect(() => tracker.begin('drill', {}, work)).toThrow(busy);
});

it('cancels a run: its work is told, and who asked is named; what is over is left alone', async () => {
  const tracker = new RunTracker(systemClock);
  const id = tracker.begin('restore', {}, ({ signal }) => {
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => reject(abortedError(signal)));
    return promise;
  });
  const deaf = Promise.withResolvers<{ result: object }>();
  const finishing = tracker.begin('drill', {}, async () => {
    await deaf.promise;
    return { result: {} };
  });
  expect(tracker.cancel(id, 'ana')).toBe(true);
  expect(tracker.cancel(id, 'bob')).toBe(true);
  expect(await tracker.over(id)).toMatchObject({
    state: 'cancelled',
    cancelledBy: 'ana',
    error: { code: 'E_ABORTED', message: 'cancelled by ana' },
  });
  expect(tracker.cancel(id, 'ana')).toBe(false);
  // One that came to its end all the same has done what it was to do.
  tracker.cancel(finishing, 'ana');
  deaf.resolve({ result: {} });
  expect(await tracker.over(finishing)).toMatchObject({ state: 'succeeded', cancelledBy: 'ana' });
  expect(() => tracker.cancel('0'.repeat(32), 'ana')).toThrow(
    expect.objectContaining({ code: 'E_UNKNOWN_RUN' }),
  );
});

it('lets a run be followed from where it is to its end', async () => {
  const tracker = new RunTracker(systemClock);
  const { promise, resolve } = Promise.withResolvers<void>();
  const id = tracker.begin('verify', {}, async ({ onProgress }) => {
    await promise;
    onProgress({ kind: 'warning', code: 'x', message: 'seen' });
    return { result: {} };
  });
  const seen: string[] = [];
  for await (const { state, log } of tracker.follow(id, new AbortController().signal)) {
    seen.push(`${state} ${log.at(-1)?.message}`);
    resolve();
  }
  expect(seen[0]).toBe('running verify begun');
  expect(seen.at(-1)).toBe('succeeded verify done');
  const gone = new AbortController();
  gone.abort();
  const left = tracker.begin('verify', {}, () => new Promise(() => {}));
  expect(await Array.fromAsync(tracker.follow(left, gone.signal))).toHaveLength(1);
});

it('says how a run failed, and nothing of what nobody has met', async () => {
  const tracker = new RunTracker(systemClock);
  const known = tracker.begin('backup', {}, async () => {
    throw new HoldfastError('E_SOURCE_LOST', 'the connection broke', { hint: 'Try again.' });
  });
  const unknown = tracker.begin('verify', {}, async () => {
    throw new Error('postgres://ana:secret@db');
  });
  expect((await tracker.over(known)).error).toEqual({
    code: 'E_SOURCE_LOST',
    message: 'the connection broke',
    hint: 'Try again.',
  });
  expect(JSON.stringify(await tracker.over(unknown))).not.toContain('secret');
});
