import { expect, it } from 'vitest';
import { addTotals, NO_METER, WorkMeter } from '../../../shared/core/work-meter.ts';

/** Takes some time of this thread. */
function spin(): void {
  const until = performance.now() + 3;
  while (performance.now() < until);
}

it('counts work inside of other work once', () => {
  const meter = new WorkMeter();
  const began = performance.now();
  const result = meter.run('write', 10, () => {
    spin();
    meter.run('hash', 4, spin);
    meter.run('hash', 6, spin);
    return 'done';
  });
  const elapsedMs = performance.now() - began;
  expect(result).toBe('done');
  const totals = meter.totals();
  expect(totals.map(({ work, times, bytes }) => ({ work, times, bytes }))).toEqual([
    { work: 'hash', times: 2, bytes: 10 },
    { work: 'write', times: 1, bytes: 10 },
  ]);
  expect(totals.reduce((sum, { wallMs }) => sum + wallMs, 0)).toBeLessThanOrEqual(elapsedMs);
});

it('counts work that fails, and what comes after it', () => {
  const meter = new WorkMeter();
  const fail = () => {
    throw new Error('no room');
  };
  expect(() => meter.run('seal', 1, fail)).toThrow('no room');
  meter.run('cut', 2, spin);
  expect(meter.totals().map(({ work, times }) => [work, times])).toEqual([
    ['cut', 1],
    ['seal', 1],
  ]);
});

it('counts waiting without CPU time, and adds the totals of threads', async () => {
  const [one, other] = [new WorkMeter(), new WorkMeter()];
  await one.wait('put', Promise.resolve('abc'), ({ length }) => length);
  await other.wait('put', Promise.resolve('de'), ({ length }) => length);
  other.run('cut', 7, () => {});
  const [cut, put] = addTotals([one.totals(), other.totals()]);
  expect(cut).toMatchObject({ work: 'cut', times: 1, bytes: 7, cpuMs: expect.any(Number) });
  expect(put).toMatchObject({ work: 'put', times: 2, bytes: 5, cpuMs: undefined });
});

it('passes blocks on as they are, and counts their bytes', async () => {
  async function* source() {
    yield Buffer.from('one');
    yield Buffer.from('three');
  }
  const meter = new WorkMeter();
  const given: string[] = [];
  for await (const block of meter.blocks('read', source())) given.push(String(block));
  expect(given).toEqual(['one', 'three']);
  expect(meter.totals()).toMatchObject([{ work: 'read', times: 2, bytes: 8 }]);
  const blocks = source();
  expect(NO_METER.blocks('read', blocks)).toBe(blocks);
});
