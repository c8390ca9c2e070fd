import { createHash, randomBytes } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { KiB, MiB } from '../../../../shared/core/units.ts';
import type { Catalog } from '../../../../shared/format/catalog.ts';
import type { Manifest1 } from '../../../../shared/format/manifest.ts';
import { PackBuilder, packKey } from '../../../../shared/format/pack.ts';
import { newPackSeal } from '../../../../shared/format/seal.ts';
import { rekeyRepository } from '../../../../shared/jobs/keys/rekey.ts';
import { verifyBackups } from '../../../../shared/jobs/verify/verify.ts';
import { HexKeyProvider } from '../../../../shared/keys/hex-key-provider.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import {
  backUp,
  digests,
  initRepository,
  never,
  openCheaply,
  TEST_FORMAT,
  TEST_KEY,
} from '../../../support/repository/engine.ts';
import { type Forgery, forge } from '../../../support/repository/forge.ts';
import { withPacks } from '../../../support/repository/listed.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import { turns } from '../../../support/repository/torture.ts';

const it = turns(3);

const GiB = 1024 * MiB;
const NEW_KEY = createHash('sha256').update('two').digest('hex');

/** What a full verification says of a backup of two datasets that was forged, sealed and signed with the right keys. */
async function verified(forgery: Forgery) {
  const store = new MemoryStore();
  await initRepository(store);
  await using first = await openCheaply(store);
  const { key } = await backUp(first, { t: seededRows(200, 1).join(''), u: seededRows(20, 2).join('') });
  await forge(first, key, 't', forgery);
  await using repository = await openCheaply(store);
  const { findings } = await verifyBackups(repository, [key], { depth: { kind: 'full' }, signal: never });
  return { key, findings };
}

const withDatasets = (change: (datasets: Catalog['datasets']) => Catalog['datasets']): Forgery => ({
  catalog: (catalog) => ({ ...catalog, datasets: change(catalog.datasets) }),
});
const withAttributes = (attributes: Catalog['datasets'][number]['attributes']): Forgery =>
  withDatasets(([t, ...others]) => [{ ...t!, attributes }, ...others]);
const called = (name: string): Forgery => withDatasets(([t, ...others]) => [{ ...t!, name }, ...others]);
const withPack = (change: (pack: Manifest1['packs'][number]) => object): Forgery => ({
  manifest: (manifest) =>
    withPacks<Manifest1['packs'][number]>(manifest, ([pack, ...others]) => [
      { ...pack!, ...change(pack!) },
      ...others,
    ]),
});

/** Of format 2 a catalog may count what chunks have in common once for each. */
const USED: [string, string, Forgery][] =
  TEST_FORMAT === 1
    ? [['more used bytes than there are', 'uses', withPack(({ bytes }) => ({ usedBytes: bytes + 1 }))]]
    : [];

describe('a full verification', () => {
  it('finds nothing wrong with a backup that is sealed again as it was', async () => {
    expect((await verified({})).findings).toEqual([]);
    expect((await verified(withAttributes({ sizeBytes: 1, finalNewline: true }))).findings).toHaveLength(1);
  });

  it.each<[what: string, said: string, Forgery]>([
    ['a key that the manifest lacks', 'has key 99; it has', withPack(() => ({ key: 99 }))],
    ['the key of another pack', 'key of run', withPack(({ key }) => ({ key: key === 0 ? 1 : 0 }))],
    ...USED,
    [
      'a pack that is listed twice',
      'twice',
      {
        manifest: (manifest) => withPacks(manifest, (packs) => [...packs, packs[0]!]),
      },
    ],
    ['another type than its key', 'of type weekly', { manifest: (same) => ({ ...same, type: 'weekly' }) }],
    ['two datasets of one name', "two datasets named 'u'", called('u')],
    ['a dataset that is a folder of another', "'u' and 'u/v'", called('u/v')],
    ['a dataset that leaves its folder', "'../t'", called('../t')],
    [
      'two partitions of one name',
      "two partitions named '0000'",
      withDatasets(([t, ...others]) => [
        { ...t!, partitions: [...t!.partitions, { name: '0000', root: null }] },
        ...others,
      ]),
    ],
    ['another size of the file', 'had 7 bytes', withAttributes({ sizeBytes: 7 })],
    ['a size that is no number', 'had "7" bytes', withAttributes({ sizeBytes: '7' })],
    [
      'a final newline that an empty file lacks',
      'lack a final newline',
      withDatasets((datasets) => [
        ...datasets,
        { name: 'v', kind: 'data', attributes: { finalNewline: false }, partitions: [] },
      ]),
    ],
    [
      'more stored bytes than plain ones',
      'when stored',
      withDatasets(([t, ...others]) => [{ ...t!, wholeBytes: 10 ** 9 }, ...others]),
    ],
  ])('finds %s', async (_, said, forgery) => {
    const { key, findings } = await verified(forgery);
    expect(findings).toMatchObject([
      { object: key, code: 'E_DAMAGED', problem: expect.stringContaining(said), backups: [key] },
    ]);
  });
});

/** A frame of zstd that holds so many `x`, in a few bytes: blocks of one repeated byte (RFC 8878, 3.1.1.2). */
function bomb(bytes: number, { saysSo }: { readonly saysSo: boolean }): Buffer {
  const BLOCK = 128 * KiB;
  const header = Buffer.alloc(saysSo ? 14 : 6);
  header.writeUInt32LE(0xfd2fb528);
  header[4] = saysSo ? 0xc0 : 0;
  header[5] = 0x38;
  if (saysSo) header.writeBigUInt64LE(BigInt(bytes), 6);
  const count = Math.ceil(bytes / BLOCK);
  const blocks = Array.from({ length: count }, (_, i) => {
    const block = Buffer.alloc(4, 'x');
    block.writeUIntLE((BLOCK << 3) | (1 << 1) | (i === count - 1 ? 1 : 0), 0, 3);
    return block;
  });
  return Buffer.concat([header, ...blocks]);
}

it('a bomb of these tests is what it is taken for', () => {
  for (const saysSo of [true, false]) {
    expect(zstdDecompressSync(bomb(MiB, { saysSo })).equals(Buffer.alloc(MiB, 'x'))).toBe(true);
    expect(bomb(GiB, { saysSo }).length).toBeLessThan(64 * KiB);
  }
});

describe('a bomb in the place of a catalog', () => {
  it.each([true, false])(
    'is named, and refused in little memory (says how much it holds: %s)',
    async (saysSo) => {
      const before = process.resourceUsage().maxRSS;
      const { key, findings } = await verified({ catalogBody: () => bomb(GiB, { saysSo }) });
      expect(findings).toMatchObject([
        { object: key, code: 'E_DAMAGED', problem: expect.stringContaining(`the catalog of ${key}`) },
      ]);
      expect(process.resourceUsage().maxRSS - before).toBeLessThan(256 * KiB);
    },
  );
});

describe('a chunk that cannot be decoded', () => {
  it.each([
    ['a codec that nobody knows', Buffer.of(9, 1, 2, 3), 'has codec 9, known codecs are 0 to 5'],
    ['a difference from nothing', Buffer.of(2, 1, 2, 3), 'is out of place in its chain'],
    ['a bomb', Buffer.concat([Buffer.of(1), bomb(GiB, { saysSo: true })]), 'bytes, at most'],
    ['no frame', Buffer.of(1, 1, 2, 3), 'does not decompress'],
  ])('names its item and pack: %s', async (_, item, said) => {
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openCheaply(store);
    const { key } = await backUp(repository, { t: seededRows(200, 1).join('') });
    const { run, keys } = await repository.readManifest(key, never);
    const dataKey = await repository.context.keys.of(keys, key).open(run, 'data', never);
    const builder = new PackBuilder(
      newPackSeal('data', run as never, dataKey, randomBytes(32)),
      Buffer.alloc(2 ** 17),
    );
    const place = builder.add(item);
    const { id, bytes } = builder.close(true);
    await store.put(packKey(id), Buffer.from(bytes));
    await forge(repository, key, 't', {
      refs: ([ref, ...others]) => [{ ...ref!, chain: [{ ...place, pack: { id } }] }, ...others],
      manifest: (manifest) => {
        const index = manifest.keys.findIndex((one) => one.run === run && one.purpose === 'data');
        const pack = { id, bytes: bytes.length, usedBytes: place.storedBytes, key: index };
        return withPacks(manifest, (packs) => [...packs, pack]);
      },
    });
    const restored = digests(repository, key);
    await expect(restored).rejects.toMatchObject({ code: 'E_DAMAGED' });
    await expect(restored).rejects.toThrow(`the item at ${place.offset} of ${packKey(id)}: `);
    await expect(restored).rejects.toThrow(said);
  });
});

it.each(['seal', 'older'])('an object of keys that holds a wrong %s is named', async (member) => {
  const store = new MemoryStore();
  await initRepository(store);
  const open = (key: string) => openCheaply(store, { keys: new HexKeyProvider(key) });
  await rekeyRepository(open, { key: TEST_KEY, newKey: NEW_KEY, signal: never });
  const [info] = await Array.fromAsync(store.list('keys/'));
  const key = info!.key;
  const text = Buffer.from(await store.get(key)).toString();
  const file = JSON.parse(text) as { seal: { wrapped: string }; older: { wrapped: string }[] };
  const wrapped = member === 'seal' ? file.seal.wrapped : file.older[0]!.wrapped;
  await store.delete(key);
  await store.put(key, Buffer.from(text.replace(wrapped, Buffer.alloc(60, 7).toString('base64'))));
  await expect(open(NEW_KEY)).rejects.toMatchObject({ code: 'E_DAMAGED' });
  await expect(open(NEW_KEY)).rejects.toThrow(key);
});
