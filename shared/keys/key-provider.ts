import { HoldfastError } from '../core/errors.ts';

/** What a data key is for. Each role gets only the purposes it needs (docs/reference/security.md). */
export type KeyPurpose =
  | 'data'
  | 'index'
  | 'manifest'
  /** The heads of change segments: what they have, not the changes themselves. */
  | 'changes'
  | 'repository'
  /** For the MAC of the object that a change of root key writes. */
  | 'keys'
  /** An older root key itself, under a newer one. */
  | 'root';

/** Bound into every wrapped key: KMS's encryption context, or the associated data of the local provider. */
export interface KeyContext {
  /** Repository id. */
  readonly repository: string;
  /**
   * Id of the key scope. The repository's own secret and its `keys` objects use the repository id, a `root`
   * the older key's id.
   */
  readonly run: string;
  readonly purpose: KeyPurpose;
  /**
   * Name of the source whose records a `data` key seals. Missing in backups of format 1, and for other
   * purposes.
   */
  readonly source?: string;
}

/** A data key under a root key, as it is stored. Not secret. */
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
  /** The root key that wraps new data keys, as configured. Not secret. */
  readonly rootKeyId: string;
  /** Whether this provider opens what that root key wrapped. */
  opens(rootKeyId: string): boolean;
  /** @throws E_KEY_DENIED, E_KEY_UNAVAILABLE, E_BAD_KEY */
  generateDataKey(
    context: KeyContext,
    signal?: AbortSignal,
  ): Promise<WrappedKey & { readonly plain: Uint8Array }>;
  /**
   * @throws E_WRONG_KEY if another root key wrapped it, naming both ids.
   * @throws E_DAMAGED if this root key wrapped it, but it does not open (changed bytes, or another context).
   * @throws E_KEY_DENIED, E_KEY_UNAVAILABLE
   */
  unwrapDataKey(wrapped: WrappedKey, context: KeyContext, signal?: AbortSignal): Promise<Uint8Array>;
  /** Wraps 32 existing bytes, like KMS's Encrypt. @throws E_KEY_DENIED, E_KEY_UNAVAILABLE */
  wrapKey(plain: Uint8Array, context: KeyContext, signal?: AbortSignal): Promise<WrappedKey>;
  /**
   * The root key's 32 bytes, to be wrapped under a newer one; undefined if the key never leaves its place
   * (KMS).
   */
  exportRootKey(): Uint8Array | undefined;
}

/** The error for something that another root key wrapped. */
export function wrongKey(
  wanted: string,
  configured: string,
  hint = 'Configure the key of this repository (the newest, if it was changed); nothing is damaged.',
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
