import { randomBytes } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import type { RunKeyId } from '../../../shared/core/ids.ts';
import { KiB, MiB } from '../../../shared/core/units.ts';
import type { CodecTask, RunSettings } from '../../../shared/repository/codec/codec-task.ts';
import { WorkerPool } from '../../../shared/repository/codec/worker-pool.ts';
import { never } from '../../support/repository/engine.ts';

let pool: WorkerPool | undefined;
afterEach(() => pool?.close());

type Task<K extends CodecTask['kind']> = Extract<CodecTask, { kind: K }>;

const digest = (bytes: number): Task<'digest'> => ({
  kind: 'digest',
  block: new SharedArrayBuffer(bytes),
  end: bytes,
});

const settingsOf = (run: string): RunSettings => ({
  version: 2,
  runKeyId: run as RunKeyId,
  purpose: 'data',
  runKey: randomBytes(32),
  packBytes: 32 * MiB,
  maxChunkBytes: MiB,
  level: 0,
});

/** Which threads did them. */
async function threadsFor(tasks: readonly Task<'digest'>[], size = 3): Promise<number[]> {
  pool = new WorkerPool(size);
  const done = await Promise.all(tasks.map((task) => pool!.run(task, [], never)));
  return [...new Set(done.map(({ worker }) => worker))].toSorted();
}

it('has one thread for little work', async () => {
  expect(await threadsFor([digest(10), digest(200 * KiB), digest(1)])).toEqual([0]);
});

it('has those that were asked for, and no more than it may', async () => {
  pool = new WorkerPool(3);
  for (const [count, threads] of [
    [2, 2],
    [1, 2],
    [9, 3],
  ] as const) {
    pool.start(count);
    expect(await pool.broadcast({ kind: 'begin', settings: settingsOf(`run ${count}`) })).toHaveLength(
      threads,
    );
  }
});

it.each([
  ['much work', [8 * MiB, 8 * MiB, 8 * MiB], [0, 1, 2]],
  ['many tasks', Array.from({ length: 40 }, () => 10), [0, 1, 2]],
  ['a task of 5 MiB, and another one', [5 * MiB, 10], [0, 1]],
])('has more threads for %s, and no more than it may', async (_, sizes, threads) => {
  expect(await threadsFor(sizes.map(digest))).toEqual(threads);
});

it('tells a thread that starts later of the runs that were begun', async () => {
  pool = new WorkerPool(2);
  const run = '0123456789abcdef0123456789abcdef';
  expect(await pool.broadcast({ kind: 'begin', settings: settingsOf(run) })).toHaveLength(1);
  const store = (block: SharedArrayBuffer): Task<'store'> => ({
    kind: 'store',
    keyFields: [],
    run,
    block,
    chunks: Array.from({ length: 6 }, (_, i) => ({ start: i * MiB, end: (i + 1) * MiB, mayDelta: false })),
    bases: undefined,
    spare: undefined,
  });
  const blocks = Array.from({ length: 4 }, () => new SharedArrayBuffer(6 * MiB));
  for (const block of blocks) Buffer.from(block).fill(randomBytes(6 * MiB));
  const stored = await Promise.all(blocks.map((block) => pool!.run(store(block), [], never)));
  expect(new Set(stored.map(({ worker }) => worker))).toEqual(new Set([0, 1]));
  const finished = await pool.broadcast({ kind: 'finish', run });
  expect(finished.map(({ value }) => value.closed.length > 0)).toEqual([true, true]);
});
