import { about, HoldfastError } from '../core/errors.ts';
import type { ChunkRef } from '../format/chunk-ref.ts';
import { decompress } from '../format/codec.ts';
import { packKey } from '../format/pack.ts';
import { decodeInner, decodeLeaf, type NodeRef, nodeId, type PackNames } from '../format/tree.ts';
import type { PackReader } from './pack-reader.ts';

/** Larger than any node can be: 1024 references of 16 steps, with a pack each. */
const MOST_NODE_BYTES = 8 * 1024 * 1024;

export interface Leaf {
  readonly node: NodeRef;
  readonly refs: readonly ChunkRef[];
}

/** The leaves of a partition in order; each node is checked against what its parent says of it. */
export async function* readLeaves(
  reader: PackReader,
  packs: PackNames,
  node: NodeRef,
  options: { readonly onNode?: (node: NodeRef) => void; readonly signal: AbortSignal },
): AsyncGenerator<Leaf> {
  const { onNode, signal } = options;
  onNode?.(node);
  const what = `the tree node at ${node.location.offset} of ${packKey(node.location.pack.id ?? ('' as never))}`;
  const item = await reader.readItem(node.location, signal);
  const plain = await about(what, async () => decompress(item, MOST_NODE_BYTES));
  if (!nodeId(plain).equals(node.id))
    throw new HoldfastError('E_DAMAGED', `${what} is not the one that is named`);
  if (node.level === 0) {
    const refs = decodeLeaf(plain, packs, node.location.pack, what);
    checkTotals(
      node,
      { chunks: refs.length, plainBytes: sum(refs, 'plainBytes'), records: sum(refs, 'records') },
      what,
    );
    yield { node, refs };
    return;
  }
  const children = decodeInner(plain, node.level, { packs, self: node.location.pack, what });
  checkTotals(
    node,
    {
      chunks: sum(children, 'chunks'),
      plainBytes: sum(children, 'plainBytes'),
      records: sum(children, 'records'),
    },
    what,
  );
  for (const child of children) yield* readLeaves(reader, packs, child, options);
}

type Totals = Pick<NodeRef, 'chunks' | 'plainBytes' | 'records'>;

function checkTotals(node: NodeRef, got: Totals, what: string): void {
  if (node.chunks === got.chunks && node.plainBytes === got.plainBytes && node.records === got.records)
    return;
  throw new HoldfastError(
    'E_DAMAGED',
    `${what} does not hold what is said of it: ${got.chunks} chunks, ${got.records} records`,
  );
}

function sum<K extends string>(things: readonly Readonly<Record<K, number>>[], key: K): number {
  return things.reduce((total, thing) => total + thing[key], 0);
}
