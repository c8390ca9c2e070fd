import { HoldfastError } from '../../core/errors.ts';
import { KiB } from '../../core/units.ts';
import { type Catalog, encodeCatalog, itemEntry, rootEntry, type Suspect } from '../../format/catalog.ts';
import type { ItemLocation, PackHandle } from '../../format/chunk-ref.ts';
import { padFrame } from '../../format/padding.ts';
import { SELF } from '../../format/tree.ts';
import { encodeUsedBytes } from '../../format/used-bytes.ts';
import { orderPacks, type UsedHandle } from '../packs/pack-order.ts';
import { MOST_PADDING_BYTES, type RunPacks } from '../packs/run-packs.ts';
import type { WrittenFigures } from '../reading/dataset-figures.ts';
import type { BackupToCommit, DatasetToCommit } from './backup-to-write.ts';
import type { CommittedBackup } from './committed-backup.ts';
import type { WrittenPartition, WrittenShare } from './written-share.ts';

/** A varint of the bytes used of one pack takes no more. */
const MOST_USE_BYTES = 6;

/** What a catalog is made of. */
export interface ToCatalog {
  readonly suspect: Suspect | undefined;
  readonly figures: readonly WrittenFigures[];
  readonly written: ReadonlyMap<DatasetToCommit, readonly WrittenPartition[]>;
}

/** What only backups of format 2 seal: format 1 has it in the manifest. */
interface ToSeal {
  readonly totals: CommittedBackup['figures'];
  readonly shares: readonly WrittenShare[];
  /** Ids of the packs of the backup that this one was compared with, in their order. */
  readonly before: readonly string[];
}

/** Where the catalog is. */
export interface AddedCatalog {
  readonly id: string;
  readonly location: ItemLocation;
  /** For a backup of format 2: its packs, in the order of its list. */
  readonly order: readonly UsedHandle[];
}

/** Encoded twice: first to learn its size, and so which pack it goes into. */
export function addCatalog(
  packs: RunPacks,
  options: BackupToCommit,
  { sealed, ...about }: ToCatalog & { readonly sealed: ToSeal | undefined },
): AddedCatalog {
  const encode = (self: PackHandle, more: Pick<Catalog, 'figures' | 'use'> = {}) =>
    encodeCatalog(catalogOf(options, about, { self, more }));
  const size = encode(packs.packFor(0)).body.length;
  // If the open pack must be closed for it, references to that pack take more room than before.
  const catalogBytes = 2 * size + 64 * KiB;
  if (!sealed) {
    const { id, body } = encode(packs.packFor(catalogBytes));
    return { id, location: packs.addItem(body), order: [] };
  }
  const { totals, shares, before } = sealed;
  const mostPacks = shares.reduce((sum, { used }) => sum + used.size, 1);
  const self = packs.packFor(catalogBytes + mostPacks * MOST_USE_BYTES + MOST_PADDING_BYTES);
  const order = orderPacks(shares, { before, last: self });
  const { pack, offset, storedBytes } = packs.addItem(
    encodeUsedBytes(order.map(({ usedBytes }) => usedBytes)),
  );
  const { id, body } = encode(self, { figures: totals, use: { pack: SELF, offset, storedBytes } });
  // The manifest says in the clear where it is and how long it is.
  packs.pad();
  const location = packs.addItem(padFrame(body));
  if (pack !== self || location.pack !== self)
    throw new HoldfastError(
      'E_INTERNAL',
      'the catalog went into another pack than the one with reserved room',
    );
  return { id, location, order };
}

function catalogOf(
  { server, position, omitted, base }: BackupToCommit,
  { suspect, figures, written }: ToCatalog,
  { self, more }: { readonly self: PackHandle; readonly more: Pick<Catalog, 'figures' | 'use'> },
): Catalog {
  const wholeBytes = new Map(figures.map((one) => [one.name, one.wholeBytes]));
  return {
    server,
    position,
    omitted: [...omitted],
    ...(base ? { join: base.join } : {}),
    ...more,
    ...(suspect ? { suspect } : {}),
    datasets: [...written].map(([{ name, kind, attributes }, partitions]) => ({
      name,
      kind,
      attributes,
      ...(kind === 'data' ? { wholeBytes: wholeBytes.get(name) ?? 0 } : {}),
      partitions: partitions.map(({ partition, root, bounds }) => ({
        name: partition,
        root: root && rootEntry(root, self),
        ...(bounds ? { bounds: itemEntry(bounds, self) } : {}),
      })),
    })),
  };
}
