import { changesOf } from '../jobs/changes/changes-of.ts';
import { planUndo as plan, undoTransaction as reverse, type UndoPlan } from '../jobs/changes/undo/undo.ts';
import { openRowTarget } from '../jobs/inside/restore-rows.ts';
import { type Place, rowPlaceAt } from './places.ts';
import { type RunOptions, recorded } from './recorded.ts';
import { engineOf, NEVER, type OpenRepository } from './repository.ts';

/** Which transaction is reversed. */
export interface UndoOptions extends RunOptions {
  /** As the server writes it: of PostgreSQL a number, such as `xmin` of a row that it wrote. */
  readonly transaction: string;
  /** Whose, by the name that its backups have. */
  readonly source: string;
}

/**
 * What a transaction did, from the stored changes of continuous backup, and what stands against reversing it. Changes nothing.
 *
 * @param target the live database
 * @throws HoldfastError E_NO_MOMENT if no stored change is of it, E_SOURCE_UNSUPPORTED if it cannot be reversed row by row, E_USAGE if
 *   it is too much to be held, E_DAMAGED, E_SOURCE_*, E_STORE_*, E_ABORTED
 */
export function planUndo(
  opened: OpenRepository,
  target: string | Place,
  options: UndoOptions,
): Promise<UndoPlan> {
  return plan(engineOf(opened).repository, jobOptions(target, options));
}

/**
 * Reverses a transaction on the live database, in one transaction, if all of its rows are still as it left them.
 *
 * @throws HoldfastError as `planUndo`; E_ROWS_REFUSED naming what stands against it, E_RESTORE_DIFFERS: nothing was changed
 */
export async function undoTransaction(
  opened: OpenRepository,
  target: string | Place,
  options: UndoOptions,
): Promise<UndoPlan> {
  const { repository } = engineOf(opened);
  const job = jobOptions(target, options);
  const { name } = await openRowTarget(job.place);
  const { base } = await plan(repository, job);
  const noteOf = ({ datasets }: UndoPlan) => ({
    records: datasets.reduce((sum, { rows }) => sum + rows.length, 0),
  });
  const work = () => reverse(repository, job);
  return recorded(opened, { kind: 'restore', backup: base, target: name }, work, { ...options, noteOf });
}

function jobOptions(target: string | Place, { transaction, source, signal = NEVER }: UndoOptions) {
  const place = rowPlaceAt(target);
  const { config } = place;
  return {
    transaction,
    source: { kind: config.kind, name: source },
    changes: changesOf(config),
    place,
    signal,
  };
}
