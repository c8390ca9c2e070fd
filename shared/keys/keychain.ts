import { type KeyContext, type KeyProvider, type WrappedKey, wrongKey } from './key-provider.ts';

/** Hashes of what was signed. */
interface SignedEarlier {
  has(sha256: string, signal: AbortSignal): Promise<boolean>;
}

/**
 * A root key and the older ones that it opens: new keys are wrapped under it, old ones are opened by the key
 * that wrapped them.
 */
export class Keychain implements KeyProvider {
  /** All of them, the newest first. */
  readonly providers: readonly KeyProvider[];
  /** What older keys signed before the newest came; undefined if that was not recorded. */
  readonly signedBefore: SignedEarlier | undefined;
  readonly #newest: KeyProvider;

  constructor(newest: KeyProvider, older: readonly KeyProvider[], signedBefore?: SignedEarlier) {
    this.#newest = newest;
    this.providers = [newest, ...older];
    this.signedBefore = signedBefore;
  }

  /**
   * Whether to trust a signature under that root key on bytes with this SHA-256 (hex). @throws E_DAMAGED,
   * E_STORE_*
   */
  async believes(rootKeyId: string, sha256: string, signal: AbortSignal): Promise<boolean> {
    if (!this.signedBefore || this.#newest.opens(rootKeyId)) return true;
    return this.signedBefore.has(sha256, signal);
  }

  get rootKeyId(): string {
    return this.#newest.rootKeyId;
  }

  opens(rootKeyId: string): boolean {
    return this.providers.some((provider) => provider.opens(rootKeyId));
  }

  generateDataKey(context: KeyContext, signal?: AbortSignal) {
    return this.#newest.generateDataKey(context, signal);
  }

  wrapKey(plain: Uint8Array, context: KeyContext, signal?: AbortSignal): Promise<WrappedKey> {
    return this.#newest.wrapKey(plain, context, signal);
  }

  exportRootKey(): Uint8Array | undefined {
    return this.#newest.exportRootKey();
  }

  async unwrapDataKey(wrapped: WrappedKey, context: KeyContext, signal?: AbortSignal): Promise<Uint8Array> {
    const { rootKeyId } = wrapped;
    const provider = this.providers.find((known) => known.opens(rootKeyId));
    if (provider) return provider.unwrapDataKey(wrapped, context, signal);
    // The repository itself did open.
    throw wrongKey(
      rootKeyId,
      this.rootKeyId,
      'The repository’s key was changed, and the newer one wrote this: configure that key. Nothing is damaged.',
    );
  }
}
