import { addRecoveryKey } from '../../../shared/jobs/keys/recovery.ts';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import type { KeyContext, KeyProvider, WrappedKey } from '../../../shared/keys/key-provider.ts';
import { RecoveryKey } from '../../../shared/keys/recovery-key.ts';
import { RecoveryKeyProvider } from '../../../shared/repository/keys/recovery-provider.ts';
import { Repository, type RepositoryOptions } from '../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { never, openCheaply, SMALL_CHUNKS, TEST_FORMAT, TEST_KEY } from './engine.ts';

/** A root key that never leaves its place, as one of KMS; in this process, so that it is quick. */
export class SealedKeys implements KeyProvider {
  readonly rootKeyId = 'arn:aws:kms:eu-west-1:111122223333:key/sealed';
  readonly #inner = new HexKeyProvider(TEST_KEY);

  opens(rootKeyId: string): boolean {
    return rootKeyId === this.rootKeyId;
  }

  async generateDataKey(context: KeyContext) {
    return { ...(await this.#inner.generateDataKey(context)), rootKeyId: this.rootKeyId };
  }

  async wrapKey(plain: Uint8Array, context: KeyContext): Promise<WrappedKey> {
    return { ...(await this.#inner.wrapKey(plain, context)), rootKeyId: this.rootKeyId };
  }

  unwrapDataKey({ wrapped }: WrappedKey, context: KeyContext): Promise<Uint8Array> {
    return this.#inner.unwrapDataKey({ wrapped, rootKeyId: this.#inner.rootKeyId }, context);
  }

  exportRootKey(): undefined {
    return undefined;
  }
}

export async function newStore(keys: KeyProvider): Promise<MemoryStore> {
  const store = new MemoryStore();
  await Repository.init({ store, keys, chunker: SMALL_CHUNKS, version: TEST_FORMAT, signal: never });
  return store;
}

/** Opens with the bucket and the sheet alone: every other key might be destroyed. */
export async function openRecovered(
  store: ObjectStore,
  recoveryKey: RecoveryKey,
  options: Partial<RepositoryOptions> = {},
): Promise<Repository> {
  return openCheaply(store, { ...options, keys: await RecoveryKeyProvider.open(store, recoveryKey, never) });
}

/** Adds a new recovery key. */
export async function addRecovery(repository: Repository) {
  const { key, seed } = RecoveryKey.generate();
  const open = () => openRecovered(repository.store, key);
  return { key, seed, result: await addRecoveryKey(repository, key, { open, signal: never }) };
}

/** Every object, as it is. */
export async function copyOf(store: MemoryStore): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for await (const { key } of store.list('')) await copy.put(key, await store.get(key));
  return copy;
}
