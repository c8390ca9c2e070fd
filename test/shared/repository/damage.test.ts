import { describe, expect, it } from 'vitest';
import { isHoldfastError } from '../../../shared/core/errors.ts';
import { listBackups } from '../../../shared/jobs/list.ts';
import { verifyBackups } from '../../../shared/jobs/verify.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { backUp, digests, digestsOf, initRepository, never, openRepository } from '../../support/engine.ts';
import { seededRandom, seededRows } from '../../support/rows.ts';

const rows = seededRows(400, 1);
const first = { 'pre-data': 'create table t ();\n', t: rows.join('') };
const second = {
  ...first,
  t: rows.map((row, i) => (i % 50 === 0 ? row.replace('\t', '\tnew ') : row)).join(''),
};
const LISTED = [
  'E_DAMAGED',
  'E_WRONG_KEY',
  'E_NEWER_FORMAT',
  'E_FOREIGN_REPOSITORY',
  'E_NO_REPOSITORY',
  'E_NO_BACKUP',
];

/** A repository of two backups, with one object put through `change` on the way. */
async function damaged(key: string, change: (body: Buffer) => Buffer | undefined): Promise<MemoryStore> {
  const store = new MemoryStore();
  for await (const info of whole.list('')) {
    const body = Buffer.from(await whole.get(info.key));
    const put = info.key === key ? change(body) : body;
    if (put) await store.put(info.key, put);
  }
  return store;
}

const whole = new MemoryStore();
await initRepository(whole);
{
  await using repository = await openRepository(whole, { workers: 1 });
  await backUp(repository, first);
  await backUp(repository, second);
}
const objects: { readonly key: string; readonly sizeBytes: number }[] = [];
for await (const info of whole.list('')) objects.push(info);

/** Verifies everything and restores everything: damage must be found, and no wrong byte may come out. */
async function examine(store: MemoryStore): Promise<'found' | 'unseen'> {
  try {
    await using repository = await openRepository(store, { workers: 1 });
    const keys = await repository.backupKeys(never);
    const { findings } = await verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: never });
    for (const key of keys) {
      try {
        expect([digestsOf(first), digestsOf(second)]).toContainEqual(await digests(repository, key));
      } catch (error) {
        if (!isHoldfastError(error)) throw error;
        expect(LISTED).toContain(error.code);
      }
    }
    return findings.length > 0 || keys.length < 2 ? 'found' : 'unseen';
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    expect(LISTED).toContain(error.code);
    return 'found';
  }
}

describe('damage', () => {
  it('is not seen where there is none', async () => {
    expect(await examine(whole)).toBe('unseen');
  });

  it.each(objects.map(({ key, sizeBytes }) => [key.slice(0, 24), key, sizeBytes] as const))(
    'of one bit anywhere in %s… is found, and never comes out of a restore',
    async (_, key, sizeBytes) => {
      const random = seededRandom(sizeBytes);
      for (let n = 0; n < 8; n++) {
        const at =
          n < 3 ? [0, sizeBytes - 1, Math.floor(sizeBytes / 2)][n]! : Math.floor(random() * sizeBytes);
        const store = await damaged(key, (body) => {
          body[at] = (body[at] ?? 0) ^ (1 << Math.floor(random() * 8));
          return body;
        });
        expect(await examine(store), `byte ${at}`).toBe('found');
      }
    },
    60_000,
  );

  it.each(objects.map(({ key }) => [key.slice(0, 24), key] as const))(
    'is found when %s… is cut short or removed',
    async (_, key) => {
      expect(await examine(await damaged(key, (body) => body.subarray(0, body.length - 1)))).toBe('found');
      expect(await examine(await damaged(key, (body) => body.subarray(0, 10)))).toBe('found');
      expect(await examine(await damaged(key, () => undefined))).toBe('found');
    },
  );

  it('is found when two packs, or two manifests, are swapped', async () => {
    for (const prefix of ['data/', 'backups/']) {
      const [a, b] = objects.filter(({ key }) => key.startsWith(prefix)).map(({ key }) => key);
      const store = new MemoryStore();
      for (const { key } of objects) {
        const from = key === a ? b : key === b ? a : key;
        await store.put(key, await whole.get(from!));
      }
      expect(await examine(store)).toBe('found');
    }
  });

  it('of a manifest is listed as damaged, beside the others', async () => {
    const key = objects.find((object) => object.key.startsWith('backups/'))!.key;
    const store = await damaged(key, (body) =>
      Buffer.from(body.toString().replace('"type":"daily"', '"type":"other"')),
    );
    await using repository = await openRepository(store, { workers: 1 });
    const states = (await listBackups(repository, { signal: never })).map(({ state }) => state);
    expect(states.toSorted()).toEqual(['damaged', 'whole']);
  });

  it('is told apart from a store that cannot be reached', async () => {
    await using repository = await openRepository(whole, { workers: 1 });
    const keys = await repository.backupKeys(never);
    const stop = AbortSignal.abort();
    await expect(
      verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: stop }),
    ).rejects.toMatchObject({ code: 'E_ABORTED' });
  });

  it('is found by the parts of a subset verification together', async () => {
    const pack = objects.find(({ key }) => key.startsWith('data/'))!.key;
    const store = await damaged(pack, (body) => {
      body[200] = (body[200] ?? 0) ^ 1;
      return body;
    });
    await using repository = await openRepository(store, { workers: 1 });
    const keys = await repository.backupKeys(never);
    const reports = [];
    for (let part = 1; part <= 3; part++) {
      reports.push(
        await verifyBackups(repository, keys, { depth: { kind: 'subset', part, of: 3 }, signal: never }),
      );
    }
    expect(reports.some(({ findings }) => findings.length > 0)).toBe(true);
  });
});
