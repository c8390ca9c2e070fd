import { HoldfastError } from '../core/errors.ts';

/** What a data key is for. A role is given the purposes it needs (docs/reference/security.md). */
export type KeyPurpose =
  | 'data'
  | 'index'
  | 'manifest'
  | 'repository'
  /** Of the object that a change of root key writes: its MAC. */
  | 'keys'
  /** An older root key itself, under a newer one. */
  | 'root';

/** Bound into every wrapped key: KMS's encryption context, or the associated data of the local provider. */
export interface KeyContext {
  /** Repository id. */
  readonly repository: string;
  /** Run key id; the repository's own secret and its `keys` objects use its repository id, a `root` the older key's id. */
  readonly run: string;
  readonly purpose: KeyPurpose;
  /** Name of the source whose records a `data` key seals. Missing: of a backup of format 1, or of another purpose. */
  readonly source?: string;
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
  /** Whether what was wrapped under that root key is for this provider to open. */
  opens(rootKeyId: string): boolean;
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
  /** Wraps 32 bytes that are there already; KMS's Encrypt. @throws E_KEY_DENIED, E_KEY_UNAVAILABLE */
  wrapKey(plain: Uint8Array, context: KeyContext, signal?: AbortSignal): Promise<WrappedKey>;
  /** The root key's 32 bytes, to be wrapped under a newer one; undefined where it never leaves its place (KMS). */
  exportRootKey(): Uint8Array | undefined;
}

/** For what was wrapped under another root key than the one that is there. */
export function wrongKey(
  wanted: string,
  configured: string,
  hint = 'Configure the key of this repository, the newest if it was changed; nothing is damaged.',
): HoldfastError {
  return new HoldfastError(
    'E_WRONG_KEY',
    `this was sealed under key ${wanted}; the configured key is ${configured}`,
    {
      hint,
      details: { wanted, configured },
    },
  );
}
