import type { ChunkRef } from '../../format/chunk-ref.ts';
import { LOOKAHEAD, type ParentWindow } from '../../format/chunker.ts';
import type { Leaf } from '../reading/tree-reader.ts';

/** The parent's references of one partition, loaded leaf by leaf as the chunker comes near. */
export class ParentCursor implements ParentWindow {
  readonly #leaves: AsyncIterator<Leaf>;
  /** Index of the first reference in `#refs`. */
  #first = 0;
  #refs: ChunkRef[] = [];
  #isComplete = false;

  constructor(leaves: AsyncIterable<Leaf>) {
    this.#leaves = leaves[Symbol.asyncIterator]();
  }

  /** Number of the parent's references; infinite until all are loaded. */
  get count(): number {
    return this.#isComplete ? this.#first + this.#refs.length : Number.POSITIVE_INFINITY;
  }

  at(index: number): ChunkRef | undefined {
    return this.#refs[index - this.#first];
  }

  /**
   * Makes sure that everything the chunker may ask for, standing at `index`, is loaded; drops what lies
   * behind.
   */
  async load(index: number, chunks: number): Promise<void> {
    const drop = Math.min(index - 1 - this.#first, this.#refs.length);
    if (drop > LOOKAHEAD) {
      this.#refs = this.#refs.slice(drop);
      this.#first += drop;
    }
    while (!this.#isComplete && this.#first + this.#refs.length < index + chunks + LOOKAHEAD + 2) {
      const { done, value } = await this.#leaves.next();
      if (done) this.#isComplete = true;
      else this.#refs.push(...value.refs);
    }
  }

  /** Reads the rest, so that every node was seen. */
  async close(): Promise<void> {
    await this.#leaves.return?.();
  }
}
