import type { StorageClass } from '../../config/storage.ts';
import { releaseMemory } from '../../core/buffer-memory.ts';
import type { PackId } from '../../core/ids.ts';
import type { PackHandle } from '../../format/chunk-ref.ts';
import { packKey } from '../../format/pack.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { PackClosed } from '../codec/codec-task.ts';
import { Semaphore } from '../semaphore.ts';

/** The inline processor of a run, which fills index packs; all others fill data packs. */
export const INDEX = 'index';

/** A pack that is in the store. */
export interface UploadedPack {
  readonly id: PackId;
  readonly purpose: 'data' | 'index';
  readonly bytes: number;
}

/** Puts the packs of a run into the store, a few at a time, and keeps the handles of those still being filled. */
export class PackUploader {
  readonly uploaded: UploadedPack[] = [];
  readonly #store: ObjectStore;
  readonly #signal: AbortSignal;
  readonly #permits: Semaphore;
  readonly #handles = new Map<string, PackHandle>();
  readonly #spare: ArrayBuffer[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #failure: unknown;

  readonly #storageClass: StorageClass | undefined;
  readonly #keepsBuffers: boolean;

  /**
   * @param options.storageClass of packs of chunks; trees are read with every backup, and use the store's
   * default
   */
  constructor(
    store: ObjectStore,
    options: {
      readonly maxUploads: number;
      /** False: the buffer of a stored pack is released. @default true */
      readonly keepsBuffers?: boolean;
      readonly storageClass: StorageClass | undefined;
      readonly signal: AbortSignal;
    },
  ) {
    this.#store = store;
    this.#permits = new Semaphore(options.maxUploads);
    this.#storageClass = options.storageClass;
    this.#keepsBuffers = options.keepsBuffers ?? true;
    this.#signal = options.signal;
  }

  /** The handle of pack `pack` of the processor `processor`. */
  handle(processor: string, pack: number): PackHandle {
    const name = `${processor}/${pack}`;
    let handle = this.#handles.get(name);
    if (!handle) {
      handle = { id: undefined };
      this.#handles.set(name, handle);
    }
    return handle;
  }

  /** Gives the packs their ids and begins to upload them. */
  add(processor: string, closed: readonly PackClosed[]): void {
    for (const pack of closed) {
      this.handle(processor, pack.pack).id = pack.id;
      const upload = this.#upload(pack, processor === INDEX ? 'index' : 'data');
      this.#underWay.add(upload);
      upload.finally(() => this.#underWay.delete(upload));
    }
  }

  /** Waits until another pack may be begun. @throws the error of an upload */
  async ready(): Promise<void> {
    await this.#permits.acquire();
    this.#permits.release();
    if (this.#failure) throw this.#failure;
  }

  /** Waits for all uploads. @throws the error of an upload */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
    if (this.#failure) throw this.#failure;
  }

  /** The buffer of a pack that is stored, to be filled again. */
  takeSpare(): ArrayBuffer | undefined {
    return this.#spare.pop();
  }

  async #upload({ id, buffer, length }: PackClosed, purpose: 'data' | 'index'): Promise<void> {
    await this.#permits.acquire();
    try {
      if (this.#failure) return;
      const storageClass = purpose === 'data' ? this.#storageClass : undefined;
      const body = new Uint8Array(buffer, 0, length);
      await this.#store.put(packKey(id), body, { signal: this.#signal, sha256: id, storageClass });
      this.uploaded.push({ id, purpose, bytes: length });
      if (this.#keepsBuffers) this.#spare.push(buffer);
      else releaseMemory(body);
    } catch (error) {
      this.#failure ??= error;
    } finally {
      this.#permits.release();
    }
  }
}
