import { beforeEach, describe, expect, it } from 'vitest';
import { backupKey, parseBackupKey } from '../../../../shared/core/ids.ts';
import { DAY_MS, HOUR_MS } from '../../../../shared/core/units.ts';
import { foldersBelow, keyStamp, newestFirst } from '../../../../shared/jobs/status/newest-first.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { MeteredStore } from '../../../../shared/store/metered-store.ts';
import type { ObjectStore } from '../../../../shared/store/object-store.ts';
import { never } from '../../../support/repository/engine.ts';

const NOW = new Date('2026-11-26T12:00:00Z');
const ago = (ms: number) => new Date(NOW.getTime() - ms);

describe('newestFirst', () => {
  let inner: MemoryStore;
  let store: MeteredStore;
  beforeEach(() => {
    inner = new MemoryStore();
    store = new MeteredStore(inner);
  });
  const put = async (type: string, at: Date) => inner.put(backupKey(type, at), new Uint8Array(1));
  const folders = () => foldersBelow(store, 'backups/', never);
  const all = async (options: Partial<Parameters<typeof newestFirst>[2]> = {}) =>
    (await Array.fromAsync(newestFirst(store, await folders(), { now: NOW, signal: never, ...options }))).map(
      ({ key }) => key,
    );

  /** All keys, in the order of a whole listing. */
  const expected = async (of: ObjectStore = inner) =>
    (await Array.fromAsync(of.list('backups/')))
      .flatMap(({ key }) => parseBackupKey(key) ?? [])
      .sort((a, b) => b.startedAt.getTime() - a.startedAt.getTime() || (a.key < b.key ? 1 : -1))
      .map(({ key }) => key);

  it('gives what a whole listing gives: gaps of years, the future, many of a day, other objects', async () => {
    for (let i = 0; i < 400; i++) await put('daily', ago(i * DAY_MS));
    for (let i = 0; i < 30; i++) await put('weekly', ago(i * 7 * DAY_MS + HOUR_MS));
    for (let i = 0; i < 1500; i++) await put('often', ago(40 * DAY_MS + i * 40_000));
    for (const days of [-400, -3, 900, 4000]) await put('manual', ago(days * DAY_MS));
    await inner.put('backups/_spoilt/ab', new Uint8Array(1));
    await inner.put('backups/daily/20260101/other.json', new Uint8Array(1));
    expect(await all()).toEqual(await expected());
  });

  it('goes on after any position, and keeps to bounds', async () => {
    for (let i = 0; i < 90; i++) await put('daily', ago(i * DAY_MS));
    for (let i = 0; i < 30; i++) await put('weekly', ago(i * 3 * DAY_MS));
    const whole = await expected();
    for (const at of [0, 1, 17, 60, whole.length - 1]) {
      const key = whole[at]!;
      const stamp = keyStamp(parseBackupKey(key)!.startedAt);
      expect(await all({ after: { key, stamp } })).toEqual(whole.slice(at + 1));
    }
    const from = keyStamp(ago(20 * DAY_MS));
    const to = keyStamp(ago(10 * DAY_MS));
    const inBounds = whole.filter((key) => {
      const stamp = keyStamp(parseBackupKey(key)!.startedAt);
      return stamp >= from && stamp < to;
    });
    expect(inBounds.length).toBeGreaterThan(5);
    expect(await all({ from, to })).toEqual(inBounds);
  });

  it('gives nothing of an empty repository', async () => {
    expect(await all()).toEqual([]);
    expect(
      await Array.fromAsync(newestFirst(store, ['backups/daily/'], { now: NOW, signal: never })),
    ).toEqual([]);
  });

  it('asks for a page with a few listings, however many backups there are', async () => {
    for (let i = 0; i < 5000; i++) await put(['daily', 'hourly', 'weekly'][i % 3]!, ago(i * 4 * HOUR_MS));
    const page = [];
    const before = store.counts().lists;
    for await (const found of newestFirst(store, await folders(), { now: NOW, signal: never })) {
      page.push(found.key);
      if (page.length === 50) break;
    }
    expect(page).toEqual((await expected()).slice(0, 50));
    // Four small ones tell the types, and one window of each of them is read.
    expect(store.counts().lists - before).toBe(4 + 3);
  });
});
