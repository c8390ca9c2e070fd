import * as z from 'zod';
import {
  rowFigures,
  rowsAsked,
  rowsPlanJson,
  stateAfterRows,
} from '../../shared/api/presenters/row-selection.ts';
import { withoutOptions } from '../../shared/api/presenters/without-options.ts';
import { RowSelection } from '../../shared/api/schema/inside.ts';
import { planRows, restoreRows } from '../../shared/jobs/inside/restore-rows.ts';
import { audited } from '../runtime/audit.ts';
import { chosenBackup } from '../runtime/backup-choice.ts';
import { cancellable } from '../runtime/cancellable.ts';
import { examinedTargets } from '../runtime/doctor-places.ts';
import { backupChoice, requestedBy } from '../runtime/event-members.ts';
import { putEvent } from '../runtime/events.ts';
import { defineFunction } from '../runtime/function.ts';
import { toFunctionError } from '../runtime/function-error.ts';
import { findTarget, openPlace } from '../runtime/places.ts';

const Event = z.strictObject({
  backup: backupChoice,
  /** Name of a target in the configuration. */
  to: z.string().min(1),
  rows: RowSelection,
  dryRun: z.boolean().optional(),
  requestedBy,
});

/** The message of a failure may name keys of rows, and events go far. */
const FAILED = 'the rows were not put back; the log of the function says why';

/** Puts rows of a backup back into a configured database, or says what that would do. */
export const handler = defineFunction(
  Event,
  async ({ backup, to, rows, dryRun = false, requestedBy: by }, invocation) => {
    const { config, signal, id: run } = invocation;
    const place = await openPlace(findTarget(to, config), signal);
    const repository = await invocation.repository();
    const key = await chosenBackup(repository, backup, signal);
    const asked = await withoutOptions(() => rowsAsked(repository, key, rows, signal));
    if (dryRun) {
      const plan = await withoutOptions(() => planRows(repository, key, place, { ...asked, signal }));
      return { key, ...rowsPlanJson(plan) };
    }
    // Conditions and keys may name people: they are kept in the part that only the key opens.
    const details = JSON.parse(JSON.stringify({ rows }));
    const stateAfter = (error: unknown) => stateAfterRows(rows, error);
    const audit = { action: 'restore', by, run, backups: [key], target: to, details, stateAfter } as const;
    const told = { run, backup: key, target: to, requestedBy: by };
    const failed = (code: string, message: string) =>
      putEvent('Restore Finished', { ...told, outcome: 'failed', error: { code, message } });
    try {
      const result = await cancellable(repository, { run, signal }, (stop) =>
        audited(repository, { ...audit, signal: stop }, () =>
          withoutOptions(() => restoreRows(repository, key, place, { ...asked, signal: stop })),
        ),
      );
      if ('by' in result) {
        await failed('E_ABORTED', `cancelled by ${result.by}`);
        return { key, ...result };
      }
      await putEvent('Restore Finished', { ...told, outcome: 'equal' });
      return { key, ...rowsPlanJson(result), ...rowFigures(result), outcome: 'equal' };
    } catch (error) {
      await failed(toFunctionError(error, signal).name, FAILED);
      throw error;
    }
  },
  { places: examinedTargets },
);
