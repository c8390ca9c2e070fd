import { HoldfastError } from '../../core/errors.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';
import { Keyed } from './keyed.ts';
import { planMask, refuseProblems } from './plan-mask.ts';
import { readFacts } from './read-facts.ts';
import { RowMasker } from './row-masker.ts';
import type { MaskRules } from './rules.ts';

/**
 * What masks the records of one dataset as a masked restore would, for those who look at them.
 *
 * @throws E_MASK_RULES for a column without a rule, for rules that cannot be, and for what no rule can mask; E_USAGE, E_DAMAGED
 */
export async function recordMask(
  contents: BackupContents,
  { name }: StoredDataset,
  { rules, secret }: { readonly rules: MaskRules; readonly secret: string },
  signal: AbortSignal,
): Promise<(record: Uint8Array) => Uint8Array> {
  const plan = planMask(contents, await readFacts(contents, signal), rules, [name]);
  refuseProblems(plan);
  const table = plan.tables.find(({ facts }) => facts.dataset === name);
  if (!table)
    throw new HoldfastError('E_MASK_RULES', `${name} cannot be masked, so it is not shown`, {
      hint: 'Only tables can be masked. Ask somebody with the role restorer.',
    });
  const masker = new RowMasker(table.facts, table.decisions, new Keyed(secret));
  return (record) => (masker.isNeeded ? masker.mask(record) : record);
}
