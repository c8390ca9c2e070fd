import * as z from 'zod';
import { messageOfCause } from '../../shared/api/aws/function-cause.ts';

/** Step Functions' report of a failed step: a code, and for a function its answer as JSON. */
export const StepFailure = z.strictObject({ Error: z.string(), Cause: z.string().optional() });

/** A function that was killed, or ran out of memory. */
const KILLED = 'Lambda.Unknown';

/** For a task that stays silent; these have no cause. */
const SILENT: readonly string[] = ['States.HeartbeatTimeout', 'States.Timeout'];
const DIED =
  'its task could not start, or died without a message; the tasks’ log, and the stopped tasks of the ECS cluster, say why';

/** The code, and words. */
export function explained({ Error: code, Cause: cause = '' }: z.infer<typeof StepFailure>) {
  const nothing = SILENT.includes(code) ? DIED : 'the step gave no details';
  const message = messageOfCause(cause) || nothing;
  return { Error: code, Cause: code === KILLED ? `it ended without an answer (${message})` : message };
}
