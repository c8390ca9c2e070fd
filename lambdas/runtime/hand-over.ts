import { HoldfastError } from '../../shared/core/errors.ts';
import { bytes } from '../../shared/core/human.ts';
import type { Invocation } from './invocation.ts';
import { logger } from './telemetry.ts';

/** The answer of a function that handed its work to a task. */
export interface HandedOver {
  readonly run: string;
  /** ARN of the execution that runs the task. */
  readonly task: string;
  readonly plainBytes: number;
}

/**
 * Has a task do the work, if there are too many records for a function's time. The task gets the same run, so
 * that reports and events are this invocation's.
 *
 * @returns undefined if the function should do it itself
 * @throws E_CONFIG if there are no tasks
 */
export async function handOver(
  plainBytes: number,
  event: object,
  { config: { aws }, id: run, isTask, signal }: Invocation,
): Promise<HandedOver | undefined> {
  if (isTask || plainBytes < aws.restoreBytes) return undefined;
  const machine = process.env['HOLDFAST_TASK_MACHINE'];
  if (!machine) throw tooLarge(plainBytes, aws.restoreBytes);
  const { startExecution } = await import('./start-execution.ts');
  const task = await startExecution(machine, run, { run, event }, signal);
  logger.info('a task does it', { task, plainBytes });
  return { run, task, plainBytes };
}

function tooLarge(plainBytes: number, mostBytes: number): HoldfastError {
  return new HoldfastError(
    'E_CONFIG',
    `${bytes(plainBytes)} of records take longer than a function may run; its limit is ${bytes(mostBytes)}`,
    {
      hint: 'Set aws.fargate (it needs aws.network) and deploy: then a task does it. Or use the command line on a machine that reaches both, or raise aws.restoreMiB.',
      details: { plainBytes, mostBytes },
    },
  );
}
