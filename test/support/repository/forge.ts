import { randomBytes } from 'node:crypto';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { encodeAuthenticated } from '../../../shared/format/authenticated-json.ts';
import { type Catalog, encodeCatalog, type RootEntry } from '../../../shared/format/catalog.ts';
import type { ChunkRef } from '../../../shared/format/chunk-ref.ts';
import type { Manifest } from '../../../shared/format/manifest.ts';
import { PackBuilder, packKey } from '../../../shared/format/pack.ts';
import { newPackSeal } from '../../../shared/format/seal.ts';
import { encodeLeaf, nodeId, SELF } from '../../../shared/format/tree.ts';
import { encodeUsedBytes } from '../../../shared/format/used-bytes.ts';
import { compress } from '../../../shared/format/zstd.ts';
import type { BackupReader } from '../../../shared/repository/reading/backup-reader.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { never } from './engine.ts';
import { withPacks } from './listed.ts';

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
  const said = totals({ ...reader.manifest.totals, ...reader.figures });
  const sealed = reader.manifest.version === 1 ? {} : await sealFigures(reader, said, { pack, node });
  const { id, body: catalogBody } = encodeCatalog((forgery.catalog ?? same)({ ...fitting, ...sealed }));
  const place = pack.add((forgery.catalogBody ?? same)(catalogBody));
  const closed = pack.close(true);
  await store.put(packKey(closed.id), closed.bytes);
  const usedBytes = node.storedBytes + place.storedBytes;
  const [of] = reader.manifest.packs?.filter(({ id: one }) => one === reader.manifest.catalog.pack) ?? [];
  const added = { id: closed.id, bytes: closed.bytes.length, key: of!.key };
  const at = { id, pack: closed.id, offset: place.offset, storedBytes: place.storedBytes };
  const { datasets, records, plainBytes, storedBytes, ...figures } = said;
  const open = { datasets, records, plainBytes, storedBytes };
  const fits =
    reader.manifest.version === 1
      ? { totals: { ...open, ...figures }, catalog: at }
      : { totals: open, catalog: { ...at, packBytes: added.bytes } };
  const manifest = (forgery.manifest ?? same)({
    ...withPacks(reader.manifest, (packs) => [
      ...packs,
      reader.manifest.version === 1 ? { ...added, usedBytes } : added,
    ]),
    ...fits,
  } as Manifest);
  await store.delete(key);
  await store.put(key, encodeAuthenticated(manifest, await keys.open(run, 'manifest', never)));
}

function same<T>(value: T): T {
  return value;
}

function named(root: RootEntry, pack: string): RootEntry {
  return root.pack === SELF ? { ...root, pack } : root;
}

/** What a catalog of format 2 says beside: the figures, and an item with the bytes used of each pack. */
async function sealFigures(
  reader: BackupReader,
  { chunks = 0, newChunks = 0 }: Record<string, number>,
  { pack, node }: { readonly pack: PackBuilder; readonly node: { readonly storedBytes: number } },
) {
  const usedBytes = [...(await reader.usedBytes(never)), node.storedBytes];
  const { offset, storedBytes } = pack.add(encodeUsedBytes(usedBytes));
  return { figures: { chunks, newChunks }, use: { pack: SELF, offset, storedBytes } };
}
