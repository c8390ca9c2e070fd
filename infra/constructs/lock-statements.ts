import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { LockSettings } from '../../shared/config/lock.ts';

/** Everything that backups need. */
export const LOCKED_FOLDERS = [
  'repository.json',
  'keys/*',
  'recovery/*/*',
  'backups/*',
  'reports/*',
  'data/*',
  'changes/*',
] as const;

const DAY_MS = 86_400_000;
/** A lock ends up to a week later than necessary; and the count is rounded. */
const LEEWAY_DAYS = 8;

interface LockPermissions {
  readonly seeLocks?: readonly string[];
  readonly lock?: readonly string[];
}

interface LockPlace {
  readonly bucketArn: string;
  readonly prefix: string;
  readonly lock?: LockSettings | undefined;
}

/**
 * A role's rights on locks, if there are any. Somebody who takes over the role that makes them can lock
 * stored objects for at most the configured maximum, and add legal holds. They can lift nothing, and remove
 * no hold.
 */
export function lockStatements(
  { seeLocks = [], lock = [] }: LockPermissions,
  { bucketArn, prefix, lock: settings }: LockPlace,
): PolicyStatement[] {
  if (!settings) return [];
  const arns = (folders: readonly string[]) => folders.map((folder) => `${bucketArn}/${prefix}${folder}`);
  const mostDays = settings.mostMs / DAY_MS + LEEWAY_DAYS;
  const isGovernance = settings.mode === 'governance';
  return [
    ...(seeLocks.length === 0
      ? []
      : [
          new PolicyStatement({
            sid: 'SeeLocks',
            actions: ['s3:GetObjectRetention', 's3:GetObjectLegalHold'],
            resources: arns(seeLocks),
          }),
        ]),
    ...(lock.length === 0
      ? []
      : [
          new PolicyStatement({
            sid: 'Retain',
            actions: ['s3:PutObjectRetention'],
            resources: arns(lock),
            conditions: {
              NumericLessThanEquals: { 's3:object-lock-remaining-retention-days': String(mostDays) },
              // Nobody could undo a compliance lock.
              ...(isGovernance ? { StringEquals: { 's3:object-lock-mode': 'GOVERNANCE' } } : {}),
            },
          }),
          new PolicyStatement({
            sid: 'Hold',
            actions: ['s3:PutObjectLegalHold'],
            resources: arns(lock),
            conditions: { StringEquals: { 's3:object-lock-legal-hold': 'ON' } },
          }),
        ]),
  ];
}
