/** What a data key is for. A role is given the purposes it needs (docs/security.md). */
export type KeyPurpose = 'data' | 'index' | 'manifest' | 'repository';

/** Bound into every wrapped key: KMS's encryption context, or the associated data of the local provider. */
export interface KeyContext {
  /** Repository id. */
  readonly repository: string;
  /** Run key id; the repository's own secret uses its repository id. */
  readonly run: string;
  readonly purpose: KeyPurpose;
}

export interface WrappedKey {
  /** Which root key wrapped it: a KMS key ARN, or `hex:` and 16 hex digits derived from the key. */
  readonly rootKeyId: string;
  /** Base64. */
  readonly wrapped: string;
}

/**
 * Makes and opens 256-bit data keys under a root key that never leaves it. Its shape is KMS's
 * GenerateDataKey and Decrypt with an encryption context.
 */
export interface KeyProvider {
  /** The root key that new data keys are wrapped with, as it was configured. Not secret. */
  readonly rootKeyId: string;
  /** @throws E_KEY_DENIED, E_KEY_UNAVAILABLE, E_BAD_KEY */
  generateDataKey(
    context: KeyContext,
    signal?: AbortSignal,
  ): Promise<WrappedKey & { readonly plain: Uint8Array }>;
  /**
   * @throws E_WRONG_KEY where `wrapped` is another root key's, naming both ids.
   * @throws E_DAMAGED where it is this root key's, but does not open (changed bytes, or another context).
   * @throws E_KEY_DENIED, E_KEY_UNAVAILABLE
   */
  unwrapDataKey(wrapped: WrappedKey, context: KeyContext, signal?: AbortSignal): Promise<Uint8Array>;
}
