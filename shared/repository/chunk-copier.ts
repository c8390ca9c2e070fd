import { copyInto } from '../core/copy-into.ts';
import type { ChunkRef } from '../format/chunk-ref.ts';
import type { Manifest } from '../format/manifest.ts';
import type { PackNames } from '../format/tree.ts';
import type { ChunkStore, StoredRef } from './chunk-store.ts';
import type { PackLedger } from './pack-ledger.ts';

/** A chunk as another backup has it. */
export interface ChunkToCopy {
  readonly ref: ChunkRef;
  /** Lists the packs of its chain. */
  readonly manifest: Manifest;
  /** Its bytes, where it is to be stored again rather than referred to. */
  readonly plain: (() => Promise<Uint8Array>) | undefined;
}

/** Makes references of one backup into those of another. */
export class ChunkCopier {
  readonly #ledger: PackLedger;
  readonly #names: PackNames;
  readonly #chunks: ChunkStore;
  readonly #known = new Set<Manifest>();

  /** @param names one for the whole new backup, as a pack has one handle in a tree */
  constructor(ledger: PackLedger, names: PackNames, chunks: ChunkStore) {
    this.#ledger = ledger;
    this.#names = names;
    this.#chunks = chunks;
  }

  async copy({ ref, manifest, plain }: ChunkToCopy): Promise<StoredRef> {
    return plain ? await this.#store(ref, await plain()) : this.#refer(ref, manifest);
  }

  #refer(ref: ChunkRef, manifest: Manifest): StoredRef {
    if (!this.#known.has(manifest)) this.#ledger.know(manifest);
    this.#known.add(manifest);
    const chain = ref.chain.map((item) => ({ ...item, pack: this.#names.handle(item.pack.id ?? '') }));
    return { ref: { ...ref, chain }, isNew: false };
  }

  async #store({ endsInside, before, after }: ChunkRef, plain: Uint8Array): Promise<StoredRef> {
    const block = new SharedArrayBuffer(plain.length);
    copyInto(Buffer.from(block), 0, plain);
    const cut = { end: plain.length, endsInside, before, after, parentIndex: undefined };
    const [stored] = await this.#chunks.store(block, [{ start: 0, cut, parent: undefined }]);
    return stored as StoredRef;
  }
}
