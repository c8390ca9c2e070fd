import type { BackupKey } from '../../core/ids.ts';
import { SECOND_MS } from '../../core/units.ts';
import { type AuditRecord, writeAudit } from '../../jobs/access/audit.ts';
import { planRows, restoreRows } from '../../jobs/inside/restore-rows.ts';
import { rowsAsked, rowsPlanJson } from '../presenters/row-selection.ts';
import { withoutOptions } from '../presenters/without-options.ts';
import type { RowSelection } from '../schema/inside.ts';
import type { ApiRestorePlan } from '../schema/runs.ts';
import { problemOf } from '../server/api-error.ts';
import type { LocalBackendOptions } from './options.ts';
import type { NamedPlace } from './places.ts';
import type { Work } from './work.ts';

/** Longest time to record how a run ended. */
const LATE_MS = 30 * SECOND_MS;

/** Rows of a backup, and the target that they are put back into. */
export interface RowsToRun {
  readonly key: BackupKey;
  readonly place: NamedPlace;
  readonly rows: RowSelection;
}

type Options = Pick<LocalBackendOptions, 'repository' | 'env'>;

/** How the rows stand to those of the target; nothing is changed. @throws as `planRows` */
export function planOfRows(
  { repository, env }: Options,
  { key, place, rows }: RowsToRun,
  signal: AbortSignal,
): Promise<ApiRestorePlan> {
  return withoutOptions(async () => {
    const asked = await rowsAsked(repository, key, rows, signal);
    return rowsPlanJson(await planRows(repository, key, { config: place, env }, { ...asked, signal }));
  });
}

/** Puts rows back, as a run. */
export function rowsRun(
  { repository, env }: Options,
  { key, place, rows }: RowsToRun,
  { by, record }: { readonly by: string; readonly record: Omit<AuditRecord, 'by' | 'outcome'> },
): Work {
  return async ({ id, signal }) => {
    // Also for a stopped run.
    const audit = (outcome: 'done' | 'failed', error?: string) =>
      writeAudit(repository, { ...record, by, outcome, run: id, error }, AbortSignal.timeout(LATE_MS));
    try {
      const { datasets } = await withoutOptions(async () => {
        const asked = await rowsAsked(repository, key, rows, signal);
        return restoreRows(repository, key, { config: place, env }, { ...asked, signal });
      });
      await audit('done');
      const sum = (of: 'added' | 'changed' | 'kept' | 'same') =>
        datasets.reduce((all, dataset) => all + dataset[of], 0);
      const [added, changed] = [sum('added'), sum('changed')];
      const result = { records: added + changed, added, changed, kept: sum('kept'), same: sum('same') };
      return { backup: key, result };
    } catch (error) {
      await audit('failed', problemOf(error).problem.code).catch(() => {});
      throw error;
    }
  };
}
