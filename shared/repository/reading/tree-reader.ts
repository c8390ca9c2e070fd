import { HoldfastError, named } from '../../core/errors.ts';
import type { ChunkRef } from '../../format/chunk-ref.ts';
import { packKey } from '../../format/pack.ts';
import { decodeInner, decodeLeaf, type NodeRef, nodeId, type PackNames } from '../../format/tree.ts';
import { decompress } from '../../format/zstd.ts';
import type { PackReader } from '../packs/pack-reader.ts';
import { isDamage } from './damage.ts';

/** Larger than any node can be: 1024 references of 16 steps, with a pack each. */
const MOST_NODE_BYTES = 8 * 1024 * 1024;

/** The last level of a tree: references to chunks. */
export interface Leaf {
  readonly node: NodeRef;
  readonly refs: readonly ChunkRef[];
}

/** A node that cannot be read: only the sums of what is below it are known. */
export interface LostNode {
  readonly node: NodeRef;
  readonly problem: HoldfastError;
}

/** Who is told of what while a tree is read. */
export interface WalkOptions {
  /** Called with every node that could be read, before what is below it. */
  readonly onNode?: (node: NodeRef) => void;
  /** Nodes for which it returns false are skipped, with everything below them. */
  readonly isWanted?: (node: NodeRef) => boolean;
  readonly signal: AbortSignal;
}

/**
 * The leaves of a partition in order; each node is checked against what its parent says. @throws E_DAMAGED
 */
export async function* readLeaves(
  reader: PackReader,
  packs: PackNames,
  node: NodeRef,
  options: WalkOptions,
): AsyncGenerator<Leaf> {
  for await (const found of walkTree(reader, packs, node, options)) {
    if ('problem' in found) throw found.problem;
    yield found;
  }
}

/** As `readLeaves`, but a damaged node is returned as lost, and the walk goes on after it. */
export async function* walkTree(
  reader: PackReader,
  packs: PackNames,
  node: NodeRef,
  options: WalkOptions,
): AsyncGenerator<Leaf | LostNode> {
  const { onNode, isWanted, signal } = options;
  if (isWanted?.(node) === false) return;
  let found: NodeContents;
  try {
    found = await readNode(reader, packs, node, signal);
  } catch (error) {
    if (!isDamage(error)) throw error;
    yield { node, problem: error };
    return;
  }
  onNode?.(node);
  if ('refs' in found) yield { node, refs: found.refs };
  else for (const child of found.children) yield* walkTree(reader, packs, child, options);
}

type NodeContents = { readonly refs: readonly ChunkRef[] } | { readonly children: readonly NodeRef[] };

/** @throws E_DAMAGED if it is not what its parent says */
async function readNode(
  reader: PackReader,
  packs: PackNames,
  node: NodeRef,
  signal: AbortSignal,
): Promise<NodeContents> {
  const what = `the tree node at ${node.location.offset} of ${packKey(node.location.pack.id ?? ('' as never))}`;
  const item = await reader.readItem(node.location, signal);
  const plain = named(what, () => decompress(item, MOST_NODE_BYTES));
  if (!nodeId(plain).equals(node.id))
    throw new HoldfastError('E_DAMAGED', `${what} is not the one that is named`);
  if (node.level === 0) {
    const refs = decodeLeaf(plain, packs, node.location.pack, what);
    checkTotals(node, { chunks: refs.length, ...sums(refs) }, what);
    return { refs };
  }
  const children = decodeInner(plain, node.level, { packs, self: node.location.pack, what });
  checkTotals(node, { chunks: sum(children, 'chunks'), ...sums(children) }, what);
  return { children };
}

type Totals = Pick<NodeRef, 'chunks' | 'plainBytes' | 'records'>;

function checkTotals(node: NodeRef, got: Totals, what: string): void {
  if (node.chunks === got.chunks && node.plainBytes === got.plainBytes && node.records === got.records)
    return;
  throw new HoldfastError(
    'E_DAMAGED',
    `${what} does not match its description: it has ${got.chunks} chunks, ${got.records} records`,
  );
}

function sums(things: readonly Pick<Totals, 'plainBytes' | 'records'>[]) {
  return { plainBytes: sum(things, 'plainBytes'), records: sum(things, 'records') };
}

function sum<K extends string>(things: readonly Readonly<Record<K, number>>[], key: K): number {
  return things.reduce((total, thing) => total + thing[key], 0);
}
