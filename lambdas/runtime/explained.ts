import * as z from 'zod';
import { messageOfCause } from '../../shared/core/function-cause.ts';

/** As Step Functions tells of a step that failed: a code, and of a function its answer as JSON. */
export const Failure = z.strictObject({ Error: z.string(), Cause: z.string().optional() });

/** A function that was killed, or ran out of memory. */
const KILLED = 'Lambda.Unknown';

/** The code, and words. */
export function explained({ Error: code, Cause: cause = '' }: z.infer<typeof Failure>) {
  const message = messageOfCause(cause) || 'the step said nothing more';
  return { Error: code, Cause: code === KILLED ? `it ended without an answer (${message})` : message };
}
