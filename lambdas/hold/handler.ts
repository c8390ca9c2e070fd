import * as z from 'zod';
import { keepSnapshotOpen } from '../../shared/jobs/backup/keep-snapshot-open.ts';
import { planBackup } from '../../shared/jobs/backup/plan-backup.ts';
import { callBack, callBackFailed } from '../runtime/callback.ts';
import { examinedSources } from '../runtime/doctor-sources.ts';
import { noParent, note, run, source, type } from '../runtime/event-members.ts';
import { defineFunction } from '../runtime/function.ts';
import { planOptions, sharesOf } from '../runtime/planned-run.ts';
import { openConfiguredSource } from '../runtime/sources.ts';

const Event = z.strictObject({ run, source, type, note, noParent, taskToken: z.string().min(1) });

const SAY_WHY_MS = 2_000;

/**
 * Plans, tells the state machine, and keeps the database's snapshot open until commit or abort release it.
 */
export const handler = defineFunction(
  Event,
  async (event, invocation) => {
    const { config, signal, until, onProgress } = invocation;
    const { taskToken, run, source: name, type } = event;
    const about = { run, source: name, type };
    let isPlanned = false;
    try {
      const source = await openConfiguredSource(name, config, signal);
      const repository = await invocation.repository();
      await using plan = await planBackup(repository, source, {
        ...planOptions(event, config),
        onProgress,
        signal,
      });
      await callBack(taskToken, { ...about, shares: sharesOf(plan, about, config) });
      isPlanned = true;
      if (!plan.mustBeHeld) return { run, released: 'gathered' };
      return { run, released: await keepSnapshotOpen(repository, plan, { until: holdUntil(until), signal }) };
    } catch (error) {
      // Later, nobody waits for the token: commit learns from the repository that the snapshot did not last.
      if (!isPlanned) await callBackFailed(taskToken, error, signal);
      throw error;
    }
  },
  { probe: 'runs', places: examinedSources },
);

/** Somewhat before the work is stopped: commit must learn that time ran out. */
function holdUntil(until: Date): Date {
  return new Date(until.getTime() - SAY_WHY_MS);
}
