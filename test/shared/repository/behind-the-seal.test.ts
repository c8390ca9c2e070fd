import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isHoldfastError } from '../../../shared/core/errors.ts';
import type { BackupKey, PackId } from '../../../shared/core/ids.ts';
import type { Json, JsonObject } from '../../../shared/core/json.ts';
import { encodeAuthenticated } from '../../../shared/format/authenticated-json.ts';
import type { RootEntry } from '../../../shared/format/catalog.ts';
import type { Manifest } from '../../../shared/format/manifest.ts';
import { PackBuilder, packKey } from '../../../shared/format/pack.ts';
import { newPackSeal } from '../../../shared/format/seal.ts';
import { compress, decompress } from '../../../shared/format/zstd.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { backUp, digests, initRepository, never, openCheaply } from '../../support/repository/engine.ts';
import { harmed, harmedJson } from '../../support/repository/harm.ts';
import { asFormat1 } from '../../support/repository/listed.ts';
import { seededRows } from '../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../support/repository/torture.ts';
import { copyStore } from '../../support/stores/copy-store.ts';

/** A backup, and the keys to seal another in its place. */
async function backupWithKeys() {
  const store = new MemoryStore();
  // `forge` writes format 1.
  await initRepository(store, undefined, { version: 1 });
  await using repository = await openCheaply(store);
  const { key } = await backUp(repository, { t: seededRows(200, 1).join('') });
  const { manifest, catalog, packs, leaves, root } = await repository
    .openBackup(key, never)
    .then(async (reader) => ({
      manifest: reader.manifest,
      catalog: reader.catalog,
      packs: reader.packs,
      leaves: await Array.fromAsync(reader.leaves(reader.root('t', '0000'), { signal: never })),
      root: reader.root('t', '0000') as RootEntry,
    }));
  const keys = repository.context.keys.of(manifest.keys, key);
  const index = await keys.open(manifest.run, 'index', never);
  const mac = await keys.open(manifest.run, 'manifest', never);
  const leaf = decompress(await packs.readItem(leaves[0]!.node.location, never), 2 ** 20);
  return { store, key, manifest, catalog, root, index, mac, leaf };
}

const whole = await backupWithKeys();

/** The backup again, with another leaf, root and manifest, all sealed as whoever holds the key would. */
async function forge(leaf: Buffer, change: (root: RootEntry) => object, edit: (text: string) => string) {
  const { store, key, manifest, catalog, root, index, mac } = whole;
  const builder = new PackBuilder(
    newPackSeal('index', manifest.run as never, index, randomBytes(32)),
    Buffer.alloc(2 ** 20),
  );
  const node = builder.add(compress(leaf, 3));
  const id = createHash('sha256').update(leaf).digest('hex');
  const claimed = change({
    ...root,
    id,
    pack: '0'.repeat(64),
    offset: node.offset,
    storedBytes: node.storedBytes,
  });
  const datasets = catalog.datasets.map((dataset) => ({
    ...dataset,
    partitions: [{ name: '0000', root: claimed }],
  }));
  const plain = Buffer.from(JSON.stringify({ ...catalog, datasets }));
  const item = builder.add(compress(plain, 3));
  const pack = builder.close(true);
  const { packs, ...others } = asFormat1(manifest);
  const [old] = packs.filter(({ id: named }) => named === manifest.catalog.pack);
  const document = {
    ...others,
    packs: [
      ...packs.filter((other) => other !== old),
      { id: pack.id, bytes: pack.bytes.length, usedBytes: 100, key: old!.key },
    ],
    catalog: {
      id: createHash('sha256').update(plain).digest('hex'),
      pack: pack.id,
      offset: item.offset,
      storedBytes: item.storedBytes,
    },
  };
  const bytes = encodeAuthenticated(JSON.parse(edit(JSON.stringify(document))) as Manifest, mac);
  const forged = await copyStore(store, (at, body) => (at === key ? bytes : body));
  await forged.put(packKey(pack.id as PackId), Buffer.from(pack.bytes));
  return forged;
}

/** Reads all of it; whether it was whole. @throws what is not a typed error */
async function read(store: MemoryStore, key: BackupKey): Promise<boolean> {
  await using repository = await openCheaply(store);
  const { findings } = await verifyBackups(repository, [key], { depth: { kind: 'full' }, signal: never });
  try {
    await digests(repository, key);
  } catch (error) {
    if (!isHoldfastError(error) || error.code === 'E_INTERNAL') throw error;
    return false;
  }
  return findings.length === 0;
}

it('a backup that is sealed again as it was is whole', async () => {
  expect(
    await read(
      await forge(
        whole.leaf,
        (root) => root,
        (text) => text,
      ),
      whole.key,
    ),
  ).toBe(true);
});

it(
  'what is sealed and authentic, and wrong all the same, meets a typed error in reasonable memory',
  async () => {
    const number = fc.constantFrom(-1, 0, 1, 2 ** 31, 2 ** 40, 2 ** 53 - 1);
    const roots = fc.record(
      {
        chunks: number,
        plainBytes: number,
        records: number,
        offset: number,
        storedBytes: number,
        level: fc.nat(6),
      },
      { requiredKeys: [] },
    );
    const inputs = fc.oneof(
      fc.record({ leaf: harmed([whole.leaf]), root: fc.constant({}), text: fc.constant(undefined) }),
      fc.record({ leaf: fc.constant(whole.leaf), root: roots, text: fc.constant(undefined) }),
      fc.record({
        leaf: fc.constant(whole.leaf),
        root: fc.constant({}),
        text: harmedJson([JSON.parse(JSON.stringify(whole.manifest)) as Json]),
      }),
    );
    const before = process.memoryUsage().rss;
    const property = fc.asyncProperty(inputs, async ({ leaf, root, text }) => {
      const forged = await forge(
        leaf,
        (entry) => ({ ...entry, ...root }),
        (own) => (text === undefined ? own : withPacksOf(own, text)),
      );
      await read(forged, whole.key);
    });
    await fc.assert(property, { numRuns: cases(12, 50, 5_000), seed: testSeed });
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 30);
  },
  tortureTimeoutMs,
);

/** A harmed manifest, with what it must have right to be read any further. */
function withPacksOf(own: string, harmedText: string): string {
  const { key, repository, format, version } = JSON.parse(own) as JsonObject;
  try {
    return JSON.stringify({ ...(JSON.parse(harmedText) as JsonObject), key, repository, format, version });
  } catch {
    return own;
  }
}
