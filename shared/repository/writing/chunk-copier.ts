import { copyInto } from '../../core/copy-into.ts';
import type { ChunkRef } from '../../format/chunk-ref.ts';
import type { PackNames } from '../../format/tree.ts';
import type { PackLedger } from '../packs/pack-ledger.ts';
import type { BackupReader } from '../reading/backup-reader.ts';
import type { ChunkStore } from '../reading/chunk-store.ts';
import type { StoredRef } from '../reading/stored-ref.ts';

/** A chunk as another backup has it. */
export interface ChunkToCopy {
  readonly ref: ChunkRef;
  /** The backup: it lists the packs of the chunk's chain. */
  readonly backup: Pick<BackupReader, 'manifest' | 'listed'>;
  /** Its bytes, if it is to be stored again rather than referred to. */
  readonly plain: (() => Promise<Uint8Array>) | undefined;
}

/** Turns references of one backup into references of another. */
export class ChunkCopier {
  readonly #ledger: PackLedger;
  readonly #names: PackNames;
  readonly #chunks: ChunkStore;
  readonly #known = new Set<ChunkToCopy['backup']>();
  readonly #signal: AbortSignal;

  /** @param names one for the whole new backup, as a pack has one handle in a tree */
  constructor(
    ledger: PackLedger,
    names: PackNames,
    { chunks, signal }: { readonly chunks: ChunkStore; readonly signal: AbortSignal },
  ) {
    this.#ledger = ledger;
    this.#names = names;
    this.#chunks = chunks;
    this.#signal = signal;
  }

  async copy({ ref, backup, plain }: ChunkToCopy): Promise<StoredRef> {
    return plain ? this.#store(ref, await plain()) : this.#refer(ref, backup);
  }

  async #refer(ref: ChunkRef, backup: ChunkToCopy['backup']): Promise<StoredRef> {
    if (!this.#known.has(backup)) this.#ledger.know(backup.manifest.key, await backup.listed(this.#signal));
    this.#known.add(backup);
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
