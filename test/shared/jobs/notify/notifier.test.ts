import { describe, expect } from 'vitest';
import type { NotifyChannel } from '../../../../shared/config/notifications.ts';
import { systemClock } from '../../../../shared/core/clock.ts';
import { HoldfastError } from '../../../../shared/core/errors.ts';
import { failingChannels, readChannels } from '../../../../shared/jobs/notify/deliveries.ts';
import { Notifier } from '../../../../shared/jobs/notify/notifier.ts';
import { type Outlook, outlookOf } from '../../../../shared/jobs/notify/outlook.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../../shared/store/object-store.ts';
import { isSigned, type Receiver, startReceiver } from '../../../support/receiver.ts';
import { initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { turns } from '../../../support/repository/torture.ts';
import { GOOD } from '../verdict/cases.ts';

const it = turns(2);

const HOUR = 3_600_000;
const SIGNING_KEY = 'a key that nobody else has';

/** A clock that stands still until it is moved. */
class Hours {
  #at = new Date('2026-11-29T12:00:00Z').getTime();
  now = () => new Date(this.#at);
  pass(hours: number) {
    this.#at += hours * HOUR;
  }
}

const good = outlookOf(GOOD, { repository: 'memory:', backups: [] });
const bad = outlookOf(
  { ...GOOD, sources: GOOD.sources.map((source) => ({ ...source, newestGood: undefined })) },
  { repository: 'memory:', backups: [] },
);

interface World {
  readonly store: MemoryStore;
  readonly hours: Hours;
  readonly receiver: Receiver;
  /** Another process: it remembers nothing. */
  process(store?: ObjectStore): Promise<{
    check(outlook: Outlook): Promise<string[]>;
    test(name: string): Promise<{ outcome: string; problem: string | null }>;
    readonly problems: string[];
  }>;
  kinds(): string[];
}

async function newWorld(channel: Partial<NotifyChannel> = {}): Promise<World> {
  const hours = new Hours();
  const store = new MemoryStore(hours);
  await initRepository(store);
  const receiver = await startReceiver();
  const channels = [
    {
      name: 'ops',
      kind: 'webhook',
      url: 'env:OPS',
      signingKey: 'env:KEY',
      on: 'change',
      digest: 'off',
      sources: undefined,
      remindAfterMs: 24 * HOUR,
      ...channel,
    } as NotifyChannel,
  ];
  return {
    store,
    hours,
    receiver,
    kinds: () => receiver.received.map(({ headers }) => String(headers['holdfast-kind'])),
    process: async (through = store) => {
      const repository = await openRepository(through, { workers: 1, clock: hours });
      const problems: string[] = [];
      const notifier = new Notifier({
        channels,
        clock: systemClock,
        wait: async () => {},
        readSecret: async (reference) => (reference === 'env:OPS' ? `${receiver.url}/hook` : SIGNING_KEY),
        onProblem: (message) => problems.push(message),
      });
      return {
        problems,
        test: (name) => notifier.test(repository, name, never),
        check: async (outlook) => {
          const now = { ...outlook, at: hours.now().toISOString() };
          return (await notifier.check(repository, now, never)).map(
            ({ kind, outcome }) => `${kind} ${outcome}`,
          );
        },
      };
    },
  };
}

const isNotice = (key: string) => key.startsWith('notices/');
/** A store with a fault. */
function broken(store: ObjectStore, methods: readonly ('put' | 'list' | 'get' | 'delete')[]): ObjectStore {
  const refuse = () => new HoldfastError('E_STORE_DENIED', 'the store refused access');
  return new Proxy(store, {
    get: (target, name) => {
      const value = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (!methods.includes(name as 'put')) return value.bind(target);
      return (key: string, ...rest: unknown[]) => {
        if (!isNotice(key)) return value.call(target, key, ...rest);
        if (name === 'list')
          return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(refuse()) }) };
        return Promise.reject(refuse());
      };
    },
  });
}

describe('what was said last', () => {
  it('outlives the process that said it', async () => {
    const world = await newWorld();
    expect(await (await world.process()).check(bad)).toEqual(['alarm delivered']);
    for (let i = 0; i < 3; i++) {
      world.hours.pass(1);
      expect(await (await world.process()).check(bad)).toEqual([]);
    }
    world.hours.pass(1);
    expect(await (await world.process()).check(good)).toEqual(['recovered delivered']);
    expect(await (await world.process()).check(good)).toEqual([]);
    world.hours.pass(1);
    expect(await (await world.process()).check(bad)).toEqual(['alarm delivered']);
    expect(world.kinds()).toEqual(['alarm', 'recovered', 'alarm']);
    expect(world.receiver.received.every((one) => isSigned(one, SIGNING_KEY, new Date()))).toBe(true);
    const ids = world.receiver.received.map(({ headers }) => headers['holdfast-delivery']);
    expect(new Set(ids).size).toBe(3);
  });

  it('is said once by processes that find it at once', async () => {
    const world = await newWorld();
    const processes = await Promise.all(Array.from({ length: 8 }, () => world.process()));
    const sent = await Promise.all(processes.map((one) => one.check(bad)));
    expect(sent.flat()).toEqual(['alarm delivered']);
    expect(world.kinds()).toEqual(['alarm']);
  });

  it('silences nothing if it is lost, damaged, or from another repository', async () => {
    for (const harm of ['remove', 'damage', 'other'] as const) {
      const world = await newWorld();
      await (await world.process()).check(bad);
      world.hours.pass(1);
      for await (const { key } of world.store.list('notices/')) {
        const text = Buffer.from(await world.store.get(key)).toString();
        await world.store.delete(key);
        if (harm === 'damage') await world.store.put(key, Buffer.from(text.slice(0, 40)));
        if (harm === 'other')
          await world.store.put(
            key,
            Buffer.from(text.replace(/"repository":"\w+"/, `"repository":"${'0'.repeat(32)}"`)),
          );
      }
      expect(await (await world.process()).check(bad), harm).toEqual(['alarm delivered']);
    }
  });

  it.each([['put'], ['list'], ['get'], ['put', 'list', 'get', 'delete']] as const)(
    'silences nothing if the store refuses %s, and is not repeated by the same process',
    async (...methods) => {
      const world = await newWorld();
      const process = await world.process(broken(world.store, methods));
      expect(await process.check(bad)).toEqual(['alarm delivered']);
      world.hours.pass(1);
      expect(await process.check(bad)).toEqual([]);
      world.hours.pass(1);
      expect(await process.check(good)).toEqual(['recovered delivered']);
      expect(process.problems.join()).toContain('the store refused access');
    },
  );

  it('is that of the repository again, once another process has said more', async () => {
    const world = await newWorld();
    const process = await world.process(broken(world.store, ['put']));
    expect(await process.check(bad)).toEqual(['alarm delivered']);
    world.hours.pass(1);
    const other = await world.process();
    expect(await other.check(bad)).toEqual(['alarm delivered']);
    world.hours.pass(1);
    expect(await other.check(good)).toEqual(['recovered delivered']);
    world.hours.pass(1);
    expect(await process.check(bad)).toEqual(['alarm delivered']);
  });

  it.each([
    ['ten minutes later', 0.2],
    ['at once, if its claim is dated long after now', -24 * 400],
  ])('is taken over from a process that died while it said it: %s', async (_, hours) => {
    const world = await newWorld();
    const dying = await world.process();
    // it has claimed the delivery, and never ends it
    world.receiver.answers = ['never'];
    void dying.check(bad).catch(() => {});
    await expect.poll(() => world.receiver.received.length).toBe(1);
    expect(await (await world.process()).check(bad)).toEqual([]);
    world.hours.pass(hours);
    expect(await (await world.process()).check(bad)).toEqual(['alarm delivered']);
  });
});

describe('a channel that fails', () => {
  it('is told at the next look, by another name of the same delivery', async () => {
    const world = await newWorld();
    world.receiver.answers = [{ status: 404, body: 'gone' }];
    const process = await world.process();
    expect(await process.check(bad)).toEqual(['alarm failed']);
    expect(process.problems).toEqual([
      'the channel ops could not be reached: the receiver answered 404: gone',
    ]);
    expect(await process.check(bad)).toEqual(['alarm delivered']);
    const [first, second] = world.receiver.received.map(({ headers }) =>
      String(headers['holdfast-delivery']),
    );
    expect([first!.slice(-2), second!.slice(-2)]).toEqual(['-0', '-1']);
    expect(second!.slice(0, 32)).toBe(first!.slice(0, 32));
  });

  it('is shown with its last deliveries and failures, and stays failing until something arrives', async () => {
    const world = await newWorld();
    const channel = { name: 'ops' } as NotifyChannel;
    const process = await world.process();
    await process.check(bad);
    world.hours.pass(1);
    world.receiver.answers = [{ status: 410 }];
    expect(await process.test('ops')).toMatchObject({
      outcome: 'failed',
      problem: 'the receiver answered 410',
    });
    const repository = await openRepository(world.store, { workers: 1, clock: world.hours });
    expect(await failingChannels(repository, [channel], never)).toMatchObject([
      { name: 'ops', problem: 'the receiver answered 410' },
    ]);
    const [standing] = await readChannels(repository, [channel], never);
    expect(standing).toMatchObject({
      lastDelivered: { kind: 'alarm', title: 'Unprotected: shop', status: 200 },
      lastFailed: { kind: 'test', status: 410 },
      deliveries: [{ kind: 'test' }, { kind: 'alarm' }],
    });
    world.hours.pass(1);
    expect(await process.test('ops')).toMatchObject({ outcome: 'delivered' });
    expect(await failingChannels(repository, [channel], never)).toEqual([]);
  });

  it('is refused if there is none of its name', async () => {
    const world = await newWorld();
    await expect((await world.process()).test('nobody')).rejects.toMatchObject({ code: 'E_UNKNOWN_NAME' });
  });

  it('keeps no more than the last notices, and those that say what was said last', async () => {
    const world = await newWorld();
    const process = await world.process();
    await process.check(bad);
    world.receiver.answers = Array.from({ length: 60 }, () => ({ status: 404 }));
    for (let i = 0; i < 60; i++) {
      world.hours.pass(1);
      await process.test('ops');
    }
    world.receiver.answers = Array.from({ length: 50 }, () => ({ status: 404 }));
    for (let i = 0; i < 50; i++) {
      world.hours.pass(1);
      await process.check(good);
    }
    const keys: string[] = [];
    for await (const { key } of world.store.list('notices/')) keys.push(key);
    expect(keys.length).toBeLessThan(100);
    expect(keys.filter((key) => key.includes('_alarm_'))).toHaveLength(1);
    expect(await (await world.process()).check(good)).toEqual(['recovered delivered']);
  });

  it('writes no secret into the repository', async () => {
    const world = await newWorld();
    world.receiver.answers = [
      { status: 500, body: `${world.receiver.url}/hook ${SIGNING_KEY}` },
      { status: 404 },
    ];
    await (await world.process()).check(bad);
    for await (const { key } of world.store.list('notices/')) {
      const text = Buffer.from(await world.store.get(key)).toString();
      expect(text).not.toContain(world.receiver.url);
      expect(text).not.toContain(SIGNING_KEY);
    }
  });
});

describe('a digest', () => {
  it('is sent beside an alarm, and not again by another process on the same day', async () => {
    const world = await newWorld({ digest: 'daily' });
    expect(await (await world.process()).check(bad)).toEqual(['alarm delivered', 'digest delivered']);
    world.hours.pass(1);
    expect(await (await world.process()).check(bad)).toEqual([]);
    world.hours.pass(24);
    expect(await (await world.process()).check(good)).toEqual(['recovered delivered', 'digest delivered']);
  });
});
