import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { DeployedFunction } from '../../shared/config/aws.ts';
import { EVENT_SOURCE } from '../../shared/config/events.ts';
import { type DatabaseLogins, loginStatements } from './database-logins.ts';
import { type RepositoryPlace, repositoryStatements } from './permissions.ts';

/** The databases that a job logs in to. */
const LOGINS: Readonly<Partial<Record<DeployedFunction, readonly (keyof DatabaseLogins)[]>>> = {
  plan: ['sources'],
  hold: ['sources'],
  'backup-partition': ['sources'],
  look: ['sources', 'masks'],
  'put-back': ['targets'],
  poll: ['sources'],
  'poll-watchdog': ['sources'],
  restore: ['targets'],
  drill: ['drills'],
};

/** `source` of the events by which Lambda tells what a function answered. */
const ANSWERS_SOURCE = 'lambda';

/** Whether a job connects to a database, and so belongs into its VPC; others need none. */
export function reachesDatabases(job: DeployedFunction): boolean {
  return LOGINS[job] !== undefined;
}

/** What the rights of functions are about. */
export interface JobStatementsOptions {
  readonly place: RepositoryPlace;
  readonly logins: DatabaseLogins;
  readonly eventBusArn: string;
}

/** Everything that a job's role may do, besides writing its log. */
export function jobStatements(
  job: DeployedFunction,
  { place, logins, eventBusArn }: JobStatementsOptions,
): PolicyStatement[] {
  return [
    ...repositoryStatements(job, place),
    ...loginStatements((LOGINS[job] ?? []).map((group) => logins[group])),
    ...eventStatements(job, eventBusArn),
  ];
}

/** What polls puts no events; Lambda, which sends its answers, does so by its role. */
function eventStatements(job: DeployedFunction, eventBusArn: string): PolicyStatement[] {
  if (job === 'poll-watchdog') return [];
  const source = job === 'poll' ? ANSWERS_SOURCE : EVENT_SOURCE;
  return [
    new PolicyStatement({
      sid: 'Events',
      actions: ['events:PutEvents'],
      resources: [eventBusArn],
      conditions: { StringEquals: { 'events:source': source } },
    }),
  ];
}
