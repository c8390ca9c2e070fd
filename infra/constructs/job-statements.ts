import { Token } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { DeployedFunction } from '../../shared/core/config-aws.ts';
import type { Secrets } from './function-settings.ts';
import { type RepositoryPlace, repositoryStatements } from './permissions.ts';

/** Which databases a job logs in to. */
const LOGINS: Readonly<Partial<Record<DeployedFunction, readonly (keyof Secrets)[]>>> = {
  plan: ['sources'],
  hold: ['sources'],
  'backup-partition': ['sources'],
  restore: ['targets'],
  drill: ['drills'],
};
/** Six characters that Secrets Manager adds to a name. */
const WHOLE_ARN = /-[A-Za-z0-9]{6}$/;

export interface JobStatementsOptions {
  readonly place: RepositoryPlace;
  readonly secrets: Secrets;
  readonly eventBusArn: string;
}

/** All that one job's role may do, besides writing its log. */
export function jobStatements(
  job: DeployedFunction,
  { place, secrets, eventBusArn }: JobStatementsOptions,
): PolicyStatement[] {
  const arns = [...new Set((LOGINS[job] ?? []).flatMap((group) => secrets[group]))];
  const [parameters, ofManager] = [arns.filter(isParameter), arns.filter((arn) => !isParameter(arn))];
  return [
    ...repositoryStatements(job, place),
    ...statement('Secrets', 'secretsmanager:GetSecretValue', ofManager.flatMap(wholeArns)),
    ...statement('Parameters', 'ssm:GetParameter', parameters),
    ...statement('Events', 'events:PutEvents', [eventBusArn]),
  ];
}

function statement(sid: string, action: string, resources: readonly string[]): PolicyStatement[] {
  return resources.length === 0
    ? []
    : [new PolicyStatement({ sid, actions: [action], resources: [...resources] })];
}

function isParameter(arn: string): boolean {
  return arn.split(':')[2] === 'ssm';
}

/** As it is, and as it becomes by those characters where it may lack them. */
function wholeArns(arn: string): string[] {
  if (Token.isUnresolved(arn)) return [arn, `${arn}-??????`];
  return WHOLE_ARN.test(arn) ? [arn] : [`${arn}-??????`];
}
