import { rowFigures, rowsAsked, rowsPlanJson } from '../../shared/api/presenters/row-selection.ts';
import { withoutOptions } from '../../shared/api/presenters/without-options.ts';
import type { RowSelection } from '../../shared/api/schema/inside.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { planRows, restoreRows } from '../../shared/jobs/inside/restore-rows.ts';
import { audited } from '../runtime/audit.ts';
import { cancellable } from '../runtime/cancellable.ts';
import { putEvent } from '../runtime/events.ts';
import { toFunctionError } from '../runtime/function-error.ts';
import type { OpenPlace } from '../runtime/places.ts';
import type { OpenedRepository } from '../runtime/settings.ts';

/** Rows that are put back, where, and who asked for it. */
export interface RowsWork {
  readonly key: BackupKey;
  readonly rows: RowSelection;
  readonly place: OpenPlace;
  /** Name of the target. */
  readonly to: string;
  readonly by: string;
  readonly run: string;
  readonly isDryRun: boolean;
  readonly signal: AbortSignal;
}

/** Puts rows of a backup back into a target, or says what that would do. */
export async function putRowsBack(repository: OpenedRepository, work: RowsWork): Promise<object> {
  const { key, rows, place, to, by, run, isDryRun, signal } = work;
  const asked = await withoutOptions(() => rowsAsked(repository, key, rows, signal));
  if (isDryRun) {
    const plan = await withoutOptions(() => planRows(repository, key, place, { ...asked, signal }));
    return { key, ...rowsPlanJson(plan) };
  }
  const details = JSON.parse(JSON.stringify({ rows }));
  const audit = { action: 'restore', by, run, backups: [key], target: to, details } as const;
  const told = { run, backup: key, target: to, requestedBy: by };
  try {
    const result = await cancellable(repository, { run, signal }, (stop) =>
      audited(repository, { ...audit, signal: stop }, () =>
        withoutOptions(() => restoreRows(repository, key, place, { ...asked, signal: stop })),
      ),
    );
    if ('by' in result) {
      const error = { code: 'E_ABORTED', message: `cancelled by ${result.by}` };
      await putEvent('Restore Finished', { ...told, outcome: 'failed', error });
      return { key, ...result };
    }
    const figures = rowFigures(result);
    await putEvent('Restore Finished', { ...told, outcome: 'equal', figures });
    return { key, ...rowsPlanJson(result), ...figures, outcome: 'equal' };
  } catch (error) {
    const { name: code } = toFunctionError(error, signal);
    // The message may name keys of rows, and events go far.
    const message = 'the rows were not put back; the log of the function says why';
    await putEvent('Restore Finished', { ...told, outcome: 'failed', error: { code, message } });
    throw error;
  }
}
