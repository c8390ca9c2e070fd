import { describe, expect, it } from 'vitest';
import { changesFolder, segmentKey } from '../../../../shared/format/change-keys.ts';
import { compactChanges } from '../../../../shared/jobs/changes/compact-changes.ts';
import { NOTHING_MISSING, readChangesLag } from '../../../../shared/jobs/copy/changes-lag.ts';
import { copyBackups } from '../../../../shared/jobs/copy/copy.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../../shared/store/object-store.ts';
import { LOGGED, pollOnce, storedChanges } from '../../../support/repository/change-chains.ts';
import { initRepository, never, openCheaply } from '../../../support/repository/engine.ts';
import { strides } from '../../../support/repository/torture.ts';
import { ChangeLog } from '../../../support/sources/change-log.ts';
import { FaultyStore } from '../../../support/stores/faulty-store.ts';

const folder = changesFolder(LOGGED);

async function made() {
  const store = new MemoryStore();
  await initRepository(store);
  const log = await ChangeLog.make();
  await using repository = await openCheaply(store, { level: 0 });
  for (let i = 1; i <= 5; i++) {
    log.write(`${i}`, i === 2 ? 'y'.repeat(3_000_000) : 'z');
    await pollOnce(repository, log.open());
  }
  await compactChanges(store, LOGGED, { tiers: [2], signal: never });
  return { store, log, text: log.written.map(({ line }) => line).join('') };
}

/** Without a key, as the function does. */
async function copy(from: MemoryStore, to: ObjectStore, sources?: readonly string[]) {
  await using repository = await openCheaply(from, { keys: undefined });
  const warnings: string[] = [];
  const onProgress = (event: { readonly kind: string; readonly message?: string }) => {
    if (event.kind === 'warning') warnings.push(event.message ?? '');
  };
  const result = await copyBackups(repository, to, { choice: { sources }, onProgress, signal: never });
  return { changes: result.changes, warnings };
}

async function read(store: MemoryStore): Promise<string> {
  await using repository = await openCheaply(store);
  return storedChanges(repository);
}

describe('a copy to a second place', () => {
  it('has the change segments, which its key alone reads; a later copy adds what is new', async () => {
    const { store, log, text } = await made();
    const second = new MemoryStore();
    const listed = await Array.fromAsync(store.list(folder));
    const { changes } = await copy(store, second);
    expect(changes.objects).toBe(listed.length);
    expect(changes.bytes).toBe(listed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
    expect(await read(second)).toBe(text);
    expect((await copy(store, second)).changes).toEqual({ objects: 0, bytes: 0 });
    log.write('more');
    await using repository = await openCheaply(store);
    await pollOnce(repository, log.open());
    expect((await copy(store, second)).changes.objects).toBe(1);
    expect(await read(second)).toBe(await read(store));
  });

  it('that stops at any call leaves a chain without a hole, and goes on', async () => {
    const { store, text } = await made();
    let isDone = false;
    for (const call of strides(7)) {
      if (isDone) break;
      const second = new MemoryStore();
      const faulty = new FaultyStore(second).dieAt(call, call % 2 === 0 ? 'before' : 'after');
      isDone = await copy(store, faulty).then(
        () => true,
        () => false,
      );
      if (await hasSegments(second)) expect(text.startsWith(await read(second)), `call ${call}`).toBe(true);
      await copy(store, second);
      expect(await read(second), `call ${call}`).toBe(text);
    }
  });

  it('is behind while it lacks segments, whether these lie by themselves or in bundles there', async () => {
    const { store, log } = await made();
    const second = new MemoryStore();
    const all = { sources: undefined, signal: never };
    const lag = async (about: Parameters<typeof readChangesLag>[2] = all) => {
      await using repository = await openCheaply(store, { keys: undefined });
      return readChangesLag(repository, second, about);
    };
    const storedAt = async (number: number) => (await store.head(segmentKey(folder, number))).modifiedAt;
    expect(await lag()).toEqual({ missing: 5, oldestAt: await storedAt(1) });
    expect(await lag({ sources: ['other'], signal: never })).toEqual(NOTHING_MISSING);
    expect((await lag({ sources: [LOGGED.name], signal: never })).missing).toBe(5);
    await copy(store, second);
    expect(await lag()).toEqual(NOTHING_MISSING);
    // A prune there left the bundle of the first two alone.
    for (const number of [1, 2]) await second.delete(segmentKey(folder, number));
    expect(await lag()).toEqual(NOTHING_MISSING);
    log.write('more');
    await using repository = await openCheaply(store);
    await pollOnce(repository, log.open());
    expect(await lag()).toEqual({ missing: 1, oldestAt: await storedAt(6) });
    // One in the middle is gone.
    await second.delete(segmentKey(folder, 5));
    expect((await lag()).missing).toBe(2);
    // A prune there let the oldest go, as its own rules say.
    const left = (await Array.fromAsync(second.list(folder))).filter(
      ({ key }) => key !== segmentKey(folder, 3),
    );
    for (const { key } of left) await second.delete(key);
    expect((await lag()).missing).toBe(3);
  });

  it('leaves out sources that are not chosen, and says what is another there', async () => {
    const { store } = await made();
    const second = new MemoryStore();
    expect((await copy(store, second, ['other'])).changes.objects).toBe(0);
    expect((await copy(store, second, [LOGGED.name])).changes.objects).toBeGreaterThan(4);
    const third = new MemoryStore();
    const key = segmentKey(folder, 4);
    const body = Buffer.from(await store.get(key));
    await copy(store, third, ['other']);
    await third.put(key, body.subarray(1));
    const { warnings } = await copy(store, third);
    expect(warnings).toEqual([expect.stringContaining(key)]);
  });
});

async function hasSegments(store: MemoryStore): Promise<boolean> {
  return (await Array.fromAsync(store.list(folder))).some(({ key }) => !key.includes('/parts/'));
}
