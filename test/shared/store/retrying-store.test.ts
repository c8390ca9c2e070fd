import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../../shared/core/errors.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { RetryingStore, type RetryPolicy } from '../../../shared/store/retrying-store.ts';
import { FaultyStore } from '../../support/stores/faulty-store.ts';

const outage = new HoldfastError('E_STORE_UNAVAILABLE', 'slow down');
const body = new Uint8Array([1, 2, 3]);

/** A store that retries without waiting, and the waits it asked for. */
function retrying(inner: ObjectStore, policy: RetryPolicy = {}) {
  const waits: number[] = [];
  const sleep = async (ms: number) => {
    waits.push(ms);
  };
  return { store: new RetryingStore(inner, { sleep, ...policy }), waits };
}

const outcomeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'done',
    (error) => error.code,
  );

describe('RetryingStore', () => {
  it.each([
    { outages: 3, outcome: 'done' },
    { outages: 4, outcome: 'E_STORE_UNAVAILABLE' },
  ])('whose inner store never answered, after $outages outages: $outcome', async ({ outages, outcome }) => {
    const faulty = new FaultyStore(new MemoryStore()).failNext('put', outage, outages);
    expect(await outcomeOf(retrying(faulty).store.put('data/a', body))).toBe(outcome);
  });

  it.each([
    { outages: 9, outcome: 'done' },
    { outages: 10, outcome: 'E_STORE_UNAVAILABLE' },
  ])('is patient with one that did: after $outages outages: $outcome', async ({ outages, outcome }) => {
    const faulty = new FaultyStore(new MemoryStore());
    const { store } = retrying(faulty);
    await expect(store.get('data/none')).rejects.toMatchObject({ code: 'E_OBJECT_NOT_FOUND' });
    faulty.failNext('put', outage, outages);
    expect(await outcomeOf(store.put('data/a', body))).toBe(outcome);
  });

  it('waits twice as long each time, up to 20 s, and a random share of it', async () => {
    const faulty = new FaultyStore(new MemoryStore());
    const { store, waits } = retrying(faulty, { random: () => 0.5 });
    await store.put('data/a', body);
    faulty.failNext('get', outage, 9);
    await store.get('data/a');
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  });

  it.each([undefined, 'digest'])('takes a put whose answer was lost as done (%s)', async (digest) => {
    const inner = new MemoryStore();
    const sha256 = digest && createHash('sha256').update(body).digest('hex');
    const head = inner.head.bind(inner);
    inner.head = async (key) => ({ ...(await head(key)), sha256 });
    const faulty = new FaultyStore(inner).loseNextAnswer('put', outage);
    const { store } = retrying(faulty.failNext('head', outage));
    await store.put('data/a', body);
    expect(await inner.get('data/a')).toEqual(body);
  });

  it.each([
    ['as long', new Uint8Array([9, 9, 9])],
    ['longer', new Uint8Array([1, 2, 3, 4])],
  ])('does not take another body, %s, for its own', async (_, other) => {
    const inner = new MemoryStore();
    await inner.put('data/a', other);
    const faulty = new FaultyStore(inner).failNext('put', outage);
    const put = retrying(faulty).store.put('data/a', body);
    await expect(put).rejects.toMatchObject({ code: 'E_OBJECT_EXISTS' });
  });

  it('does not take an equal body that was there before its first attempt for its own', async () => {
    const inner = new MemoryStore();
    await inner.put('data/a', body);
    const put = retrying(inner).store.put('data/a', body);
    await expect(put).rejects.toMatchObject({ code: 'E_OBJECT_EXISTS' });
  });

  it('goes on with a broken listing where it broke', async () => {
    const inner = new MemoryStore();
    for (const name of ['a', 'b', 'c', 'd']) await inner.put(`data/${name}`, body);
    const faulty = new FaultyStore(inner);
    faulty.breakNextList(2, outage).breakNextList(0, outage).breakNextList(3, outage);
    const keys = [];
    for await (const { key } of retrying(faulty).store.list('data/')) keys.push(key);
    expect(keys).toEqual(['data/a', 'data/b', 'data/c', 'data/d']);
    expect(faulty.calls).toBe(4);
  });

  it('gives up a listing that breaks at the same place again and again', async () => {
    const inner = new MemoryStore();
    await inner.put('data/a', body);
    const faulty = new FaultyStore(inner);
    for (let i = 0; i < 20; i++) faulty.breakNextList(1, outage);
    const listing = Array.fromAsync(retrying(faulty, { maxAttempts: 5 }).store.list(''));
    await expect(listing).rejects.toBe(outage);
    expect(faulty.calls).toBe(5);
  });

  it('does not make again a call that was refused', async () => {
    const refused = new HoldfastError('E_STORE_DENIED', 'no');
    const faulty = new FaultyStore(new MemoryStore()).failNext('get', refused);
    await expect(retrying(faulty).store.get('data/a')).rejects.toBe(refused);
    expect(faulty.calls).toBe(1);
  });

  it('stops waiting when it is told to', async () => {
    const faulty = new FaultyStore(new MemoryStore()).failNext('get', outage, 9);
    const stop = new AbortController();
    const store = new RetryingStore(faulty, { firstDelayMs: 60_000, random: () => 1 });
    const get = store.get('data/a', { signal: stop.signal });
    setImmediate(() => stop.abort());
    await expect(get).rejects.toMatchObject({ code: 'E_ABORTED' });
  });
});
