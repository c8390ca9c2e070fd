import type { ChunkRef, ItemLocation, PackHandle } from '../../format/chunk-ref.ts';
import {
  encodeInner,
  encodeLeaf,
  innerEnds,
  leafEnds,
  mostNodeBytes,
  type NodeRef,
  nodeId,
} from '../../format/tree.ts';
import { compress } from '../../format/zstd.ts';

const LEVEL = 3;

/** Where nodes of a tree go. */
export interface NodeSink {
  /** The pack that will hold the next node of at most `mostBytes`. */
  packFor(mostBytes: number): PackHandle;
  addNode(body: Uint8Array): ItemLocation;
  /** Counts an item as used by this backup. */
  use(location: ItemLocation): void;
  /** Whether a pack of the parent exists and is worth keeping. */
  isKept(pack: PackHandle): boolean;
}

/** Builds one partition's tree. Leaves are written as soon as all packs that they name are closed. */
export class TreeWriter {
  readonly #sink: NodeSink;
  /** The parent's nodes by id, so that an unchanged node is not stored again. */
  readonly #parentNodes = new Map<string, ItemLocation>();
  readonly #waiting: ChunkRef[][] = [];
  readonly #leaves: NodeRef[] = [];
  #open: ChunkRef[] = [];

  constructor(sink: NodeSink) {
    this.#sink = sink;
  }

  knowParentNode(node: NodeRef): void {
    if (this.#sink.isKept(node.location.pack))
      this.#parentNodes.set(node.id.toString('latin1'), node.location);
  }

  add(ref: ChunkRef): void {
    this.#open.push(ref);
    if (!leafEnds(this.#open.length, ref)) return;
    this.#waiting.push(this.#open);
    this.#open = [];
    while (this.#waiting[0]?.every(isNamed)) this.#writeLeaf(this.#waiting.shift() ?? []);
  }

  /** The root, null if nothing was added. All packs of chunks must be closed. */
  finish(): NodeRef | null {
    if (this.#open.length > 0) this.#waiting.push(this.#open);
    this.#open = [];
    for (const refs of this.#waiting.splice(0)) this.#writeLeaf(refs);
    return this.#leaves.length === 0 ? null : this.#rootOf(this.#leaves);
  }

  #writeLeaf(refs: readonly ChunkRef[]): void {
    const steps = refs.reduce((sum, { chain }) => sum + chain.length, 0);
    const self = this.#sink.packFor(mostNodeBytes(refs.length, steps));
    const totals = {
      chunks: refs.length,
      plainBytes: sum(refs, 'plainBytes'),
      records: sum(refs, 'records'),
    };
    this.#leaves.push(
      this.#write(encodeLeaf(refs, self), { level: 0, after: refs.at(-1)?.after ?? 0, ...totals }),
    );
  }

  #rootOf(nodes: readonly NodeRef[]): NodeRef {
    const [first, ...others] = nodes;
    if (first && others.length === 0) return first;
    const parents: NodeRef[] = [];
    let open: NodeRef[] = [];
    for (const node of nodes) {
      open.push(node);
      if (!innerEnds(open.length, node)) continue;
      parents.push(this.#writeInner(open));
      open = [];
    }
    if (open.length > 0) parents.push(this.#writeInner(open));
    return this.#rootOf(parents);
  }

  #writeInner(children: readonly NodeRef[]): NodeRef {
    const last = children.at(-1);
    const self = this.#sink.packFor(mostNodeBytes(children.length, children.length));
    return this.#write(encodeInner(children, self), {
      level: (last?.level ?? 0) + 1,
      after: last?.after ?? 0,
      chunks: sum(children, 'chunks'),
      plainBytes: sum(children, 'plainBytes'),
      records: sum(children, 'records'),
    });
  }

  #write(plain: Uint8Array, said: Omit<NodeRef, 'id' | 'location'>): NodeRef {
    const id = nodeId(plain);
    const kept = this.#parentNodes.get(id.toString('latin1'));
    const location = kept ?? this.#sink.addNode(compress(plain, LEVEL));
    this.#sink.use(location);
    return { id, ...said, location };
  }
}

function isNamed(ref: ChunkRef): boolean {
  return ref.chain.every(({ pack }) => pack.id !== undefined);
}

function sum<K extends string>(things: readonly Readonly<Record<K, number>>[], key: K): number {
  return things.reduce((total, thing) => total + thing[key], 0);
}
