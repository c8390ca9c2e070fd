import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { JsonPath, TaskInput } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { VersionInvoke } from './pinned-steps.ts';
import { STEP_RETRIES } from './retries.ts';

/** Where what failed is, for the states that come after a failure. */
export const CAUGHT = { resultPath: '$.failure' };

interface JobStepProps {
  readonly lambdaFunction: LambdaFunction;
  /** @default - what the state is given */
  readonly event?: Readonly<Record<string, unknown>>;
  readonly resultSelector?: Readonly<Record<string, unknown>>;
  readonly resultPath?: string;
}

/** A state that waits for a function of a job, and tries again what may come right. */
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

/** What every job of a run is told. @param run where the run's id is */
export function runEvent(run: string) {
  return {
    run: JsonPath.stringAt(run),
    source: JsonPath.stringAt('$.source'),
    type: JsonPath.stringAt('$.type'),
  };
}
