import { HoldfastError } from '../../core/errors.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ChangeDecoder, ReplayUntil } from '../../sources/changes.ts';
import type { ChangePlugin } from '../../sources/plugin.ts';
import { type ChosenMoment, chooseMoment, type MomentWanted } from './choose-moment.ts';
import { chooseBeforeTransaction, type FindingDecoder } from './find-transaction.ts';

/**
 * The base and the changes for a moment, the moment before a transaction, or, with neither, all that is stored.
 *
 * @throws E_NO_MOMENT saying which moments there are, E_SOURCE_UNSUPPORTED, E_DAMAGED, E_STORE_*
 */
export async function chooseUntil(
  repository: Repository,
  { at, beforeTransaction }: ReplayUntil,
  {
    source: { kind, name },
    plugin,
    ...wanted
  }: Pick<MomentWanted, 'source' | 'onWarning' | 'signal'> & { readonly plugin: ChangePlugin },
): Promise<ChosenMoment> {
  const { compare, decoder: openDecoder } = plugin;
  const of = { ...wanted, source: { kind, name }, compare };
  if (beforeTransaction === undefined) return chooseMoment(repository, { ...of, until: { at } });
  const decoder = await openDecoder?.();
  if (isFinding(decoder)) return chooseBeforeTransaction(repository, beforeTransaction, { ...of, decoder });
  throw new HoldfastError(
    'E_SOURCE_UNSUPPORTED',
    `transactions of ${name} cannot be found by their ids in this release`,
    { hint: 'Give a moment instead: --at.' },
  );
}

function isFinding(decoder: ChangeDecoder | undefined): decoder is FindingDecoder {
  return decoder?.hasTransaction !== undefined;
}
