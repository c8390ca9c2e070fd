import { expect, it } from 'vitest';
import type { ProgressEvent } from '../../../../shared/core/progress.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import type { Source } from '../../../../shared/sources/source.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { initRepository, memorySource, never, openCheaply } from '../../../support/repository/engine.ts';

/** Estimates so many times what it gives, as a server does whose pages hold more than the data. */
function estimating(factor: number): Source {
  const source = memorySource({ orders: 'order\n'.repeat(900), lines: 'line\n'.repeat(400), empty: '' });
  return {
    ...source,
    open: async (...given) => {
      const view = await source.open(...given);
      const datasets = view.datasets.map((dataset) => ({
        ...dataset,
        partitions: dataset.partitions.map((one) => ({
          ...one,
          estimatedBytes: one.estimatedBytes * factor,
        })),
      }));
      return { ...view, datasets };
    },
  };
}

it.each([0.4, 1, 2.1])(
  'a backup ends at the total that it tells, whatever was estimated: %d times as much',
  async (factor) => {
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openCheaply(store);
    const told: ProgressEvent[] = [];
    const onProgress = (event: ProgressEvent) => told.push(event);
    const { plainBytes } = await runBackup(repository, estimating(factor), {
      type: 'daily',
      onProgress,
      signal: never,
    });
    const committing = told.findIndex((event) => event.kind === 'phase' && event.phase === 'commit');
    const last = told.slice(0, committing).findLast(({ kind }) => kind === 'total');
    expect(last).toMatchObject({ plainBytes });
  },
);
