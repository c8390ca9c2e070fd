import { SendTaskFailureCommand, SendTaskSuccessCommand, SFNClient } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { holdSnapshot } from '../../shared/jobs/hold-snapshot.ts';
import { planBackup } from '../../shared/jobs/plan-backup.ts';
import { examinedSources } from '../runtime/doctor-sources.ts';
import { note, run, source, type } from '../runtime/event-members.ts';
import { defineFunction } from '../runtime/function.ts';
import { toFunctionError } from '../runtime/function-error.ts';
import { openConfiguredSource } from '../runtime/places.ts';
import { planOptions, sharesOf } from '../runtime/planned-run.ts';
import { logger } from '../runtime/telemetry.ts';

const Event = z.strictObject({ run, source, type, note, taskToken: z.string().min(1) });

/** Longest message that Step Functions takes. */
const MOST_CAUSE_CHARS = 32_000;

const SAY_WHY_MS = 2_000;

const stepFunctions = new SFNClient({});

/** Plans, tells the state machine, and keeps the database's view open until commit or abort let it go. */
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
      await succeed(taskToken, { ...about, shares: sharesOf(plan, about, config) });
      isPlanned = true;
      return { run, released: await holdSnapshot(repository, plan, { until: holdUntil(until), signal }) };
    } catch (error) {
      // Later, nobody waits for the token: commit learns from the repository that the view did not stand.
      if (!isPlanned) await fail(taskToken, error, signal);
      throw error;
    }
  },
  { probe: 'runs', places: examinedSources },
);

/** Somewhat before the work is stopped: commit is to learn that it was the time that ran out. */
function holdUntil(until: Date): Date {
  return new Date(until.getTime() - SAY_WHY_MS);
}

async function succeed(taskToken: string, output: object): Promise<void> {
  await stepFunctions.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(output) }));
}

async function fail(taskToken: string, problem: unknown, signal: AbortSignal): Promise<void> {
  const { name, message } = toFunctionError(problem, signal);
  try {
    await stepFunctions.send(
      new SendTaskFailureCommand({ taskToken, error: name, cause: message.slice(0, MOST_CAUSE_CHARS) }),
    );
  } catch (error) {
    logger.error('the state machine could not be told', { error: error as Error });
  }
}
