import { type IChainable, JsonPath } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { StepFunctions } from './backup-state-machine-props.ts';
import type { EventStates } from './event-states.ts';
import { CAUGHT, jobStep } from './job-step.ts';
import { explainStep } from './verify-steps.ts';

/**
 * Locks what the backup needs before verifying it: nobody may remove it any more. A failed lock is published,
 * and the backup goes on: it is listed, and the daily run tries again.
 *
 * @returns the first state; `next` itself if nothing is locked
 */
export function lockThen(
  scope: Construct,
  { functions, events }: { readonly functions: StepFunctions; readonly events: EventStates },
  next: IChainable,
): IChainable {
  if (!functions.lock) return next;
  const lock = jobStep(scope, 'Lock', {
    lambdaFunction: functions.lock,
    event: { backup: JsonPath.stringAt('$.commit.key') },
    resultPath: JsonPath.DISCARD,
  });
  const { lockFailure } = events;
  lockFailure.addCatch(next, { resultPath: JsonPath.DISCARD }).next(next);
  const explained = explainStep(scope, 'ExplainLock', { explain: functions.commit, next: lockFailure });
  lock.addCatch(explained, CAUGHT).next(next);
  return lock;
}
