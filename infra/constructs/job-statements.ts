import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { DeployedFunction } from '../../shared/core/config-aws.ts';
import { EVENT_SOURCE } from '../../shared/core/events.ts';
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
    new PolicyStatement({
      sid: 'Events',
      actions: ['events:PutEvents'],
      resources: [eventBusArn],
      conditions: { StringEquals: { 'events:source': EVENT_SOURCE } },
    }),
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

/**
 * As it is, and with the six characters that Secrets Manager adds to a name. Which of both it is cannot be seen: `shop-orders`
 * may be the whole of a name.
 */
function wholeArns(arn: string): string[] {
  return [arn, `${arn}-??????`];
}
