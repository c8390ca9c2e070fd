import { describe, expect, it } from 'vitest';
import { changesFolder, parseChangeKey, segmentKey } from '../../../../shared/format/change-keys.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { chainOf, LOGGED, pollOnce, storedChanges } from '../../../support/repository/change-chains.ts';
import { flipped, type Harm, harmed } from '../../../support/repository/damage.ts';
import { initRepository, never, OTHER_KEY, openCheaply } from '../../../support/repository/engine.ts';
import { sample } from '../../../support/repository/torture.ts';
import { ChangeLog } from '../../../support/sources/change-log.ts';

const folder = changesFolder(LOGGED);
const key = (number: number) => segmentKey(folder, number);

/** A repository with this many segments, the second of several packs. */
async function made(count = 3) {
  const store = new MemoryStore();
  await initRepository(store);
  const log = await ChangeLog.make();
  await using repository = await openCheaply(store, { level: 0 });
  for (let i = 1; i <= count; i++) {
    log.write(`secret-of-${i}`, i === 2 ? 'y'.repeat(5_000_000) : 'z');
    await pollOnce(repository, log.open());
  }
  return { store, log };
}

async function reads(store: MemoryStore): Promise<string> {
  await using repository = await openCheaply(store);
  return storedChanges(repository);
}

async function bodyOf(store: MemoryStore, at: string): Promise<Buffer> {
  return Buffer.from(await store.get(at));
}

describe('segments', () => {
  it('are listed newest first, and say nothing of what they hold', async () => {
    const { store } = await made();
    const keys = await Array.fromAsync(store.list('changes/'), (info) => info.key);
    const numbers = keys.map((one) => parseChangeKey(one));
    expect(numbers.filter((one) => one?.part === undefined).map((one) => one?.number)).toEqual([3, 2, 1]);
    expect(numbers).not.toContain(undefined);
    expect(keys.join()).not.toContain('logged');
    for (const one of keys) {
      const body = await bodyOf(store, one);
      expect(body.includes('secret-of')).toBe(false);
      expect(body.includes('2026-11-29')).toBe(false);
    }
  });

  it('have sizes that say little of what they hold', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    const log = await ChangeLog.make();
    await using repository = await openCheaply(store);
    const sizes = new Set<number>();
    for (let i = 0; i < 12; i++) {
      log.write('q'.repeat(i));
      await pollOnce(repository, log.open());
      sizes.add((await store.head(key(i + 1))).sizeBytes % 4096);
    }
    // All but the clear line is padded.
    expect(sizes.size).toBeLessThan(4);
  });

  it('are found wrong by any byte that is changed', async () => {
    const { store } = await made(1);
    const body = await bodyOf(store, key(1));
    const places = Array.from({ length: body.length }, (_, at) => at);
    for (const at of sample(places, 300)) {
      const copy = await harmed(store, { [key(1)]: (bytes) => flipped(bytes, at) });
      await expect(reads(copy), `byte ${at}`).rejects.toThrow(key(1));
    }
  });

  it('are found wrong if they end anywhere else', async () => {
    const { store } = await made(1);
    const body = await bodyOf(store, key(1));
    const ends = Array.from({ length: body.length }, (_, at) => at);
    for (const end of sample(ends, 100)) {
      const copy = await harmed(store, { [key(1)]: (bytes) => bytes.subarray(0, end) });
      await expect(reads(copy), `${end} bytes`).rejects.toThrow(key(1));
    }
    const longer = await harmed(store, { [key(1)]: (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]) });
    await expect(reads(longer)).rejects.toThrow(key(1));
  });

  const HARMS: readonly (readonly [
    string,
    (bodies: (number: number) => Buffer) => Record<string, Harm>,
    number,
  ])[] = [
    ['is missing', () => ({ [key(2)]: () => undefined }), 2],
    ['was put in another’s place', (body) => ({ [key(2)]: () => body(3) }), 2],
    ['changed places with the next', (body) => ({ [key(2)]: () => body(3), [key(3)]: () => body(2) }), 2],
  ];
  it.each(HARMS)('are named if one %s', async (_, harmsOf, named) => {
    const { store } = await made();
    const bodies = await Promise.all([1, 2, 3].map((number) => bodyOf(store, key(number))));
    const copy = await harmed(
      store,
      harmsOf((number) => bodies[number - 1] ?? Buffer.alloc(0)),
    );
    await expect(reads(copy)).rejects.toThrow(key(named));
  });

  it('are named if one was made anew from another stream', async () => {
    const [one, other] = [await made(), await made()];
    const theirs = await bodyOf(other.store, key(2));
    const copy = await harmed(one.store, { [key(2)]: () => theirs });
    await expect(reads(copy)).rejects.toMatchObject({ code: 'E_DAMAGED' });
  });

  it('are named if one was made anew of the same repository, as from an older version of it', async () => {
    const { store, log } = await made(1);
    const fork = await harmed(store, {});
    const other = await harmed(store, {});
    for (const [into, texts] of [
      [fork, ['one', 'two']],
      [other, ['ONE', 'TWO']],
    ] as const) {
      await using repository = await openCheaply(into);
      for (const text of texts) {
        log.write(text);
        await pollOnce(repository, log.open());
      }
    }
    const theirs = await bodyOf(other, key(2));
    const copy = await harmed(fork, { [key(2)]: () => theirs });
    await expect(reads(copy)).rejects.toThrow(`${key(3)} does not follow ${key(2)}`);
  });

  it('are named if a pack of theirs is missing, cut or another', async () => {
    const { store } = await made();
    const parts = (await Array.fromAsync(store.list(`${folder}parts/`))).map((info) => info.key);
    expect(parts.length).toBeGreaterThan(1);
    const [first = '', second = ''] = parts;
    const other = await bodyOf(store, second);
    const harms: readonly Harm[] = [
      () => undefined,
      (body) => body.subarray(0, -1),
      () => other,
      (body) => flipped(body, 500),
    ];
    for (const harm of harms)
      await expect(reads(await harmed(store, { [first]: harm }))).rejects.toThrow(first);
  });

  it('are opened by their own repository’s key alone', async () => {
    const { store } = await made(1);
    const { HexKeyProvider } = await import('../../../../shared/keys/hex-key-provider.ts');
    await expect(openCheaply(store, { keys: new HexKeyProvider(OTHER_KEY) })).rejects.toMatchObject({
      code: 'E_WRONG_KEY',
    });
    await using closed = await openCheaply(store, { keys: undefined });
    await expect(chainOf(closed)).rejects.toMatchObject({ code: 'E_NO_KEY' });
  });

  it('let objects with other names alone', async () => {
    const { store, log } = await made(1);
    await store.put(`${folder}000000000000x`, Buffer.from('?'), { signal: never });
    await store.put(`${folder}999999999999`, Buffer.from('?'), { signal: never });
    expect(await reads(store)).toBe(log.written.map(({ line }) => line).join(''));
  });
});
