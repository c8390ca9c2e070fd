import type { ChangeDecoder, FollowedBase, TransactionTeller } from '../../sources/changes.ts';

/** What tells the transactions of stretches that follow a base, in one way through them. @throws E_DAMAGED, E_STORE_*, E_ABORTED */
export async function tellerAfter(
  decoder: ChangeDecoder,
  base: FollowedBase,
  signal: AbortSignal,
): Promise<TransactionTeller> {
  return (await decoder.following?.(base, signal)) ?? decoder;
}
