import * as z from 'zod';
import { messageOfCause } from '../../shared/api/aws/function-cause.ts';

/** As Step Functions tells of a step that failed: a code, and of a function its answer as JSON. */
export const StepFailure = z.strictObject({ Error: z.string(), Cause: z.string().optional() });

/** A function that was killed, or ran out of memory. */
const KILLED = 'Lambda.Unknown';

/** Of a task that stays silent; they come without a cause. */
const SILENT: readonly string[] = ['States.HeartbeatTimeout', 'States.Timeout'];
const DIED =
  'its task could not be begun, or died without a word; the log of the tasks, and the stopped tasks of the ECS cluster, say why';

/** The code, and words. */
export function explained({ Error: code, Cause: cause = '' }: z.infer<typeof StepFailure>) {
  const nothing = SILENT.includes(code) ? DIED : 'the step said nothing more';
  const message = messageOfCause(cause) || nothing;
  return { Error: code, Cause: code === KILLED ? `it ended without an answer (${message})` : message };
}
