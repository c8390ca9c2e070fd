import { beforeAll, describe, expect, it } from 'vitest';
import { HoldfastError } from '../../../../shared/core/errors.ts';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { type CopyOptions, copyBackups } from '../../../../shared/jobs/copy/copy.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../../shared/store/object-store.ts';
import { backUp, initRepository, never, openCheaply } from '../../../support/repository/engine.ts';
import { packsOf } from '../../../support/repository/pruning.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import { contentsOf, copyStore } from '../../../support/stores/copy-store.ts';
import { differences, faultsOf, keysBelow, passing } from '../../../support/stores/second-place.ts';

const pack = (id: string) => `data/${id.slice(0, 2)}/${id}`;
/** Fewer chunks than a leaf of the tree has at least: so all nodes differ, and each backup has packs of its own. */
const dataOf = (day: number) => ({ t: seededRows(700, 1).join('') + seededRows(60, day).join('') });

let first: MemoryStore;
let keys: BackupKey[];
/** Packs of the older backup alone, of both, of the newer alone. */
let packs: Record<'older' | 'both' | 'newer', string[]>;

beforeAll(async () => {
  first = new MemoryStore();
  await initRepository(first);
  await using repository = await openCheaply(first);
  keys = [(await backUp(repository, dataOf(1))).key, (await backUp(repository, dataOf(2))).key];
  const [a, b] = [await packsOf(repository, keys[0]!), await packsOf(repository, keys[1]!)];
  packs = {
    older: a.filter((id) => !b.includes(id)),
    both: a.filter((id) => b.includes(id)),
    newer: b.filter((id) => !a.includes(id)),
  };
});

async function copy(from: ObjectStore, to: ObjectStore, options: Partial<CopyOptions> = {}) {
  await using repository = await openCheaply(from, { keys: undefined });
  return copyBackups(repository, to, { signal: never, ...options });
}

const flipped = (body: Buffer) => {
  const other = Buffer.from(body);
  other[40]! ^= 1;
  return other;
};

describe('a copy of what is damaged', () => {
  it('passes over the backup that needs it, names it, and brings the others', async () => {
    const from = await copyStore(first, (key, body) =>
      key === pack(packs.older[0]!) ? flipped(body) : body,
    );
    const to = new MemoryStore();
    const result = await copy(from, to);
    expect(result.passedOver).toMatchObject([{ key: keys[0], why: 'damaged' }]);
    expect(result.passedOver[0]?.problem).toContain(packs.older[0]);
    expect(await keysBelow(to, 'backups/')).toEqual([keys[1]]);
    expect(await keysBelow(to, 'data/')).not.toContain(pack(packs.older[0]!));
    expect(await faultsOf(to)).toEqual([]);
  });

  it('does so where the pack is cut short, or gone', async () => {
    for (const change of [(body: Buffer) => body.subarray(0, -1), () => undefined]) {
      const from = await copyStore(first, (key, body) =>
        key === pack(packs.newer[0]!) ? change(body) : body,
      );
      const to = new MemoryStore();
      expect((await copy(from, to)).passedOver).toMatchObject([{ key: keys[1], why: 'damaged' }]);
      expect(await keysBelow(to, 'backups/')).toEqual([keys[0]]);
    }
  });

  it('does so with a manifest that was cut short', async () => {
    const from = await copyStore(first, (key, body) => (key === keys[1] ? body.subarray(0, -9) : body));
    const to = new MemoryStore();
    expect((await copy(from, to)).passedOver).toMatchObject([{ key: keys[1], why: 'damaged' }]);
    expect(await keysBelow(to, 'backups/')).toEqual([keys[0]]);
  });
});

describe('a second place that is not what it seems', () => {
  it.each([
    ['of the same size', flipped],
    ['that is shorter', (body: Buffer) => body.subarray(0, -1)],
  ])(
    'with another object %s under the name of a pack: nothing that needs it is listed',
    async (_, change) => {
      const to = new MemoryStore();
      const body = change(Buffer.from(await first.get(pack(packs.both[0]!))));
      await to.put('repository.json', await first.get('repository.json'));
      await to.put(pack(packs.both[0]!), body);
      const result = await copy(first, to);
      expect(result.passedOver.map(({ why }) => why)).toEqual(['damaged', 'damaged']);
      expect(await keysBelow(to, 'backups/')).toEqual([]);
      expect(Buffer.from(await to.get(pack(packs.both[0]!)))).toEqual(body);
    },
  );

  it('that stores other bytes than it was given: nothing is listed', async () => {
    const inner = new MemoryStore();
    const lying = {
      ...passing(inner),
      put: (key: string, body: Uint8Array) =>
        inner.put(key, key.startsWith('data/') ? flipped(Buffer.from(body)) : body),
    };
    const result = await copy(first, lying);
    expect(result.passedOver).toHaveLength(2);
    expect(await keysBelow(inner, 'backups/')).toEqual([]);
  });

  it('that says a put was done, and has nothing: nothing is listed', async () => {
    const inner = new MemoryStore();
    const forgetful = {
      ...passing(inner),
      put: async (key: string, body: Uint8Array) =>
        key.startsWith('data/') ? undefined : inner.put(key, body),
    };
    expect((await copy(first, forgetful)).passedOver).toHaveLength(2);
    expect(await keysBelow(inner, 'backups/')).toEqual([]);
  });

  it('whose own checksum is another than that of the bytes sent: nothing is listed', async () => {
    const inner = new MemoryStore();
    const summing = {
      ...passing(inner),
      head: async (key: string) => ({
        ...(await inner.head(key)),
        ...(key.startsWith('data/') ? { sha256: 'ab'.repeat(32) } : {}),
      }),
    };
    expect((await copy(first, summing)).passedOver).toHaveLength(2);
    expect(await keysBelow(inner, 'backups/')).toEqual([]);
  });

  it('with another manifest under the key of a backup: it is named, and left as it is', async () => {
    const to = new MemoryStore();
    await copy(first, to);
    const forged = await copyStore(to, (key, body) => (key === keys[1] ? body.subarray(1) : body));
    const before = await contentsOf(forged);
    expect((await copy(first, forged)).passedOver).toMatchObject([{ key: keys[1], why: 'damaged' }]);
    expect(await contentsOf(forged)).toEqual(before);
  });

  it('with a manifest of the same size and other content: a copy that compares everything names it', async () => {
    const to = new MemoryStore();
    await copy(first, to);
    const forged = await copyStore(to, (key, body) => (key === keys[1] ? flipped(body) : body));
    expect((await copy(first, forged, { isCheck: true })).passedOver).toMatchObject([
      { key: keys[1], why: 'damaged' },
    ]);
  });

  it('whose backup vouches for a pack that was changed since is found out by a copy that compares everything', async () => {
    const to = new MemoryStore();
    await copy(first, to);
    const rotten = await copyStore(to, (key, body) => (key === pack(packs.both[0]!) ? flipped(body) : body));
    expect((await copy(first, rotten)).passedOver).toEqual([]);
    expect((await copy(first, rotten, { isCheck: true })).passedOver.map(({ key }) => key)).toEqual(
      keys.toReversed(),
    );
  });

  it('that has lost packs and a manifest is made whole again by a copy that compares everything', async () => {
    const to = new MemoryStore();
    await copy(first, to);
    for (const id of [packs.older[0]!, packs.both[0]!]) await to.delete(pack(id));
    await to.delete(keys[0]!);
    expect((await faultsOf(to)).length).toBeGreaterThan(0);
    const result = await copy(first, to, { isCheck: true });
    expect(result).toMatchObject({ packs: 2, passedOver: [] });
    expect(await differences(first, to)).toEqual([]);
  });

  it('that fails stops the copy, with what it failed with', async () => {
    const to = new MemoryStore();
    const full = {
      ...passing(to),
      put: async (key: string, body: Uint8Array) => {
        if (key === pack(packs.newer[0]!)) throw new HoldfastError('E_STORE_FULL', 'no room');
        return to.put(key, body);
      },
    };
    await expect(copy(first, full)).rejects.toMatchObject({ code: 'E_STORE_FULL' });
    expect(await faultsOf(to)).toEqual([]);
  });
});
