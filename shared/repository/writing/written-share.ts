import { HoldfastError } from '../../core/errors.ts';
import { parsePackId } from '../../core/ids.ts';
import { itemEntry, itemPlace, rootEntry, rootNode } from '../../format/catalog.ts';
import type { ItemLocation, PackHandle } from '../../format/chunk-ref.ts';
import type { RunBody } from '../../format/run-bodies.ts';
import { type NodeRef, PackNames } from '../../format/tree.ts';
import type { RunKeyEntry } from '../keys/key-ring.ts';
import type { OtherPack } from '../packs/pack-ledger.ts';
import type { OwnPack } from '../packs/run-packs.ts';
import type { PartitionTally } from '../reading/dataset-figures.ts';

/** A partition that is written. */
export interface WrittenPartition {
  readonly dataset: string;
  readonly partition: string;
  /** Null if the partition is empty. */
  readonly root: NodeRef | null;
  /** Where the list of its least and greatest keys is; undefined if there are none. */
  readonly bounds: ItemLocation | undefined;
  readonly tally: PartitionTally;
}

/** Partitions that were written together: all of a small backup, a part of a large one. */
export interface WrittenShare {
  readonly partitions: readonly WrittenPartition[];
  /** Bytes used of every pack. */
  readonly used: ReadonlyMap<PackHandle, number>;
  /** Packs of other backups that may be among those, by id. */
  readonly others: ReadonlyMap<string, OtherPack>;
  /** Names of the backups that those belong to. */
  readonly backups: readonly string[];
  /** Chunks, and parts of trees, of the parent that were found wrong. */
  readonly parentDamage: number;
  /** What it stored, in that order; nothing while its index pack is open. */
  readonly own: readonly OwnPack[];
}

type ShareBody = RunBody<'share'>;

/** A share whose packs are all stored, as the body of its document. */
export function encodeShare(
  share: number,
  { partitions, used, others, backups, parentDamage, own }: WrittenShare,
): Omit<ShareBody, 'view' | 'records'> {
  const keys: RunKeyEntry[] = [];
  const mine = new Map<string, OwnPack>(own.map((pack) => [pack.id, pack]));
  const packs = packsOf(sumById(used), (id) => mine.get(id) ?? others.get(id), keys);
  const nowhere: PackHandle = { id: undefined };
  return {
    share,
    partitions: partitions.map(({ dataset, partition, root, bounds, tally }) => {
      const { wholeBytes, keptBytes, newChunks } = tally;
      return {
        dataset,
        partition,
        root: root && rootEntry(root, nowhere),
        ...(bounds ? { bounds: itemEntry(bounds, nowhere) } : {}),
        wholeBytes,
        keptBytes,
        newChunks,
      };
    }),
    packs,
    keys,
    own: own.map(({ id, bytes, key }) => ({ id, bytes, key: keyIndex(keys, key) })),
    backups: packs.every(({ id }) => mine.has(id)) ? [] : [...backups],
    ...(parentDamage > 0 ? { parentDamage } : {}),
  };
}

/** @throws E_DAMAGED if it contradicts itself */
export function decodeShare(body: ShareBody, key: string): WrittenShare {
  const names = new PackNames();
  const self = names.handle('0'.repeat(64));
  const keyOf = (index: number): RunKeyEntry => {
    const entry = body.keys[index];
    if (entry) return entry;
    throw new HoldfastError('E_DAMAGED', `${key} refers to key ${index} of ${body.keys.length}`);
  };
  const own = new Set(body.own.map(({ id }) => id));
  const packs = body.packs.map((pack) => [pack.id, { bytes: pack.bytes, key: keyOf(pack.key) }] as const);
  return {
    partitions: body.partitions.map(({ dataset, partition, root, bounds, ...tally }) => ({
      dataset,
      partition,
      root: root && rootNode(root, names, self),
      bounds: bounds && itemPlace(bounds, names, self),
      tally,
    })),
    used: new Map(body.packs.map(({ id, usedBytes }) => [names.handle(id), usedBytes])),
    others: new Map(packs.filter(([id]) => !own.has(id))),
    backups: body.backups,
    parentDamage: body.parentDamage ?? 0,
    own: body.own.map(({ id, bytes, key: index }) => ({ id: parsePackId(id), bytes, key: keyOf(index) })),
  };
}

/** Two handles of one pack count together. */
export function sumById(used: ReadonlyMap<PackHandle, number>): Map<string, number> {
  const byId = new Map<string, number>();
  for (const [{ id }, bytes] of used) if (id) byId.set(id, (byId.get(id) ?? 0) + bytes);
  return byId;
}

/**
 * What is used of packs, as a document names them. @param keys the document's keys; those of the packs are
 * added
 */
export function packsOf(
  used: ReadonlyMap<string, number>,
  find: (id: string) => OwnPack | OtherPack | undefined,
  keys: RunKeyEntry[],
) {
  return [...used].map(([id, usedBytes]) => {
    const { bytes, key } = find(id) ?? {};
    if (bytes === undefined || !key)
      throw new HoldfastError('E_INTERNAL', `pack ${id} is used but not known`);
    return { id, bytes, usedBytes, key: keyIndex(keys, key) };
  });
}

/** A partition's name among those of all datasets. */
export function partitionName(dataset: string, partition: string): string {
  return JSON.stringify([dataset, partition]);
}

/** Index of a key among those of a document; adds the key if it is missing. */
function keyIndex(keys: RunKeyEntry[], entry: RunKeyEntry): number {
  const known = keys.findIndex(({ run, purpose }) => run === entry.run && purpose === entry.purpose);
  return known >= 0 ? known : keys.push(entry) - 1;
}
