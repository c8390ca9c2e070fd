import { RecoveryKey } from '../../keys/recovery-key.ts';
import { RecoveryKeyProvider } from '../../repository/keys/recovery-provider.ts';
import type { Given } from '../open-repository.ts';

/** The private half of a recovery key. */
export type PrivateHalf = RecoveryKey;

/** A new one, and its seed, which goes on the sheet. @throws E_KEY_UNAVAILABLE */
export function makePrivateHalf(): { readonly key: PrivateHalf; readonly seed: Uint8Array } {
  return RecoveryKey.generate();
}

/** From the seed on a sheet. @throws E_KEY_UNAVAILABLE */
export function privateHalfOf(seed: Uint8Array): PrivateHalf {
  return new RecoveryKey(seed);
}

/** Opens a repository with it, read-only. Opening throws E_WRONG_KEY if it belongs to another repository. */
export function opensWith(key: PrivateHalf, signal: AbortSignal): Required<Pick<Given, 'openKeys'>> {
  return { openKeys: (store) => RecoveryKeyProvider.open(store, key, signal) };
}
