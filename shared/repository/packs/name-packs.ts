import { HoldfastError } from '../../core/errors.ts';
import { KiB } from '../../core/units.ts';
import type { PackHandle } from '../../format/chunk-ref.ts';
import type { Manifest1, Manifest2 } from '../../format/manifest.ts';
import type { ListedPack } from '../../format/pack-list.ts';
import type { RepositoryContext } from '../context.ts';
import type { RunKeyEntry } from '../keys/key-ring.ts';
import type { AddedCatalog } from '../writing/add-catalog.ts';
import type { BackupToCommit } from '../writing/backup-to-write.ts';
import { type WrittenList, writePackList } from '../writing/list-writer.ts';
import { packsOf, sumById, type WrittenShare } from '../writing/written-share.ts';
import type { OtherPack } from './pack-ledger.ts';
import type { OwnPack } from './run-packs.ts';

/** For what it lacks when it is measured: path, times, sequence, signature, MAC. */
const RESERVED_BYTES = 2 * KiB;

/** The known packs: those that this run stored, and those of other backups. */
export interface KnownPacks {
  readonly shares: readonly WrittenShare[];
  readonly own: readonly OwnPack[];
  readonly manifestKey: RunKeyEntry;
}

/** The packs of a backup of format 1, all in its manifest. */
export function packsAndKeys(
  known: KnownPacks,
  { location }: AddedCatalog,
): Pick<Manifest1, 'packs' | 'keys'> {
  const keys: RunKeyEntry[] = [known.manifestKey];
  const used = sumById(new Map([[location.pack, location.storedBytes]]));
  for (const share of known.shares)
    for (const [id, bytes] of sumById(share.used)) used.set(id, (used.get(id) ?? 0) + bytes);
  const packs = packsOf(used, finder(known), keys);
  return { packs: packs.map((pack) => ({ ...pack, usedBytes: Math.min(pack.usedBytes, pack.bytes) })), keys };
}

/** The packs of a backup of format 2, in their order. @throws E_INTERNAL */
export function listedPacks(known: KnownPacks, { order }: AddedCatalog): readonly ListedPack[] {
  const find = finder(known);
  return order.map(({ pack }) => {
    const id = packName(pack);
    const { bytes, key } = find(id) ?? {};
    if (bytes !== undefined && key) return { id, bytes, key };
    throw new HoldfastError('E_INTERNAL', `pack ${id} is used but not known`);
  });
}

type Named = Pick<Manifest2, 'keys' | 'packs' | 'list' | 'rootKeys'>;

/**
 * What the manifest says about packs: the packs themselves if they are few, else where their list is, which
 * is stored now.
 *
 * @param otherBytes size of the rest of the manifest, as JSON
 * @throws E_STORE_*
 */
export async function namePacks(
  context: RepositoryContext,
  packs: readonly ListedPack[],
  options: Pick<BackupToCommit, 'comparedWith' | 'signal'> & {
    readonly manifestKey: RunKeyEntry;
    readonly otherBytes: number;
  },
): Promise<{ readonly named: Named; readonly own: WrittenList['own'] }> {
  const { manifestKey, otherBytes, comparedWith: before, signal } = options;
  const few = fewPacks(packs, manifestKey);
  const size = otherBytes + RESERVED_BYTES + Buffer.byteLength(JSON.stringify(few));
  if (size <= context.limits.manifestBytes) return { named: few, own: [] };
  const { list, own } = await writePackList(context, packs, { before, signal });
  const last = packs.at(-1)?.key;
  const keys = [manifestKey, ...(last ? [last] : [])];
  const rootKeys = [
    ...new Set([manifestKey, ...packs.map(({ key }) => key)].flatMap((key) => key?.rootKeyId ?? [])),
  ];
  return { named: { keys, rootKeys: rootKeys.sort(), list }, own };
}

function fewPacks(packs: readonly ListedPack[], manifestKey: RunKeyEntry): Named {
  const keys = [
    ...new Map(
      [manifestKey, ...packs.flatMap(({ key }) => key ?? [])].map((key) => [keyName(key), key]),
    ).values(),
  ];
  const places = new Map(keys.map((key, place) => [keyName(key), place]));
  const placeOf = (key: RunKeyEntry | undefined) => (key && places.get(keyName(key))) ?? 0;
  return { keys, packs: packs.map(({ id, bytes, key }) => ({ id, bytes, key: placeOf(key) })) };
}

function keyName({ run, purpose }: RunKeyEntry): string {
  return `${run}/${purpose}`;
}

function finder({ shares, own }: KnownPacks): (id: string) => OwnPack | OtherPack | undefined {
  const mine = new Map<string, OwnPack>(own.map((pack) => [pack.id, pack]));
  const other = (id: string) => shares.map(({ others }) => others.get(id)).find((found) => found?.key);
  return (id) => mine.get(id) ?? other(id);
}

/** The name of a pack that is closed. @throws E_INTERNAL if it is not */
export function packName({ id }: PackHandle): string {
  if (id) return id;
  throw new HoldfastError('E_INTERNAL', 'a pack was not closed');
}
