import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import {
  checkRecovery,
  type KeyToName,
  parseRecoveryKey,
  recoveryKeyName,
  recoveryWrapName,
} from '../../format/recovery-file.ts';
import { HexKeyProvider } from '../../keys/hex-key-provider.ts';
import type { KeyContext, KeyProvider, WrappedKey } from '../../keys/key-provider.ts';
import type { RecoveryKey } from '../../keys/recovery-key.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import { readWrap } from './recovery-wraps.ts';

const ROOT_OF_HEX = 'hex:';

interface Opened {
  readonly store: ObjectStore;
  readonly recoveryKey: RecoveryKey;
  readonly repository: string;
  readonly secret: Uint8Array;
}

/**
 * Opens with a recovery key what a root key sealed: with the root key itself if that was wrapped, else with
 * each key that was. Makes nothing.
 *
 * The repository's secret is sealed under the private half, and authenticates what was wrapped. Somebody who
 * can write to the store, and wraps keys of their own to the public half, is not trusted.
 */
export class RecoveryKeyProvider implements KeyProvider {
  readonly rootKeyId: string;
  readonly #opened: Opened;
  readonly #keys = new Map<string, Promise<Uint8Array | undefined>>();

  private constructor(opened: Opened) {
    this.#opened = opened;
    this.rootKeyId = `recovery:${opened.recoveryKey.id}`;
  }

  /** @throws E_WRONG_KEY if the repository has no such recovery key, E_DAMAGED, E_STORE_* */
  static async open(
    store: ObjectStore,
    recoveryKey: RecoveryKey,
    signal: AbortSignal,
  ): Promise<RecoveryKeyProvider> {
    const key = recoveryKeyName(recoveryKey.id);
    const bytes = await store.get(key, { signal }).catch((error: unknown) => {
      throw isHoldfastError(error, 'E_OBJECT_NOT_FOUND') ? unknown(recoveryKey, store) : error;
    });
    const file = parseRecoveryKey(bytes, key);
    const { repository } = file;
    const secret = recoveryKey.openSecret(file.secret, repository);
    checkRecovery(bytes, file, { repository, secret, kind: 'keys' });
    return new RecoveryKeyProvider({ store, recoveryKey, repository, secret });
  }

  opens(): boolean {
    return true;
  }

  exportRootKey(): undefined {
    return undefined;
  }

  generateDataKey(): Promise<never> {
    return Promise.reject(readsOnly());
  }

  wrapKey(): Promise<never> {
    return Promise.reject(readsOnly());
  }

  async unwrapDataKey(wrapped: WrappedKey, context: KeyContext, signal: AbortSignal): Promise<Uint8Array> {
    const { purpose, run } = context;
    if (purpose === 'repository') return this.#opened.secret;
    const { rootKeyId } = wrapped;
    if (rootKeyId.startsWith(ROOT_OF_HEX)) {
      const root = await this.#open({ run: rootKeyId, purpose: 'root', wrapped: '' }, signal);
      if (!root) throw notWrapped(this.rootKeyId, rootKeyId);
      const provider = new HexKeyProvider(Buffer.from(root).toString('hex'));
      if (provider.rootKeyId === rootKeyId) return provider.unwrapDataKey(wrapped, context);
      throw new HoldfastError('E_DAMAGED', `${this.rootKeyId} has another root key under ${rootKeyId}`);
    }
    if (purpose !== 'keys' && purpose !== 'root') {
      const key = await this.#open({ run, purpose, wrapped: wrapped.wrapped }, signal);
      if (key) return key;
    }
    throw notWrapped(this.rootKeyId, `the ${purpose} key of run ${run}`);
  }

  /** Undefined if it was not wrapped. */
  #open(key: KeyToName, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const name = recoveryWrapName(this.#opened.recoveryKey.id, key);
    let opened = this.#keys.get(name);
    if (!opened) {
      opened = this.#read(name, key, signal);
      this.#keys.set(name, opened);
      opened.catch(() => this.#keys.delete(name));
    }
    return opened;
  }

  async #read(
    name: string,
    { run, purpose }: KeyToName,
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    const { store, recoveryKey, repository, secret } = this.#opened;
    const context = { store, file: { id: repository }, secret: async () => secret };
    const wrap = await readWrap(context, name, signal).catch((error: unknown) => {
      if (!isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) throw error;
      return undefined;
    });
    if (!wrap) return undefined;
    const plain = recoveryKey.unwrap(wrap, { repository, run, purpose });
    if (plain) return plain;
    throw new HoldfastError('E_DAMAGED', `${name} does not hold the ${purpose} key of ${run}`);
  }
}

function unknown({ id }: RecoveryKey, { location }: ObjectStore): HoldfastError {
  return new HoldfastError('E_WRONG_KEY', `recovery key ${id} does not belong to ${location}`, {
    hint: 'Compare the id with the one on the sheet, and check the place; `holdfast keys` lists the recovery keys of a repository.',
  });
}

function notWrapped(rootKeyId: string, what: string): HoldfastError {
  return new HoldfastError('E_WRONG_KEY', `${what} was not wrapped to ${rootKeyId}`, {
    hint: 'Use the key that sealed it, another recovery key, or another backup; `holdfast recover --check` says which backups open.',
  });
}

function readsOnly(): HoldfastError {
  return new HoldfastError('E_USAGE', 'a recovery key can restore, but not write', {
    hint: 'Restore with it, then make a new repository with a key of its own.',
  });
}
