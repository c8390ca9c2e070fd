import { createHash } from 'node:crypto';
import * as z from 'zod';
import { HoldfastError, named } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { ItemLocation, PackHandle } from './chunk-ref.ts';
import { parseJson } from './json-text.ts';
import { problems, SUSPICIONS, type Suspicion } from './manifest.ts';
import { type NodeRef, type PackNames, SELF } from './tree.ts';
import { compress, decompress } from './zstd.ts';

/** The largest text that Node can parse. Half a million tables stay below it. */
const MOST_CATALOG_BYTES = 2 ** 29 - 24;
const LEVEL = 3;

const hex64 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Where an item of a pack is. */
export const ItemEntry = z.object({ pack: hex64, offset: count, storedBytes: count });
export type ItemEntry = Readonly<z.infer<typeof ItemEntry>>;

/** The root of a dataset's tree, and what is below it. */
export const Root = z.object({
  id: hex64,
  level: z.number().int().min(0).max(5),
  chunks: count,
  plainBytes: count,
  records: count,
  after: count,
  pack: hex64,
  offset: count,
  storedBytes: count,
});

/**
 * What made the backup suspect, by dataset; null: the backup as a whole. The manifest has only the counts.
 */
const DatasetSuspicion = z.object({
  code: z.enum(SUSPICIONS),
  dataset: z.string().nullable(),
  before: count,
  now: count,
});
/** What is suspect about one dataset. */
export type DatasetSuspicion = Readonly<z.infer<typeof DatasetSuspicion>>;

/** What is suspect about a backup, by dataset. */
export const Suspect = z.object({
  /** Name of the backup it was compared with. */
  against: z.string(),
  findings: z.array(DatasetSuspicion).min(1),
});
export type Suspect = Readonly<z.infer<typeof Suspect>>;

/** Only in backups of format 2; in format 1, the manifest has them in the clear. */
const Sealed = {
  figures: z.object({ chunks: count, newChunks: count }).optional(),
  /** Where the bytes used of each pack are: pack-use.ts. */
  use: ItemEntry.optional(),
};

/** Where a base stands in the stream of changes: `ChangeJoin` of shared/sources/changes.ts. */
export const Join = z.object({ from: z.string(), state: z.string(), at: z.string() });

const Catalog = z.object({
  server: z.string(),
  position: z.string(),
  omitted: z.array(z.string()),
  /** Only in a base; the manifest then has `changes`. */
  join: Join.readonly().optional(),
  ...Sealed,
  /** Missing if nothing is suspect. */
  suspect: Suspect.optional(),
  datasets: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['schema', 'data']),
      attributes: z.record(z.string(), z.json()),
      /** Stored bytes of the first items in its chunks' chains: its compressed size. */
      wholeBytes: count.optional(),
      partitions: z.array(
        z.object({
          name: z.string(),
          /** Null if the partition is empty. */
          root: Root.nullable(),
          /** Where the list of its least and greatest keys is: bounds-item.ts. */
          bounds: ItemEntry.optional(),
        }),
      ),
    }),
  ),
});

type CatalogFile = Readonly<z.infer<typeof Catalog>>;
/** A tree of a dataset. */
export type RootEntry = z.infer<typeof Root>;

/** What a catalog says of one dataset. */
export interface CatalogDataset {
  readonly name: string;
  readonly kind: 'schema' | 'data';
  readonly attributes: JsonObject;
  readonly wholeBytes?: number | undefined;
  readonly partitions: readonly {
    readonly name: string;
    readonly root: RootEntry | null;
    readonly bounds?: ItemEntry | undefined;
  }[];
}

/** The sealed content of a backup: names, the adapter's schema, roots of the trees. */
export interface Catalog extends Omit<CatalogFile, 'datasets'> {
  readonly datasets: readonly CatalogDataset[];
}

/** The public part of findings: a count for each code, without names. */
export function countSuspicions(findings: readonly DatasetSuspicion[]): Suspicion[] {
  const counts = new Map<string, Suspicion>();
  for (const { code, dataset, before, now } of findings) {
    const isWhole = dataset === null;
    const found = counts.get(`${code} ${isWhole}`) ?? { code, datasets: 0, before: 0, now: 0 };
    // Sizes of records cannot be added, so the worst stands for all.
    const isWorse = now * Math.max(found.before, 1) > found.now * Math.max(before, 1);
    const figures =
      code === 'ratio-collapsed'
        ? isWorse
          ? { before, now }
          : found
        : { before: found.before + before, now: found.now + now };
    counts.set(`${code} ${isWhole}`, {
      code,
      datasets: found.datasets + (isWhole ? 0 : 1),
      before: figures.before,
      now: figures.now,
    });
  }
  return [...counts.values()];
}

/** The catalog as it is sealed. @returns its id too: the SHA-256 of its bytes */
export function encodeCatalog(catalog: Catalog): { readonly id: string; readonly body: Buffer } {
  const plain = Buffer.from(JSON.stringify(catalog));
  return { id: createHash('sha256').update(plain).digest('hex'), body: compress(plain, LEVEL) };
}

/** @throws E_DAMAGED */
export function decodeCatalog(body: Uint8Array, id: string, what: string): Catalog {
  const plain = named(what, () => decompress(body, MOST_CATALOG_BYTES));
  const got = createHash('sha256').update(plain).digest('hex');
  if (got !== id) throw new HoldfastError('E_DAMAGED', `${what} has the hash ${got}, expected ${id}`);
  const parsed = Catalog.safeParse(parseJson(plain, what));
  if (!parsed.success) throw new HoldfastError('E_DAMAGED', `${what}: ${problems(parsed.error)}`);
  return parsed.data as Catalog;
}

/** @param self the pack that will hold the catalog */
export function rootEntry(root: NodeRef, self: PackHandle): RootEntry {
  const { id, level, chunks, plainBytes, records, after, location } = root;
  return { id: id.toString('hex'), level, chunks, plainBytes, records, after, ...itemEntry(location, self) };
}

/** @param self the pack that will hold the catalog */
export function itemEntry(location: ItemLocation, self: PackHandle): ItemEntry {
  const pack = location.pack === self ? SELF : location.pack.id;
  if (!pack) throw new HoldfastError('E_INTERNAL', 'a catalog was written before its packs were named');
  const { offset, storedBytes } = location;
  return { pack, offset, storedBytes };
}

/** @param self the pack that holds the catalog */
export function itemPlace(entry: ItemEntry, packs: PackNames, self: PackHandle): ItemLocation {
  const { pack, offset, storedBytes } = entry;
  return { pack: packs.resolve(pack, self), offset, storedBytes };
}

/** @param self the pack that holds the catalog */
export function rootNode(entry: RootEntry, packs: PackNames, self: PackHandle): NodeRef {
  const { id, level, chunks, plainBytes, records, after } = entry;
  const location = itemPlace(entry, packs, self);
  return { id: Buffer.from(id, 'hex'), level, chunks, plainBytes, records, after, location };
}
