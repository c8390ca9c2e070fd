import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import {
  Choice,
  Condition,
  DistributedMap,
  type IChainable,
  JsonPath,
  Pass,
  StateMachineType,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { CAUGHT, jobStep } from './job-step.ts';

export interface VerifySteps {
  readonly verify: LambdaFunction;
  /** Parts that are read at the same time. */
  readonly maxConcurrency: number;
  /** Says in words what a step failed with. */
  readonly explain: LambdaFunction;
  /** Everything was read, and is as it was written. */
  readonly whole: IChainable;
  /** `$.verification.damaged` has the keys of damaged backups. */
  readonly damaged: IChainable;
  /** `$.failure` says why not all could be read. */
  readonly failed: IChainable;
}

/**
 * Has the parts at `$.verification.parts` verified, each by an execution of its own. What a function cannot read in its time it
 * gives back as two parts, so that nothing fails because it is big.
 *
 * @returns the first state
 */
export function verifySteps(scope: Construct, steps: VerifySteps): IChainable {
  const part = jobStep(scope, 'VerifyPart', {
    lambdaFunction: steps.verify,
    resultSelector: { 'damaged.$': '$.damaged', 'unfinished.$': '$.unfinished', failures: [] },
  });
  // The map itself says only that a part failed, not why.
  const noted = new Pass(scope, 'NotePartFailure', {
    parameters: {
      damaged: [],
      unfinished: [],
      failures: [{ 'Error.$': '$.failure.Error', 'Cause.$': '$.failure.Cause' }],
    },
  });
  part.addCatch(noted, CAUGHT);
  const parts = new DistributedMap(scope, 'VerifyParts', {
    itemsPath: '$.verification.parts',
    label: 'Parts',
    maxConcurrency: steps.maxConcurrency,
    mapExecutionType: StateMachineType.STANDARD,
    resultPath: '$.verification.results',
  });
  parts.itemProcessor(part);
  const gather = jobStep(scope, 'GatherParts', {
    lambdaFunction: steps.verify,
    event: {
      gather: JsonPath.listAt('$.verification.results'),
      damaged: JsonPath.listAt('$.verification.damaged'),
    },
    resultPath: '$.verification',
  });
  const firstFailure = new Pass(scope, 'FirstFailure', {
    inputPath: '$.verification.failures[0]',
    resultPath: '$.failure',
  });
  const isThere = (list: string) => Condition.isPresent(`$.verification.${list}[0]`);
  const outcome = new Choice(scope, 'Verified')
    .when(Condition.and(isThere('parts'), Condition.not(isThere('failures'))), parts)
    .when(isThere('damaged'), steps.damaged)
    .when(isThere('failures'), firstFailure.next(steps.failed))
    .otherwise(steps.whole);
  const explained = explainStep(scope, 'ExplainParts', { ...steps, next: steps.failed });
  gather.addCatch(explained, CAUGHT).next(outcome);
  return parts.addCatch(explained, CAUGHT).next(gather);
}

/** Makes words of the JSON at `$.failure.Cause`; goes on with the JSON where nobody can. */
export function explainStep(
  scope: Construct,
  name: string,
  { explain, next }: { readonly explain: LambdaFunction; readonly next: IChainable },
): IChainable {
  const step = jobStep(scope, name, {
    lambdaFunction: explain,
    event: { explain: JsonPath.objectAt('$.failure') },
    resultPath: '$.failure',
  });
  return step.addCatch(next, { resultPath: JsonPath.DISCARD }).next(next);
}
