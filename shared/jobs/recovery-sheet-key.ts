import { RecoveryKey } from '../keys/recovery-key.ts';

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
