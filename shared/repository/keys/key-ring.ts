import { createHash } from 'node:crypto';
import { HoldfastError } from '../../core/errors.ts';
import type { KeyContext, WrappedKey } from '../../keys/key-provider.ts';
import type { Keychain } from '../../keys/keychain.ts';

/** What a run's key seals. */
export type RunKeyPurpose = 'data' | 'index' | 'manifest';

/** A run's key as manifests name it. */
export interface RunKeyEntry extends WrappedKey {
  readonly run: string;
  readonly purpose: RunKeyPurpose;
  /** The source whose records it seals, if the key is bound to one. */
  readonly source?: string | undefined;
}

/** A key of change segments, or of a run of backups. */
export interface AnyRunKeyEntry extends Omit<RunKeyEntry, 'purpose'> {
  readonly purpose: RunKeyPurpose | 'changes';
}

/** A new run key: wrapped, as manifests carry it, and plain. */
export interface MadeKey {
  readonly entry: RunKeyEntry;
  readonly plain: Uint8Array;
}

/** The run keys that one document names: they may say nothing about another document of the same run. */
export interface DocumentKeys {
  /** @throws E_NO_KEY, E_WRONG_KEY, E_DAMAGED */
  open(run: string, purpose: RunKeyPurpose, signal: AbortSignal): Promise<Uint8Array>;
}

type RefuseReplaced = (provider: Keychain, signal: AbortSignal) => Promise<void>;

/** Makes run keys, and opens those that manifests and reports carry, each once. */
export class KeyRing {
  readonly #provider: Keychain | undefined;
  readonly #repository: string;
  /** By everything that an entry says: a forged entry with a run's name must not affect that run's own. */
  readonly #opened = new Map<string, Promise<Uint8Array>>();

  readonly #refuse: RefuseReplaced | undefined;

  /** @param refuse is called before anything is signed that others are to trust */
  constructor(provider: Keychain | undefined, repository: string, refuse?: RefuseReplaced) {
    this.#provider = provider;
    this.#repository = repository;
    this.#refuse = refuse;
  }

  /** @throws E_WRONG_KEY if the root key was replaced meanwhile, E_STORE_* */
  async refuseReplaced(signal: AbortSignal): Promise<void> {
    await this.#refuse?.(this.provider(), signal);
  }

  get hasRootKey(): boolean {
    return this.#provider !== undefined;
  }

  /** @throws E_NO_KEY */
  provider(): Keychain {
    if (this.#provider) return this.#provider;
    throw new HoldfastError('E_NO_KEY', 'no encryption key is configured, but this needs one', {
      hint: 'Set BACKUP_ENCRYPTION_KEY, or name a key file in the configuration.',
    });
  }

  /** @throws E_NO_KEY, E_KEY_* */
  make(run: string, purpose: Exclude<RunKeyPurpose, 'data'>, signal: AbortSignal): Promise<MadeKey> {
    return this.#make({ run, purpose }, signal);
  }

  /** @param source whose records it seals; undefined: it is not bound to one. @throws E_NO_KEY, E_KEY_* */
  makeData(run: string, source: string | undefined, signal: AbortSignal): Promise<MadeKey> {
    return this.#make({ run, purpose: 'data' as const, ...(source === undefined ? {} : { source }) }, signal);
  }

  /** The key of the heads of change segments. @throws E_NO_KEY, E_KEY_* */
  makeChanges(run: string, signal: AbortSignal) {
    return this.#make({ run, purpose: 'changes' as const }, signal);
  }

  async #make<Named extends Pick<AnyRunKeyEntry, 'run' | 'purpose' | 'source'>>(
    named: Named,
    signal: AbortSignal,
  ): Promise<{ readonly entry: Named & WrappedKey; readonly plain: Uint8Array }> {
    const { plain, rootKeyId, wrapped } = await this.provider().generateDataKey(
      this.#contextOf(named),
      signal,
    );
    const entry = { ...named, rootKeyId, wrapped };
    this.#opened.set(identity(entry), Promise.resolve(plain));
    return { entry, plain };
  }

  /** The keys of one document; `what` names it in errors. */
  of(entries: readonly RunKeyEntry[], what: string): DocumentKeys {
    const byName = new Map(entries.map((entry) => [`${entry.run}/${entry.purpose}`, entry]));
    return {
      open: async (run, purpose, signal) => {
        const entry = byName.get(`${run}/${purpose}`);
        if (entry) return this.openOnce(entry, signal);
        throw new HoldfastError('E_DAMAGED', `${what} does not hold the ${purpose} key of run ${run}`, {
          hint: 'The manifest or the pack comes from elsewhere; restore another backup.',
        });
      },
    };
  }

  /** @throws E_DAMAGED if an older root key signed it after it was replaced */
  async refuseUnbelieved(
    { rootKeyId }: RunKeyEntry,
    bytes: Uint8Array,
    what: string,
    signal: AbortSignal,
  ): Promise<void> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (await this.provider().believes(rootKeyId, sha256, signal)) return;
    throw new HoldfastError(
      'E_DAMAGED',
      `${what} is signed with the key ${rootKeyId}, after ${this.provider().rootKeyId} replaced it`,
      {
        hint: 'It is not trusted: anybody who has the old key may have made it. docs/guide/operations.md, "A key leaked".',
      },
    );
  }

  /** @throws E_NO_KEY, E_WRONG_KEY, E_DAMAGED */
  unwrap(entry: AnyRunKeyEntry, signal: AbortSignal): Promise<Uint8Array> {
    return this.provider().unwrapDataKey(entry, this.#contextOf(entry), signal);
  }

  #contextOf({ run, purpose, source }: Pick<AnyRunKeyEntry, 'run' | 'purpose' | 'source'>): KeyContext {
    const context = { repository: this.#repository, run, purpose };
    return source === undefined ? context : { ...context, source };
  }

  /** As `unwrap`, once for each entry. */
  openOnce(entry: AnyRunKeyEntry, signal: AbortSignal): Promise<Uint8Array> {
    const key = identity(entry);
    let opened = this.#opened.get(key);
    if (!opened) {
      opened = this.unwrap(entry, signal);
      this.#opened.set(key, opened);
      opened.catch(() => this.#opened.delete(key));
    }
    return opened;
  }
}

function identity({ run, purpose, rootKeyId, wrapped, source }: AnyRunKeyEntry): string {
  return JSON.stringify([run, purpose, rootKeyId, wrapped, source]);
}
