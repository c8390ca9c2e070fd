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

/** What the states of a verification call. */
export interface VerifySteps {
  readonly verify: LambdaFunction;
  /** Parts to read at the same time. */
  readonly maxConcurrency: number;
  /** Puts a step's failure into words. */
  readonly explain: LambdaFunction;
  /** Everything was read, and is whole. */
  readonly whole: IChainable;
  /** `$.verification.damaged` has the keys of damaged backups. */
  readonly damaged: IChainable;
  /** `$.failure` says why not everything could be read. */
  readonly failed: IChainable;
}

/**
 * Has the parts at `$.verification.parts` verified, each by an execution of its own. A function that runs out
 * of time returns its part as two smaller ones, so that nothing fails because of its size.
 *
 * @returns the first state
 */
export function verifySteps(scope: Construct, steps: VerifySteps): IChainable {
  const part = jobStep(scope, 'VerifyPart', {
    lambdaFunction: steps.verify,
    resultSelector: { 'damaged.$': '$.damaged', 'unfinished.$': '$.unfinished', failures: [] },
  });
  // The map itself only says that a part failed, not why.
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

/** Puts the JSON at `$.failure.Cause` into words; keeps the JSON if that fails. */
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
