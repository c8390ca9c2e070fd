import { HoldfastError } from '../core/errors.ts';
import type { RunKeyId } from '../core/ids.ts';
import type { WrappedKey } from '../keys/key-provider.ts';
import type { Keychain } from '../keys/keychain.ts';

export type RunKeyPurpose = 'data' | 'index' | 'manifest';

export interface RunKeyEntry extends WrappedKey {
  readonly run: string;
  readonly purpose: RunKeyPurpose;
}

/** A new run key: wrapped, as manifests carry it, and plain. */
export interface MadeKey {
  readonly entry: RunKeyEntry;
  readonly plain: Uint8Array;
}

/** The run keys of one repository: makes them, and opens those that manifests carry, each once. */
export class KeyRing {
  readonly #provider: Keychain | undefined;
  readonly #repository: string;
  readonly #entries = new Map<string, RunKeyEntry>();
  readonly #opened = new Map<string, Promise<Uint8Array>>();

  constructor(provider: Keychain | undefined, repository: string) {
    this.#provider = provider;
    this.#repository = repository;
  }

  get hasRootKey(): boolean {
    return this.#provider !== undefined;
  }

  /** @throws E_NO_KEY */
  provider(): Keychain {
    if (this.#provider) return this.#provider;
    throw new HoldfastError('E_NO_KEY', 'no encryption key is configured, and this needs one', {
      hint: 'Set BACKUP_ENCRYPTION_KEY, or name a key file in the configuration.',
    });
  }

  /** A key of a run that has no other of that purpose. @throws E_NO_KEY, E_KEY_* */
  async generate(run: RunKeyId, purpose: RunKeyPurpose, signal: AbortSignal): Promise<Uint8Array> {
    const { entry, plain } = await this.make(run, purpose, signal);
    this.add(entry);
    this.#opened.set(name(run, purpose), Promise.resolve(plain));
    return plain;
  }

  /** As `generate`, but is not remembered: of some runs several processes make a key each. */
  async make(run: string, purpose: RunKeyPurpose, signal: AbortSignal): Promise<MadeKey> {
    const context = { repository: this.#repository, run, purpose };
    const { plain, rootKeyId, wrapped } = await this.provider().generateDataKey(context, signal);
    return { entry: { run, purpose, rootKeyId, wrapped }, plain };
  }

  /** Learns of a wrapped key. One that is known already stays. */
  add(entry: RunKeyEntry): void {
    const key = name(entry.run, entry.purpose);
    if (!this.#entries.has(key)) this.#entries.set(key, entry);
  }

  entry(run: string, purpose: RunKeyPurpose): RunKeyEntry {
    const entry = this.#entries.get(name(run, purpose));
    if (entry) return entry;
    throw new HoldfastError('E_DAMAGED', `no manifest that was read holds the ${purpose} key of run ${run}`, {
      hint: 'The manifest or the pack was put there from elsewhere; restore another backup.',
    });
  }

  /** @throws E_NO_KEY, E_WRONG_KEY, E_DAMAGED */
  open(run: string, purpose: RunKeyPurpose, signal: AbortSignal): Promise<Uint8Array> {
    const key = name(run, purpose);
    let opened = this.#opened.get(key);
    if (!opened) {
      opened = this.unwrap(this.entry(run, purpose), signal);
      this.#opened.set(key, opened);
      opened.catch(() => this.#opened.delete(key));
    }
    return opened;
  }

  unwrap(entry: RunKeyEntry, signal: AbortSignal): Promise<Uint8Array> {
    const { run, purpose } = entry;
    return this.provider().unwrapDataKey(entry, { repository: this.#repository, run, purpose }, signal);
  }
}

function name(run: string, purpose: RunKeyPurpose): string {
  return `${run}/${purpose}`;
}
