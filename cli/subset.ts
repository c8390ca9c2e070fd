import type { BackupKey } from '../shared/core/ids.ts';
import { chooseSubset, type Subset, type SubsetDataset } from '../shared/jobs/inside/subset/choose-subset.ts';
import { usage } from './command.ts';
import { number, table } from './format.ts';
import type { CommandSession } from './session.ts';

/** Options of a restore of a part in which every row has what it refers to. */
export const SUBSET_OPTIONS = {
  subset: { type: 'string', multiple: true },
  follow: { type: 'boolean', default: false },
  reference: { type: 'string', multiple: true },
} as const;

/** Their help. */
export const SUBSET_HELP = `A part of the database in which every row has the rows that it refers to:
      --subset 'TABLE: CONDITION [and CONDITION]…'   these rows, the rows that they refer to, and so on; all other tables
                          stay empty. 'TABLE' alone chooses all of its rows. May be repeated, and combined with --mask
      --follow            also the rows that refer to the chosen ones, and so on, with what all of these refer to
      --reference 'TABLE(COLUMN) -> TABLE(COLUMN)'   a reference that the database does not declare; may be repeated
`;

/** What was typed. */
export interface SubsetFlags {
  readonly subset?: readonly string[] | undefined;
  readonly follow?: boolean | undefined;
  readonly reference?: readonly string[] | undefined;
  readonly dataset?: readonly string[] | undefined;
}

/** Whether a restore is of a subset. @throws E_USAGE for options that do not go together */
export function isOfSubset({ subset, follow, reference, dataset }: SubsetFlags): boolean {
  if (subset === undefined) {
    const other = follow ? '--follow' : reference ? '--reference' : undefined;
    if (other) throw usage(`${other} needs --subset`, "Say which rows: --subset 'orders: id < 1000'");
    return false;
  }
  if (dataset === undefined) return true;
  throw usage('--subset already chooses the tables', 'Leave out --dataset.');
}

/** The chosen part; undefined if the restore is of all. Says first that it is computed. */
export async function subsetOf(
  { repository, io, progress }: CommandSession,
  flags: SubsetFlags,
  key: BackupKey,
): Promise<Subset | undefined> {
  if (!isOfSubset(flags)) return undefined;
  progress.say('Reading keys and references');
  const { subset: rows = [], follow, reference: references = [] } = flags;
  const choice = { rows, references, follow: follow ? ('children' as const) : ('parents' as const) };
  return await chooseSubset(repository, key, choice, { signal: io.signal });
}

/** For `--json`; nothing without a subset. */
export function subsetDocument(result: object): object {
  return 'subset' in result ? { subset: result.subset } : {};
}

/** How many rows of how many, by table. Empty without a subset. */
export function subsetText(subset: readonly SubsetDataset[] | undefined): string {
  if (!subset) return '';
  const lines = subset.map(({ dataset, records, of }) => [dataset, number(records), number(of)]);
  return String(table(['TABLE', 'ROWS', 'OF'], lines));
}
