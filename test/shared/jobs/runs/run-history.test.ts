import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../../../shared/core/errors.ts';
import { DAY_MS, MINUTE_MS } from '../../../../shared/core/units.ts';
import { recordRun } from '../../../../shared/jobs/runs/record-run.ts';
import { expireHistory, findRun, readRuns } from '../../../../shared/jobs/runs/run-history.ts';
import { readRunFacts } from '../../../../shared/jobs/verdict/run-facts.ts';
import { beginNotedRun } from '../../../../shared/repository/documents/run-history.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { initRepository, never, openCheaply } from '../../../support/repository/engine.ts';
import { ManualClock } from '../../../support/repository/pruning.ts';

const ABOUT = {
  kind: 'backup',
  source: 'shop',
  type: 'daily',
  backup: null,
  target: null,
  by: null,
} as const;

async function newWorld() {
  const clock = new ManualClock('2026-03-01T02:00:00Z');
  const store = new MemoryStore(clock);
  await initRepository(store);
  const repository = await openCheaply(store, { clock });
  const problems: string[] = [];
  const onProblem = (message: string) => problems.push(message);
  const record = (work: () => Promise<unknown>, about: object = ABOUT) =>
    recordRun(repository, work, { about: about as typeof ABOUT, onProblem }).catch(() => {});
  const states = async () =>
    (await Array.fromAsync(readRuns(repository, { signal: never }))).map(({ state, code }) =>
      code === undefined ? state : `${state} ${code}`,
    );
  return { clock, store, repository, problems, record, states };
}

const failing = async () => {
  throw new HoldfastError('E_SOURCE_REFUSED', 'no login for anna at db.example');
};

describe('the history of runs', () => {
  it('says how each ended, the newest first, and nothing that an error says', async () => {
    const { clock, store, record, states, problems } = await newWorld();
    await record(async () => {});
    clock.advance(MINUTE_MS);
    await record(failing);
    clock.advance(MINUTE_MS);
    await record(async () => {
      throw new HoldfastError('E_ABORTED', 'stopped');
    });
    clock.advance(MINUTE_MS);
    await record(async () => {
      throw new Error('secret');
    });
    expect(await states()).toEqual([
      'failed E_INTERNAL',
      'stopped E_ABORTED',
      'failed E_SOURCE_REFUSED',
      'succeeded',
    ]);
    expect(problems).toEqual([]);
    for await (const { key } of store.list('history/'))
      expect(Buffer.from(await store.get(key)).toString()).not.toMatch(/anna|secret/);
  });

  it('has a run whose process died as stopped, not as running for ever', async () => {
    const { clock, repository, states } = await newWorld();
    const options = { startedAt: clock.now(), onProblem: () => {} };
    await beginNotedRun(repository, ABOUT, { ...options, run: 'a'.repeat(32) });
    expect(await states()).toEqual(['running']);
    clock.advance(20 * MINUTE_MS);
    expect(await states()).toEqual(['running']);
    clock.advance(11 * MINUTE_MS);
    expect(await states()).toEqual(['stopped']);
    expect((await readRunFacts(repository, never)).lastOf.get('shop')).toMatchObject({ outcome: 'given-up' });
    expect(await findRun(repository, 'a'.repeat(32), never)).toMatchObject({
      state: 'stopped',
      source: 'shop',
    });
    expect(await findRun(repository, 'b'.repeat(32), never)).toBeUndefined();
  });

  it('has a run that gives signs as running, however long it takes', async () => {
    const { clock, repository, states, store } = await newWorld();
    const startedAt = clock.now();
    const { promise, resolve } = Promise.withResolvers<void>();
    const put = store.put.bind(store);
    store.put = async (key, body, options) => {
      await put(key, body, options);
      if (key.includes('_alive-2')) resolve();
    };
    clock.advance(5 * 60 * MINUTE_MS);
    const options = { run: 'a'.repeat(32), startedAt, aliveMs: 1, onProblem: () => {} };
    const noted = await beginNotedRun(repository, ABOUT, options);
    await promise;
    expect(await states()).toEqual(['running']);
    const at = clock.now().toISOString();
    const unknown = { backup: null, plainBytes: null, storedBytes: null, records: null };
    await noted.end({ at, outcome: 'succeeded', code: null, ...unknown });
    expect(await states()).toEqual(['succeeded']);
  });

  it('gives the last backup of each source that is over, whatever somebody stopped after it', async () => {
    const { clock, repository, record } = await newWorld();
    await record(failing);
    clock.advance(MINUTE_MS);
    await record(async () => {}, { ...ABOUT, source: 'game' });
    clock.advance(MINUTE_MS);
    await record(failing, { ...ABOUT, kind: 'verify', source: 'game' });
    clock.advance(MINUTE_MS);
    await record(async () => {
      throw new HoldfastError('E_ABORTED', 'stopped');
    });
    const { lastOf, count, problems } = await readRunFacts(repository, never);
    expect([count, problems]).toEqual([3, []]);
    expect(lastOf.get('shop')).toMatchObject({ outcome: 'failed', code: 'E_SOURCE_REFUSED' });
    expect(lastOf.get('game')).toMatchObject({ outcome: 'succeeded' });
  });

  it('passes over notes that somebody changed, and says so', async () => {
    const { store, repository, record, states } = await newWorld();
    await record(failing);
    const [, ended] = await Array.fromAsync(store.list('history/'), ({ key }) => key);
    await store.delete(ended!);
    await store.put(ended!, Buffer.from('{"format":"holdfast-history","version":1}'));
    expect(await states()).toEqual([]);
    expect((await readRunFacts(repository, never)).problems).toEqual([
      expect.stringMatching(/^a note of a run cannot be read: history/),
    ]);
  });

  it('is told of, and fails nothing, if it cannot be written', async () => {
    const { store, repository, problems, record } = await newWorld();
    const put = store.put.bind(store);
    store.put = async (key, body, options) => {
      if (key.startsWith('history/')) throw new HoldfastError('E_STORE_DENIED', 'not there');
      await put(key, body, options);
    };
    let isDone = false;
    await record(async () => {
      isDone = true;
    });
    expect(isDone).toBe(true);
    expect(problems).toEqual(Array.from({ length: 2 }, () => 'the history lacks this run: not there'));
    expect((await readRunFacts(repository, never)).count).toBe(0);
  });

  it('loses notes after 400 days, and no others', async () => {
    const { clock, repository, record, states } = await newWorld();
    await record(failing);
    clock.advance(300 * DAY_MS);
    await record(async () => {});
    clock.advance(101 * DAY_MS);
    expect(await expireHistory(repository, never)).toBe(2);
    expect(await states()).toEqual(['succeeded']);
  });
});
