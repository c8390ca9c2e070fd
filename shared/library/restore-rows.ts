import type { RowChoice } from '../jobs/inside/chosen-records.ts';
import { openRowTarget, planRows, restoreRows as putBack } from '../jobs/inside/restore-rows.ts';
import type { RowsPlan } from '../jobs/inside/rows-plan.ts';
import { chooseBackup } from '../jobs/restore/choose-backup.ts';
import type { OnConflict } from '../sources/row-target.ts';
import { type Place, rowPlaceAt } from './places.ts';
import { type RunOptions, recorded } from './recorded.ts';
import { engineOf, NEVER, type OpenRepository } from './repository.ts';

/** Which rows are put back, and how. */
export interface RestoreRowsOptions extends RunOptions {
  /** Of several datasets: all in one transaction. */
  readonly rows: readonly RowChoice[];
  /** What becomes of rows that the target has and that differ. @default 'fail': nothing is written */
  readonly onConflict?: OnConflict;
  /** Name of a new table to put the rows of one dataset into, beside their own. */
  readonly beside?: string;
}

/**
 * What `restoreRows` would do: how many rows would be added, changed, removed, left, and what stands against it. Changes nothing.
 *
 * @param backup as `restore` takes it
 * @throws HoldfastError E_NO_BACKUP, E_NO_DATASET, E_USAGE, E_ROWS_REFUSED if rows cannot be matched, E_SOURCE_*, E_STORE_*, E_ABORTED
 */
export async function planRestoreRows(
  opened: OpenRepository,
  backup: string,
  target: string | Place,
  options: RestoreRowsOptions,
): Promise<RowsPlan> {
  const { repository } = engineOf(opened);
  const { rows, onConflict, beside, signal = NEVER } = options;
  const key = await chooseBackup(repository, backup, { signal });
  return planRows(repository, key, rowPlaceAt(target), {
    choices: rows,
    ...asked({ onConflict, beside }),
    signal,
  });
}

/**
 * Puts rows of a backup back into their tables by primary key, or into a table beside: all of them in one transaction, read back
 * before it is committed, or none.
 *
 * @throws HoldfastError as `planRestoreRows`; E_ROWS_REFUSED naming what stands against it, E_RESTORE_DIFFERS: nothing was changed
 */
export async function restoreRows(
  opened: OpenRepository,
  backup: string,
  target: string | Place,
  options: RestoreRowsOptions,
): Promise<RowsPlan> {
  const { repository } = engineOf(opened);
  const { rows, onConflict, beside, signal = NEVER } = options;
  const key = await chooseBackup(repository, backup, { signal });
  const place = rowPlaceAt(target);
  const { name } = await openRowTarget(place);
  const work = () =>
    putBack(repository, key, place, { choices: rows, ...asked({ onConflict, beside }), signal });
  const noteOf = ({ datasets }: RowsPlan) => ({
    records: datasets.reduce((sum, { added, changed, removed }) => sum + added + changed + removed, 0),
  });
  return recorded(opened, { kind: 'restore', backup: key, target: name }, work, { ...options, noteOf });
}

function asked({
  onConflict,
  beside,
}: {
  readonly onConflict: OnConflict | undefined;
  readonly beside: string | undefined;
}) {
  return { ...(onConflict === undefined ? {} : { onConflict }), beside };
}
