import { HoldfastError } from '../../core/errors.ts';
import type { BackupContents } from '../../sources/contents.ts';
import { KINDS, pluginOf } from '../../sources/registry.ts';
import type { FactsOfTables } from '../../sources/table-facts.ts';

/**
 * What must hold of the rows of a backup.
 *
 * @throws E_USAGE for a kind of database whose rows cannot be masked; E_DAMAGED
 */
export async function readFacts(contents: BackupContents, signal: AbortSignal): Promise<FactsOfTables> {
  const { displayName, factsReader } = pluginOf(contents.sourceKind);
  if (factsReader) return (await factsReader())(contents, signal);
  const known = KINDS.flatMap((kind) => (kind.factsReader ? [kind.displayName] : []));
  throw new HoldfastError('E_USAGE', `backups of ${displayName} cannot be masked`, {
    hint: `Masked copies are made of ${known.join(' and ')}.`,
  });
}
