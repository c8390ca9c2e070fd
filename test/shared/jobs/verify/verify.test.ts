import { describe, expect } from 'vitest';
import type { ChunkRef } from '../../../../shared/format/chunk-ref.ts';
import { packKey } from '../../../../shared/format/pack.ts';
import type { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../../shared/store/object-store.ts';
import { flipped, harmed } from '../../../support/repository/damage.ts';
import { backUp, never, openRepository } from '../../../support/repository/engine.ts';
import { type Forgery, forge } from '../../../support/repository/forge.ts';
import { listedPacks } from '../../../support/repository/listed.ts';
import { turns } from '../../../support/repository/torture.ts';
import {
  backedUp,
  data,
  FULL,
  passingBy,
  rows,
  SMALL_PACKS,
  verifyAll,
  verifyStore,
} from '../../../support/repository/verifying.ts';

const it = turns(2);

const first = (change: (ref: ChunkRef) => Partial<ChunkRef>) => (refs: ChunkRef[]) =>
  refs.map((ref, i) => (i === 0 ? { ...ref, ...change(ref) } : ref));

describe('a full verification', { timeout: 60_000 }, () => {
  const MISTAKES: Record<string, { readonly forgery: Forgery; readonly problem: RegExp }> = {
    'a chunk of another hash': {
      forgery: { refs: first(() => ({ id: Buffer.alloc(32, 7) })) },
      problem: /is not the one that its tree names/,
    },
    'a chunk of other bytes': {
      forgery: { refs: first(({ plainBytes }) => ({ plainBytes: plainBytes + 1 })) },
      problem: /does not match its description/,
    },
    'another count of records, in a chunk and all that is above it': {
      forgery: {
        refs: first(({ records }) => ({ records: records + 1 })),
        root: (root) => ({ ...root, records: root.records + 1 }),
        totals: (totals) => ({ ...totals, records: (totals['records'] ?? 0) + 1 }),
      },
      problem: /is not the one that its tree names/,
    },
    'a chunk in the place of another': {
      forgery: {
        refs: (refs) => refs.map((ref, i) => ({ ...ref, chain: refs[(i + 1) % refs.length]!.chain })),
      },
      problem: /is not the one that its tree names/,
    },
    'a chunk that is no zstd frame, and no delta': {
      forgery: { refs: first(({ chain }) => ({ chain: [...chain, ...chain] })) },
      problem: /out of place in its chain/,
    },
    'an item outside of its pack': {
      forgery: { refs: first(({ chain }) => ({ chain: [{ ...chain[0]!, offset: 2 ** 30 }] })) },
      problem: /are referred to/,
    },
    'an item in a pack that the manifest does not list': {
      forgery: {
        refs: first(({ chain }) => ({ chain: [{ ...chain[0]!, pack: { id: 'ab'.repeat(32) as never } }] })),
      },
      problem: /is not listed in the manifest/,
    },
    'a tree with fewer records than its catalog says': {
      forgery: {
        root: (root) => ({ ...root, records: root.records + 5 }),
        totals: (totals) => ({ ...totals, records: (totals['records'] ?? 0) + 5 }),
      },
      problem: /does not match its description/,
    },
    'a tree of another hash': {
      forgery: { root: (root) => ({ ...root, id: '00'.repeat(32) }) },
      problem: /is not the one that is named/,
    },
    ...Object.fromEntries(
      ['datasets', 'records', 'plainBytes', 'chunks'].map((name) => [
        `a manifest that says other ${name}`,
        {
          forgery: {
            totals: (totals: Record<string, number>) => ({ ...totals, [name]: (totals[name] ?? 0) + 1 }),
          },
          problem: new RegExp(`says ${name} \\d+, its catalog holds \\d+`),
        },
      ]),
    ),
  };

  it('finds nothing in a backup that was put there anew without a mistake', async () => {
    const { store, key } = await backedUp();
    await using repository = await openRepository(store, SMALL_PACKS);
    await forge(repository, key, 't', {});
    expect(await verifyAll(repository)).toMatchObject({ findings: [], records: 751, interrupted: undefined });
  });

  it.each(Object.entries(MISTAKES))(
    'finds %s, sealed and signed as it is',
    async (_, { forgery, problem }) => {
      const { store, key } = await backedUp();
      await using repository = await openRepository(store, SMALL_PACKS);
      await forge(repository, key, 't', forgery);
      const { findings } = await verifyAll(repository);
      expect(findings.map((finding) => finding.problem).join('\n')).toMatch(problem);
      for (const finding of findings) expect(finding).toMatchObject({ code: 'E_DAMAGED', backups: [key] });
    },
  );

  it('hides no damage behind other damage', async () => {
    const { store, packs } = await backedUp();
    const flip = (body: Buffer) => flipped(body, 120);
    const broken = await harmed(store, Object.fromEntries(packs.data.map((pack) => [pack, flip])));
    const { findings } = await verifyStore(broken);
    expect(findings.map(({ object }) => object).toSorted()).toEqual(packs.data.toSorted());
  });

  it('blames the pack at fault, not the one whose chunks build on it', async () => {
    const { store } = await backedUp();
    await using repository = await openRepository(store, SMALL_PACKS);
    const changed = rows.map((row, i) => (i % 20 === 0 ? row.replace('\t', '\tx') : row));
    const { key } = await backUp(repository, { ...data, t: changed.join('') });
    const reader = await repository.openBackup(key, never);
    const leaves = await Array.fromAsync(reader.leaves(reader.root('t', '0000'), { signal: never }));
    const delta = leaves.flatMap(({ refs }) => refs).find(({ chain }) => chain.length > 1);
    const { pack, offset } = delta!.chain[0]!;
    const object = packKey(pack.id!);
    const broken = await harmed(store, { [object]: (body) => flipped(body, offset + 1) });
    const { findings, backups } = await verifyStore(broken);
    expect(findings).toMatchObject([{ object }]);
    expect(findings[0]?.backups.toSorted()).toEqual(backups.toSorted());
  });

  it('takes a backup that prune removes meanwhile for gone, not for damaged', async () => {
    const { store, key } = await backedUp();
    await using repository = await openRepository(store, SMALL_PACKS);
    const { key: kept } = await backUp(repository, data);
    const keys = await repository.backupKeys(never);
    const packs = await listedPacks(repository, key);
    const still = new Set((await listedPacks(repository, kept)).map(({ id }) => id));
    await store.delete(key);
    for (const { id } of packs) if (!still.has(id)) await store.delete(`data/${id.slice(0, 2)}/${id}`);
    expect(await verifyAll(repository, FULL, keys)).toMatchObject({ backups: [kept], findings: [] });
    await expect(verifyAll(repository, FULL, [key])).rejects.toMatchObject({ code: 'E_NO_BACKUP' });
  });
});

describe('a backup that goes while it is verified', { timeout: 60_000 }, () => {
  it.each(['full', 'quick'] as const)('is not damaged (%s)', async (kind) => {
    const { store, key, packs } = await backedUp();
    // Prune comes in between: the manifest goes, then what only it needed.
    const prune = async () => {
      for (const object of [key, ...packs.data, ...packs.index]) await store.delete(object);
    };
    const pruned = passingBy(
      store,
      { get: prune, list: prune },
      (name, object) => object.startsWith('data/') && name !== 'put',
    );
    expect(await verifyStore(pruned, { kind }, [key])).toMatchObject({ backups: [], findings: [] });
  });
});

it('that is damaged and goes hides no damage of those that stay', async () => {
  const { store, key, packs } = await backedUp();
  await using first = await openRepository(store, SMALL_PACKS);
  const { key: stays } = await backUp(first, data);
  const [pack = ''] = packs.data;
  const broken = await harmed(store, { [pack]: (body) => flipped(body, body.length - 10) });
  const prune = async () => void (await broken.delete(key));
  const pruned = passingBy(broken, { get: prune }, (_, object) => object === pack);
  expect(await verifyStore(pruned, FULL, [key, stays])).toMatchObject({
    backups: [stays],
    findings: [{ object: pack, backups: [stays] }],
  });
});

describe('a quick verification', { timeout: 60_000 }, () => {
  /** As S3: the checksum that was taken on arrival. */
  function withChecksums(inner: MemoryStore, checksums: Readonly<Record<string, string>>): ObjectStore {
    return new Proxy(inner, {
      get: (store, name) => {
        if (name === 'head')
          return async (key: string) => ({
            ...(await store.head(key)),
            sha256: checksums[key] ?? key.slice(-64),
          });
        const member = Reflect.get(store, name) as unknown;
        return typeof member === 'function' ? member.bind(store) : member;
      },
    });
  }

  it.each([true, false])('needs no key; with one: %s', async (hasKey) => {
    const { store, packs } = await backedUp();
    const [gone = '', short = '', other = ''] = packs.data;
    const broken = await harmed(store, { [gone]: () => undefined, [short]: (body) => body.subarray(1) });
    const checked = withChecksums(broken, { [other]: 'ab'.repeat(32) });
    await using repository = await openRepository(checked, hasKey ? SMALL_PACKS : { keys: undefined });
    const { findings, isProven, readBytes } = await verifyAll(repository, { kind: 'quick' });
    expect(isProven).toBe(hasKey);
    expect(readBytes).toBe(0);
    expect(Object.fromEntries(findings.map(({ object, problem }) => [object, problem]))).toEqual({
      [gone]: `${gone} is missing`,
      [short]: expect.stringMatching(/ has \d+ bytes, but was written with \d+$/),
      [other]: `${other} has the checksum ${'ab'.repeat(32)}, which is not its name`,
    });
  });

  it('names every backup that needs a damaged pack', async () => {
    const { store, packs } = await backedUp();
    await using repository = await openRepository(store, SMALL_PACKS);
    await backUp(repository, data);
    const checked = withChecksums(await harmed(store, {}), { [packs.data[0]!]: 'ab'.repeat(32) });
    const { findings } = await verifyStore(checked, { kind: 'quick' });
    expect(findings).toMatchObject([{ object: packs.data[0], backups: { length: 2 } }]);
  });
});

describe('a verification in parts', { timeout: 60_000 }, () => {
  it('finds every damaged object in one of the parts, though backups are made between them', async () => {
    const OF = 3;
    const { store } = await backedUp();
    const objects: string[] = [];
    for await (const { key } of store.list('')) if (key !== 'repository.json') objects.push(key);
    expect(objects.length).toBeGreaterThan(4);
    for (const object of objects) {
      const broken = await harmed(store, { [object]: (body) => flipped(body, body.length >> 1) });
      await using repository = await openRepository(broken, SMALL_PACKS);
      const keys = await repository.backupKeys(never);
      const found = new Set<string>();
      for (let part = 1; part <= OF; part++) {
        const { findings } = await verifyAll(repository, { kind: 'subset', part, of: OF });
        for (const finding of findings) found.add(finding.object);
        await backUp(repository, {
          t: rows.map((row, i) => (i % 90 === part ? row.replace('\t', '\tnew') : row)).join(''),
        });
      }
      expect([...found], object).toContain(object);
      expect(keys).toHaveLength(1);
    }
  }, 60_000);

  it('reads every chunk in exactly one of the parts', async () => {
    const { store } = await backedUp();
    const whole = await verifyStore(store);
    let chunks = 0;
    let packs = 0;
    for (let part = 1; part <= 5; part++) {
      const report = await verifyStore(store, { kind: 'subset', part, of: 5 });
      chunks += report.chunks;
      packs += report.packs;
    }
    expect({ chunks, packs }).toEqual({ chunks: whole.chunks, packs: whole.packs });
  });
});
