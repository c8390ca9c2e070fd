import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { JsonPath, TaskInput } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { VersionInvoke } from './pinned-steps.ts';
import { STEP_RETRIES } from './retries.ts';

/** Where a failure is stored, for the states that follow it. */
export const CAUGHT = { resultPath: '$.failure' };

interface JobStepProps {
  readonly lambdaFunction: LambdaFunction;
  /** @default - the state's input */
  readonly event?: Readonly<Record<string, unknown>>;
  readonly resultSelector?: Readonly<Record<string, unknown>>;
  readonly resultPath?: string;
}

/** A state that waits for a job's function, and retries what may succeed later. */
export function jobStep(scope: Construct, name: string, { event, ...props }: JobStepProps): VersionInvoke {
  const step = new VersionInvoke(scope, name, {
    ...(event ? { payload: TaskInput.fromObject(event) } : {}),
    payloadResponseOnly: true,
    retryOnServiceExceptions: false,
    ...props,
  });
  for (const retry of STEP_RETRIES) step.addRetry(retry);
  return step;
}

/** What every job of a run receives. @param run where the run's id is */
export function runEvent(run: string) {
  return {
    run: JsonPath.stringAt(run),
    source: JsonPath.stringAt('$.source'),
    type: JsonPath.stringAt('$.type'),
  };
}
