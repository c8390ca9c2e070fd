import { describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import type { JsonObject } from '../../../../shared/core/json.ts';
import { replayRateOf } from '../../../../shared/jobs/changes/replay-rate.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { backUp, initRepository, never, openCheaply } from '../../../support/repository/engine.ts';

const SOURCE = { kind: 'postgres', name: 'shop' };
const ASSUMED = { replayBytesPerMs: 5000 };

async function drilled(...moments: readonly (JsonObject | undefined)[]) {
  const store = new MemoryStore();
  await initRepository(store);
  const repository = await openCheaply(store);
  const { key } = await backUp(repository, { t: 'a\n' });
  for (const moment of moments) {
    const body = {
      outcome: 'equal',
      restoreMs: 1,
      records: 1,
      source: SOURCE,
      ...(moment ? { moment } : {}),
    };
    await repository.reports.write('drill', { backups: [key as BackupKey], body }, never);
  }
  return repository;
}

const moment = (plainBytes: number | undefined, replayMs: number) => ({
  at: '2026-11-29T10:00:00.000000Z',
  outcome: 'equal',
  rows: 10,
  replayMs,
  segments: 1,
  transactions: 1,
  datasets: 1,
  differentDatasets: 0,
  notCompared: 0,
  ...(plainBytes === undefined ? {} : { plainBytes }),
});

describe('how long a replay takes is estimated', () => {
  it('by a benchmark, where no drill has applied changes for long enough', async () => {
    await using repository = await drilled(undefined, moment(1000, 999), moment(undefined, 5000));
    expect(await replayRateOf(repository, SOURCE, ASSUMED, never)).toEqual({
      bytesPerMs: 5000,
      drilledAt: undefined,
    });
  });

  it('by the newest drill of the source that has', async () => {
    await using repository = await drilled(moment(30_000, 2000));
    const rate = await replayRateOf(repository, SOURCE, ASSUMED, never);
    expect(rate).toEqual({ bytesPerMs: 15, drilledAt: expect.any(Date) });
    const other = { kind: 'postgres', name: 'other' };
    expect((await replayRateOf(repository, other, ASSUMED, never)).drilledAt).toBeUndefined();
  });
});
