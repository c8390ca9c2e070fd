import { randomBytes } from 'node:crypto';
import type { BackupKey } from '../../shared/core/ids.ts';
import { encodeAuthenticated } from '../../shared/format/authenticated-json.ts';
import { type Catalog, encodeCatalog, type RootEntry } from '../../shared/format/catalog.ts';
import type { ChunkRef } from '../../shared/format/chunk-ref.ts';
import type { Manifest, Manifest1 } from '../../shared/format/manifest.ts';
import { PackBuilder, packKey } from '../../shared/format/pack.ts';
import { newPackSeal } from '../../shared/format/seal.ts';
import { encodeLeaf, nodeId, SELF } from '../../shared/format/tree.ts';
import { compress } from '../../shared/format/zstd.ts';
import type { Repository } from '../../shared/repository/repository.ts';
import { never } from './engine.ts';
import { asFormat1 } from './listed.ts';

export interface Forgery {
  /** Changes the references of the first leaf of the dataset. */
  readonly refs?: (refs: ChunkRef[]) => ChunkRef[];
  /** Changes what the catalog says of the dataset's tree, after it was made to fit the leaf. */
  readonly root?: (root: RootEntry) => RootEntry;
  /** Changes what the manifest says in its totals. */
  readonly totals?: (totals: Record<string, number>) => Record<string, number>;
  /** Changes the catalog, after it was made to fit. */
  readonly catalog?: (catalog: Catalog) => Catalog;
  /** What lies in the catalog's place, in the end. */
  readonly catalogBody?: (body: Buffer) => Buffer;
  /** Changes the manifest, in the end. */
  readonly manifest?: (manifest: Manifest) => Manifest;
}

/**
 * Puts a backup with a mistake in the place of a listed one, sealed and signed with the right keys: what only a check of
 * what it says can find.
 */
export async function forge(
  repository: Repository,
  key: BackupKey,
  dataset: string,
  forgery: Forgery,
): Promise<void> {
  const { refs = same, root = same, totals = same } = forgery;
  const { store, context } = repository;
  const reader = await repository.openBackup(key, never);
  const [leaf] = await Array.fromAsync(reader.leaves(reader.root(dataset, '0000'), { signal: never }));
  const { run } = reader.manifest;
  const keys = context.keys.of(reader.manifest.keys, key);
  const indexKey = await keys.open(run, 'index', never);
  const pack = new PackBuilder(
    newPackSeal('index', run as never, indexKey, randomBytes(32)),
    Buffer.alloc(2 ** 20),
  );
  const body = encodeLeaf(refs([...leaf!.refs]), pack.handle);
  const node = pack.add(compress(body, 3));
  const entry = root({
    ...reader.root(dataset, '0000')!,
    id: nodeId(body).toString('hex'),
    pack: SELF,
    offset: node.offset,
    storedBytes: node.storedBytes,
  });
  const fitting: Catalog = {
    ...reader.catalog,
    datasets: reader.catalog.datasets.map((one) => ({
      ...one,
      partitions: one.partitions.map((partition) => ({
        name: partition.name,
        root:
          one.name === dataset
            ? entry
            : partition.root && named(partition.root, reader.manifest.catalog.pack),
      })),
    })),
  };
  const { id, body: catalogBody } = encodeCatalog((forgery.catalog ?? same)(fitting));
  const place = pack.add((forgery.catalogBody ?? same)(catalogBody));
  const used = { usedBytes: node.storedBytes + place.storedBytes };
  const closed = pack.close(true);
  await store.put(packKey(closed.id), closed.bytes);
  const honest = asFormat1(reader.manifest);
  const index = honest.packs.find(({ id: of }) => of === honest.catalog.pack)!;
  const manifest = (forgery.manifest ?? same)({
    ...honest,
    totals: totals(honest.totals) as Manifest1['totals'],
    packs: [...honest.packs, { ...index, ...used, id: closed.id, bytes: closed.bytes.length }],
    catalog: { id, pack: closed.id, offset: place.offset, storedBytes: place.storedBytes },
  });
  await store.delete(key);
  await store.put(key, encodeAuthenticated(manifest, await keys.open(run, 'manifest', never)));
}

function same<T>(value: T): T {
  return value;
}

function named(root: RootEntry, pack: string): RootEntry {
  return root.pack === SELF ? { ...root, pack } : root;
}
