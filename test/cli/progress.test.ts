import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Progress } from '../../cli/progress.ts';
import { ProgressText } from '../../cli/progress-text.ts';
import type { ProgressEvent } from '../../shared/core/progress.ts';
import { ReadTotal } from '../../shared/jobs/backup/read-total.ts';

const MiB = 1024 ** 2;
const read: ProgressEvent = { kind: 'phase', phase: 'read' };
const done = (plainBytes: number): ProgressEvent => ({ kind: 'done', plainBytes, storedBytes: 0 });
const total = (plainBytes: number): ProgressEvent => ({ kind: 'total', plainBytes, datasets: 1 });

/** What is said after events, each at its millisecond. */
function saidAt(now: number, events: readonly (readonly [at: number, event: ProgressEvent])[]): string {
  const text = new ProgressText(0);
  for (const [at, event] of events) text.note(event, at);
  return text.at(now);
}

describe('the text of progress', () => {
  it.each<readonly [string, number, readonly (readonly [number, ProgressEvent])[]]>([
    ['connecting', 10, []],
    ['backing up', 10, [[0, read]]],
    [
      'backing up 1 %  1.00 MiB',
      900,
      [
        [0, total(100 * MiB)],
        [0, read],
        [800, done(MiB)],
      ],
    ],
    // No rate of a fraction of a byte, and no estimate out of the first moments.
    [
      'backing up 0 %  952 B, 952 B/s',
      1000,
      [
        [0, total(190_000_000)],
        [0, read],
        [900, done(951.7481)],
      ],
    ],
    [
      'backing up 50 %  50.0 MiB, 12.5 MiB/s',
      4000,
      [
        [0, total(100 * MiB)],
        [0, read],
        [4000, done(50 * MiB)],
      ],
    ],
    [
      'backing up 1 %  1.00 MiB, 170.7 KiB/s',
      6000,
      [
        [0, total(100 * MiB)],
        [0, read],
        [6000, done(MiB)],
      ],
    ],
    [
      'backing up 50 %  50.0 MiB, 5.00 MiB/s, 10 s left',
      10_000,
      [
        [0, total(100 * MiB)],
        [0, read],
        [10_000, done(50 * MiB)],
      ],
    ],
    [
      'backing up 10 %  1.00 GiB, 10.2 MiB/s, 15 min left',
      100_000,
      [
        [0, total(10 * 1024 * MiB)],
        [0, read],
        [100_000, done(1024 * MiB)],
      ],
    ],
    [
      'backing up 3 %  300.0 MiB, 1.00 MiB/s, 2 h 40 min left',
      300_000,
      [
        [0, total(10_000 * MiB)],
        [0, read],
        [300_000, done(300 * MiB)],
      ],
    ],
    // Less than a second is no estimate; and what was estimated too low is no more than all.
    [
      'backing up 99 %  99.0 MiB, 9.90 MiB/s',
      10_000,
      [
        [0, total(99.5 * MiB)],
        [0, read],
        [9999, done(99 * MiB)],
      ],
    ],
    [
      'backing up 100 %  120.0 MiB, 12.0 MiB/s',
      10_000,
      [
        [0, total(100 * MiB)],
        [0, read],
        [9999, done(120 * MiB)],
      ],
    ],
    // Of a phase that comes later the rate is its own.
    [
      'restoring 10 %  10.0 MiB, 2.00 MiB/s, 45 s left',
      15_000,
      [
        [0, { kind: 'phase', phase: 'verify' }],
        [9000, done(90 * MiB)],
        [10_000, total(100 * MiB)],
        [10_000, { kind: 'phase', phase: 'write' }],
        [11_000, done(5 * MiB)],
        [14_900, done(10 * MiB)],
      ],
    ],
    [
      'removing existing data  12,000 nodes',
      100,
      [
        [0, { kind: 'phase', phase: 'clear' }],
        [50, { kind: 'removed', nodes: 12_000 }],
      ],
    ],
    [
      'committing',
      9000,
      [
        [0, total(100)],
        [0, read],
        [5000, done(100)],
        [6000, { kind: 'phase', phase: 'commit' }],
      ],
    ],
  ])('is: %s', (said, now, events) => {
    expect(saidAt(now, events)).toBe(said);
  });

  it.each([
    ['dumb', { TERM: 'dumb' }, true],
    ['none', { TERM: 'xterm' }, false],
  ])('has no escapes where the terminal is %s', (_, env, isTTY) => {
    const stderr = Object.assign(new PassThrough(), { isTTY, columns: 20 });
    const progress = new Progress({ stderr, env } as never, { quiet: false });
    for (const event of [total(100), read, done(50)]) progress.on(event);
    progress.say('warning: x');
    progress.clear();
    const text = String(stderr.read());
    expect(text).toContain('warning: x');
    expect(text).not.toContain('\u001b');
  });
});

describe('how much there is to read', () => {
  const part = (estimatedBytes: number) =>
    ({ dataset: {}, partition: { name: '', estimatedBytes } }) as never;

  it('is what was read, once all of it was, however wrong the estimate', () => {
    const told: number[] = [];
    const parts = [part(600), part(300), part(100)];
    const all = new ReadTotal(parts, 3, (event) => {
      if (event.kind === 'total') told.push(event.plainBytes);
    });
    all.over(parts[0]!, 270);
    all.over(parts[1]!, 140);
    all.over(parts[2]!, 60);
    expect(told[0]).toBe(1000);
    // Half of it was read and says that the rest is less than half of what was thought.
    expect(told[1]).toBeGreaterThan(270 + 400 * 0.45);
    expect(told[1]).toBeLessThan(270 + 400 * 0.6);
    expect(told.at(-1)).toBe(470);
  });

  it('is known where nothing was estimated', () => {
    const all = new ReadTotal([part(0)], 1, () => {});
    expect(all.plainBytes).toBe(0);
    all.over(part(0), 90);
    expect(all.plainBytes).toBe(90);
  });
});
