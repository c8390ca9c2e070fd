import { describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../../../../shared/core/units.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { chainOf, pollOnce, storedChanges } from '../../../support/repository/change-chains.ts';
import { initRepository, openCheaply } from '../../../support/repository/engine.ts';
import { ManualClock } from '../../../support/repository/pruning.ts';
import { ChangeLog } from '../../../support/sources/change-log.ts';
import { FaultyStore } from '../../../support/stores/faulty-store.ts';

async function begin() {
  const store = new MemoryStore();
  await initRepository(store);
  return { store, log: await ChangeLog.make() };
}

const all = (log: ChangeLog) => log.written.map(({ line }) => line).join('');

describe('a poll', () => {
  it('stores what is new, once, and lets the server go of it', async () => {
    const { store, log } = await begin();
    await using repository = await openCheaply(store);
    log.write('a', 'b');
    expect(await pollOnce(repository, log.open())).toMatchObject({
      segments: 1,
      transactions: 2,
      isCaughtUp: true,
    });
    expect(log.kept).toBe(log.size);
    expect(await pollOnce(repository, log.open())).toMatchObject({ segments: 0, isCaughtUp: true });
    log.write('c');
    await pollOnce(repository, log.open());
    expect(await storedChanges(repository)).toBe(all(log));
    expect(await chainOf(repository)).toMatchObject([
      { head: { number: 1, begins: { why: 'first' }, facts: { transactions: 2 } } },
      { head: { number: 2, facts: { transactions: 1, firstCommit: log.written[2]?.at } } },
    ]);
  });

  it('goes by steps until nothing is left, or there is no time', async () => {
    const { store, log } = await begin();
    await using repository = await openCheaply(store);
    log.write(...Array.from({ length: 40 }, (_, i) => `transaction ${i}`));
    const one = await pollOnce(repository, log.open(), { stepBytes: 500, hasTime: () => false });
    expect(one).toMatchObject({ segments: 1, isCaughtUp: false });
    const rest = await pollOnce(repository, log.open(), { stepBytes: 500 });
    expect(rest.segments).toBeGreaterThan(4);
    expect(rest.isCaughtUp).toBe(true);
    expect(await storedChanges(repository)).toBe(all(log));
  });

  it('is over when all is stored that was there: what comes meanwhile is for the next one', async () => {
    const { store, log } = await begin();
    await using repository = await openCheaply(store);
    log.write('a');
    const busy = { onSegment: () => log.write('meanwhile') };
    expect(await pollOnce(repository, log.open(), busy)).toMatchObject({ segments: 1, isCaughtUp: true });
    expect(await pollOnce(repository, log.open())).toMatchObject({ segments: 1, transactions: 1 });
    expect(await storedChanges(repository)).toBe(all(log));
  });

  it('stores a transaction of many packs as it comes', async () => {
    const { store, log } = await begin();
    await using repository = await openCheaply(store, { level: 0 });
    log.write('small', 'x'.repeat(9_000_000), 'small again');
    await pollOnce(repository, log.open());
    expect(await storedChanges(repository)).toBe(all(log));
    const [{ head } = { head: undefined }] = await chainOf(repository);
    expect(head?.packs.length).toBeGreaterThan(2);
  });

  it('says that nothing happened once in a while', async () => {
    const { store, log } = await begin();
    await using repository = await openCheaply(store);
    log.write('a');
    await pollOnce(repository, log.open());
    log.wait(14 * MINUTE_MS);
    expect(await pollOnce(repository, log.open())).toMatchObject({ segments: 0, readAt: log.now });
    log.wait(2 * MINUTE_MS);
    expect(await pollOnce(repository, log.open())).toMatchObject({
      segments: 1,
      readAt: log.now,
      isCaughtUp: true,
    });
    log.sequences = { s: '7' };
    expect(await pollOnce(repository, log.open())).toMatchObject({ segments: 1 });
    expect((await chainOf(repository)).at(-1)?.head.facts.sequences).toEqual({ s: '7' });
  });

  it('names a gap, and goes on behind it', async () => {
    const { store, log } = await begin();
    await using repository = await openCheaply(store);
    log.write('a');
    const { position } = await pollOnce(repository, log.open());
    log.write('lost');
    log.lose();
    const { gaps } = await pollOnce(repository, log.open());
    expect(gaps).toMatchObject([{ after: position, from: String(log.size) }]);
    expect(gaps[0]?.says).toContain('are lost');
    log.write('b');
    await pollOnce(repository, log.open());
    const chain = await chainOf(repository);
    expect(chain.map(({ head }) => [head.number, head.begins?.why, head.unbrokenFrom])).toEqual([
      [1, 'first', 1],
      [2, 'gap', 2],
      [3, undefined, 2],
    ]);
    expect(await storedChanges(repository)).toBe(`${log.written[0]?.line}${log.written[2]?.line}`);
  });

  it('notes where definitions change that the stream does not have', async () => {
    const { store, log } = await begin();
    await using repository = await openCheaply(store);
    log.write('a');
    await pollOnce(repository, log.open());
    log.schema = 'two';
    await pollOnce(repository, log.open());
    log.carriesDefinitions = true;
    log.write('b');
    await pollOnce(repository, log.open());
    log.schema = 'three';
    log.write('c');
    await pollOnce(repository, log.open());
    expect((await chainOf(repository)).map(({ head }) => head.sameFrom)).toEqual([1, 2, 2, 2]);
  });

  it('goes on where something writes statements into the stream, unless some are missing', async () => {
    const { store, log } = await begin();
    await using repository = await openCheaply(store);
    const poll = async (definitions: ChangeLog['definitions'], schema?: string) => {
      log.definitions = definitions;
      log.carriesDefinitions = definitions !== undefined;
      log.schema = schema ?? log.schema;
      log.write('a');
      await pollOnce(repository, log.open());
      return (await chainOf(repository)).at(-1)?.head.sameFrom;
    };
    expect(await poll({ by: 'one', statements: 0 })).toBe(1);
    expect(await poll({ by: 'one', statements: 1 }, 'two')).toBe(1);
    // None was noted, although definitions are others.
    expect(await poll({ by: 'one', statements: 0 }, 'three')).toBe(3);
    expect(await poll({ by: 'one', statements: 2 }, 'four')).toBe(3);
    // What notes them was made again meanwhile.
    expect(await poll({ by: 'two', statements: 1 }, 'five')).toBe(5);
    // One of them cannot be run again; definitions were read before it.
    expect(await poll({ by: 'two', statements: 1, problem: 'It cannot.' })).toBe(6);
    expect(await poll({ by: 'two', statements: 0 })).toBe(6);
    expect(await poll(undefined, 'six')).toBe(8);
    expect(await poll({ by: 'two', statements: 1 }, 'seven')).toBe(9);
  });

  it('finds statements behind a stretch that was cut, and their lack at the end', async () => {
    for (const [statements, sameFrom] of [
      [1, 1],
      [0, 3],
    ] as const) {
      const { store, log } = await begin();
      await using repository = await openCheaply(store);
      log.carriesDefinitions = true;
      log.definitions = { by: 'one', statements: 0 };
      log.write('a');
      await pollOnce(repository, log.open());
      log.write(...Array.from({ length: 20 }, (_, i) => `transaction ${i}`));
      log.schema = 'two';
      await pollOnce(repository, log.open(), { stepBytes: 500, hasTime: () => false });
      expect((await chainOf(repository)).map(({ head }) => head.sameFrom)).toEqual([1, 1]);
      log.definitions = { by: 'one', statements };
      await pollOnce(repository, log.open());
      const last = (await chainOf(repository)).at(-1)?.head;
      expect([last?.number, last?.sameFrom, last?.facts.schema]).toEqual([3, sameFrom, 'two']);
    }
  });

  it('takes repeats of a server that crashed for what they are', async () => {
    const { store, log } = await begin();
    await using repository = await openCheaply(store);
    log.write('a', 'b');
    await pollOnce(repository, log.open());
    log.crash();
    expect(log.kept).toBe(0);
    log.write('c');
    await pollOnce(repository, log.open());
    expect(await storedChanges(repository)).toBe(all(log));
  });

  it('goes by no clock of its own', async () => {
    const { store, log } = await begin();
    const clock = new ManualClock('2026-11-29T00:00:00Z');
    await using repository = await openCheaply(store, { clock });
    for (const at of ['2030-01-01T00:00:00Z', '1999-01-01T00:00:00Z', '2026-11-29T00:00:00Z']) {
      clock.set(new Date(at));
      log.write(at);
      await pollOnce(repository, log.open());
    }
    expect(await storedChanges(repository)).toBe(all(log));
  });
});

describe('two pollers at once', () => {
  it('store each change once', async () => {
    const { store, log } = await begin();
    await using repository = await openCheaply(store);
    for (let round = 0; round < 5; round++) {
      log.write(...Array.from({ length: 20 }, (_, i) => `round ${round} ${i}`));
      const pollers = [300, 700, 500].map((stepBytes) => pollOnce(repository, log.open(), { stepBytes }));
      await Promise.all(pollers);
    }
    expect(await storedChanges(repository)).toBe(all(log));
  });

  it('leave it to the one that the server lets read', async () => {
    const { store, log } = await begin();
    await using repository = await openCheaply(store);
    const busy = Object.assign(log.open(), {
      read: async () => {
        const { HoldfastError } = await import('../../../../shared/core/errors.ts');
        throw new HoldfastError('E_CHANGES_BUSY', 'somebody reads');
      },
    });
    expect(await pollOnce(repository, busy)).toMatchObject({ segments: 0, isCaughtUp: false });
  });
});

describe.each([
  ['before', false],
  ['after', false],
  ['before', true],
  ['after', true],
] as const)('a poller that dies %s a call, of a server that keeps what it was told: %s,', (moment, keeps) => {
  it('of the store loses nothing, and doubles nothing', async () => {
    for (let call = 1, isDone = false; !isDone; call++) {
      const { store, log } = await begin();
      const dying = new FaultyStore(store);
      log.write('a', 'b', 'c', 'd');
      try {
        await using repository = await openCheaply(dying.dieAt(call, moment));
        await pollOnce(repository, log.open(), { stepBytes: 60 });
        isDone = true;
      } catch (error) {
        expect(error).toMatchObject({ code: 'E_STORE_DENIED' });
      }
      await finish(store, log, { keeps, what: `call ${call}` });
    }
  });

  it('of the server loses nothing, and doubles nothing', async () => {
    for (let call = 1, isDone = false; !isDone; call++) {
      const { store, log } = await begin();
      log.write('a', 'b', 'c', 'd');
      log.diesAt = { call, moment };
      try {
        await using repository = await openCheaply(store);
        await pollOnce(repository, log.open(), { stepBytes: 60 });
        isDone = true;
      } catch (error) {
        expect(error).toMatchObject({ code: 'E_SOURCE_LOST' });
      }
      log.diesAt = undefined;
      await finish(store, log, { keeps, what: `call ${call}` });
    }
  });
});

/** The next poll, after a crash of the server too. */
async function finish(
  store: MemoryStore,
  log: ChangeLog,
  { keeps, what }: { readonly keeps: boolean; readonly what: string },
): Promise<void> {
  if (keeps) log.checkpoint();
  log.crash();
  log.write('e');
  await using repository = await openCheaply(store);
  await pollOnce(repository, log.open());
  expect(await storedChanges(repository), what).toBe(all(log));
  expect(log.kept, what).toBe(log.size);
}
