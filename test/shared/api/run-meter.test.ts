import { describe, expect, it } from 'vitest';
import { RunMeter } from '../../../shared/api/local/run-meter.ts';

const done = (plainBytes: number) => ({ kind: 'done', plainBytes, storedBytes: 0 }) as const;

describe('how far a run is', () => {
  it('tells the rate of the last seconds, and what is left at that rate', () => {
    const meter = new RunMeter();
    meter.note({ kind: 'total', plainBytes: 10_000, datasets: 3 }, 0);
    meter.note({ kind: 'phase', phase: 'write' }, 0);
    expect(meter.note(done(100), 500)).toMatchObject({ bytesPerSecond: null, leftMs: null });
    expect(meter.note(done(2000), 2000)).toMatchObject({ bytesPerSecond: 1000, leftMs: 8000 });
    // What was slow at first counts no more after the window.
    for (let second = 3; second <= 14; second++) meter.note(done(2000 + (second - 2) * 500), second * 1000);
    expect(meter.note(done(8500), 15_000)).toMatchObject({ bytesPerSecond: 500, leftMs: 3000 });
  });

  it('counts datasets of each phase, and gives no rate where nothing moves', () => {
    const meter = new RunMeter();
    meter.note({ kind: 'total', plainBytes: 10, datasets: 2 }, 0);
    meter.note({ kind: 'phase', phase: 'write' }, 0);
    meter.note({ kind: 'dataset', dataset: 'a', records: 1, plainBytes: 5 }, 1);
    expect(meter.note(done(10), 5000)).toMatchObject({ doneDatasets: 1, totalDatasets: 2, leftMs: 0 });
    const compare = meter.note({ kind: 'phase', phase: 'compare' }, 6000);
    expect(compare).toMatchObject({ phase: 'compare', doneDatasets: 0, bytesPerSecond: null, leftMs: null });
  });

  it('never says that less than nothing is left, and still has a rate where hardly anything moves', () => {
    const meter = new RunMeter();
    meter.note({ kind: 'total', plainBytes: 100, datasets: 1 }, 0);
    meter.note({ kind: 'phase', phase: 'read' }, 0);
    expect(meter.note(done(300), 2000)).toMatchObject({ leftMs: 0 });
    expect(meter.note(done(330), 62_000)).toMatchObject({ bytesPerSecond: 1 });
  });
});
