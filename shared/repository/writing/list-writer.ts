import { createHash, randomBytes } from 'node:crypto';
import { type PackId, parsePackId } from '../../core/ids.ts';
import { parallel } from '../../core/parallel.ts';
import type { ListRef, Manifest } from '../../format/manifest.ts';
import { packKey } from '../../format/pack.ts';
import {
  encodeListLeaf,
  encodeListRoot,
  type ListedPack,
  type ListNode,
  splitPacks,
} from '../../format/pack-list.ts';
import { sizeOf } from '../../store/sizes.ts';
import type { RepositoryContext } from '../context.ts';
import { isDamage } from '../reading/damage.ts';

const SALT_BYTES = 16;
/** Leaves put at once. */
const PUTS = 4;

/** A list of packs that is in the store. */
export interface WrittenList {
  readonly list: ListRef;
  /** The objects that were stored for it, the root last. */
  readonly own: readonly { readonly id: PackId; readonly bytes: number }[];
}

/**
 * Stores the list of a backup's packs. Refers to leaves of `before` that say the same.
 *
 * @param before the backup that this one was compared with, whose unchanged packs are named again
 * @throws E_STORE_*
 */
export async function writePackList(
  context: Pick<RepositoryContext, 'store' | 'lists'>,
  packs: readonly ListedPack[],
  { before, signal }: { readonly before: Manifest | undefined; readonly signal: AbortSignal },
): Promise<WrittenList> {
  const known = before ? await leavesOf(context, before, signal) : new Map<string, ListNode>();
  const own: { readonly id: PackId; readonly bytes: number }[] = [];
  const put = async (object: Buffer): Promise<PackId> => {
    const id = parsePackId(createHash('sha256').update(object).digest('hex'));
    await context.store.put(packKey(id), object, { signal, sha256: id });
    own.push({ id, bytes: object.length });
    return id;
  };
  const leaves: ListNode[] = [];
  await parallel(splitPacks(packs).entries(), { most: PUTS, signal }, async ([place, group]) => {
    const same = known.get(contentOf(group));
    if (same && (await sizeOf(packKey(parsePackId(same.id)), context.store, signal)) === same.bytes) {
      leaves[place] = same;
      return;
    }
    const object = encodeListLeaf(group, randomBytes(SALT_BYTES));
    leaves[place] = { id: await put(object), bytes: object.length, ...sumsOf(group) };
  });
  const root = encodeListRoot(leaves, randomBytes(SALT_BYTES));
  const id = await put(root);
  return { list: { id, bytes: root.length, ...sumsOf(packs) }, own };
}

/** By content; none if they cannot be read, and then nothing is shared. */
async function leavesOf(
  { lists }: Pick<RepositoryContext, 'lists'>,
  before: Manifest,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ListNode>> {
  const leaves = new Map<string, ListNode>();
  try {
    for await (const { object, packs } of lists.groups(before, { signal }))
      if (object && packs.length > 0) leaves.set(contentOf(packs), { ...object, ...sumsOf(packs) });
    return leaves;
  } catch (error) {
    if (!isDamage(error)) throw error;
    return new Map();
  }
}

/** Equal for two leaves that say the same, whatever their salt. */
function contentOf(packs: readonly ListedPack[]): string {
  return createHash('sha256')
    .update(encodeListLeaf(packs, Buffer.alloc(SALT_BYTES)))
    .digest('hex');
}

function sumsOf(packs: readonly ListedPack[]): Pick<ListNode, 'packs' | 'packBytes'> {
  return { packs: packs.length, packBytes: packs.reduce((sum, { bytes }) => sum + bytes, 0) };
}
