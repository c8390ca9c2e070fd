import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { KiB, MiB } from '../../../shared/core/units.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ByteRange } from '../../../shared/store/object-store.ts';
import { backUp, digests, initRepository, openCheaply } from '../../support/repository/engine.ts';
import { seededRows } from '../../support/repository/rows.ts';
import { UnreadableStore } from '../../support/stores/unreadable-store.ts';

/** Rejections that nobody awaited: they end a process. */
function unawaited(): unknown[] {
  const seen: unknown[] = [];
  const note = (reason: unknown) => seen.push(reason);
  process.on('unhandledRejection', note);
  onTestFinished(() => void process.off('unhandledRejection', note));
  return seen;
}

it('is refused, and ends no process, if a read of one pack fails while the header of the next is on its way', async () => {
  const seen = unawaited();
  const store = new MemoryStore();
  await initRepository(store, { minBytes: 64 * KiB, averageBytes: 96 * KiB, maxBytes: 256 * KiB });
  const packBytes = 2 * MiB;
  await using repository = await openCheaply(store, { packBytes });
  const { key } = await backUp(repository, { t: seededRows(120_000, 3).join('') });
  const packs = (await Array.fromAsync(store.list('data/'))).filter(
    ({ sizeBytes }) => sizeBytes === packBytes,
  );
  expect(packs.length).toBeGreaterThan(1);
  for (const bad of packs) {
    // Of chunks at its end, which are read in one task with the first ones of the next pack.
    const isBad = (object: string, { offsetBytes, lengthBytes }: ByteRange) =>
      object === bad.key && offsetBytes >= MiB && offsetBytes + lengthBytes > packBytes - 128 * KiB;
    const failing = new UnreadableStore(store, isBad);
    const get = failing.get;
    failing.get = async (object, options) => {
      if (object !== bad.key && options?.range?.offsetBytes === 0) await sleep(20);
      return get(object, options);
    };
    await using reader = await openCheaply(failing, { packBytes });
    await expect(digests(reader, key)).rejects.toMatchObject({ code: 'E_OBJECT_UNREADABLE' });
  }
  await sleep(50);
  expect(seen).toEqual([]);
});
