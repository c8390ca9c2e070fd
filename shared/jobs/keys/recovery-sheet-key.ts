import { RecoveryKey } from '../../keys/recovery-key.ts';
import { RecoveryKeyProvider } from '../../repository/keys/recovery-provider.ts';
import type { Given } from '../open-repository.ts';

/** The private half of a recovery key. */
export type PrivateHalf = RecoveryKey;

/** A new one, and its seed, which is what the sheet has. @throws E_KEY_UNAVAILABLE */
export function makePrivateHalf(): { readonly key: PrivateHalf; readonly seed: Uint8Array } {
  return RecoveryKey.generate();
}

/** From the seed that a sheet has. @throws E_KEY_UNAVAILABLE */
export function privateHalfOf(seed: Uint8Array): PrivateHalf {
  return new RecoveryKey(seed);
}

/** Opens a repository with it: reads, and writes nothing. The opening throws E_WRONG_KEY where it is of another repository. */
export function opensWith(key: PrivateHalf, signal: AbortSignal): Required<Pick<Given, 'openKeys'>> {
  return { openKeys: (store) => RecoveryKeyProvider.open(store, key, signal) };
}
