import { ArnFormat, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { FunctionName } from '../../shared/config/aws.ts';
import type { CopyPlace } from '../../shared/config/copy.ts';
import { copyListStatements } from './copy-statements.ts';
import { type RepositoryPlace, repositoryStatements } from './permissions.ts';

/** Functions of the pipeline that the admin API starts. */
export const API_INVOKES = ['drill', 'restore', 'export'] as const satisfies FunctionName[];

/** What the function of the admin API may begin and look at. */
export interface ApiRights {
  /** Makes backups. */
  readonly stateMachine: StateMachine;
  /** Verifies backups. */
  readonly verification: StateMachine;
  /** ARNs of all functions that it may invoke. */
  readonly functions: readonly string[];
  /** ARN of its own secret. */
  readonly secret: string;
  /** Second places, whose lists it shows. */
  readonly copies: readonly CopyPlace[];
}

/** Everything that the role of the admin API may do, besides writing its log: others do the work. */
export function apiStatements(
  place: RepositoryPlace,
  { stateMachine, verification, functions, secret, copies }: ApiRights,
): PolicyStatement[] {
  const arnOf = (machine: StateMachine, resource: string, ending: string) =>
    Stack.of(machine).formatArn({
      service: 'states',
      resource,
      resourceName: `${machine.stateMachineName}${ending}`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
  const executions = [stateMachine, verification].map((machine) => arnOf(machine, 'execution', ':*'));
  const mapRuns = [stateMachine, verification].map((machine) => arnOf(machine, 'mapRun', '/*'));
  const allow = (sid: string, actions: string[], resources: readonly string[]) =>
    new PolicyStatement({ sid, actions, resources: [...resources] });
  return [
    ...repositoryStatements('admin-api', place),
    ...copyListStatements(stateMachine, copies),
    allow('Start', ['states:StartExecution'], [stateMachine.stateMachineArn, verification.stateMachineArn]),
    allow('Stop', ['states:StopExecution'], executions),
    allow('ListRuns', ['states:ListExecutions'], [stateMachine.stateMachineArn]),
    allow('Follow', ['states:DescribeExecution', 'states:ListMapRuns'], executions),
    allow('Count', ['states:DescribeMapRun'], mapRuns),
    allow('Invoke', ['lambda:InvokeFunction'], functions),
    allow('Secret', ['secretsmanager:GetSecretValue'], [secret]),
  ];
}
