import { type App, CfnResource, Stack, Validations } from 'aws-cdk-lib';
import { CfnRoute } from 'aws-cdk-lib/aws-apigatewayv2';
import { CfnDistribution } from 'aws-cdk-lib/aws-cloudfront';
import { CfnCluster, CfnTaskDefinition } from 'aws-cdk-lib/aws-ecs';
import { CfnPolicy, CfnRole } from 'aws-cdk-lib/aws-iam';
import { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnBucket } from 'aws-cdk-lib/aws-s3';
import { CfnSecret } from 'aws-cdk-lib/aws-secretsmanager';
import { CfnQueue } from 'aws-cdk-lib/aws-sqs';
import { flattenCfnReference } from 'cdk-nag/lib/utils/flatten-cfn-reference.js';

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

interface Reason {
  /** The resource that a statement names. */
  readonly resource: RegExp;
  /** Matches all actions of the statement. */
  readonly actions: RegExp;
  readonly reason: string;
}

/** Why a statement of ours names more than one resource. A statement without a row stays a finding. */
const WILDCARDS: readonly Reason[] = [
  {
    resource:
      /\/(data|backups|bundles|backups\/_spoilt|changes|changes\/\w+|expired|exports|history|keys|notices|recovery\/\*|reports\/\w+|reports|runs)\/\*$/,
    actions: /^s3:(GetObject|PutObject|DeleteObject)$/,
    reason: 'One folder of the repository, by one action: names of objects are hashes and times.',
  },
  {
    resource: /\/runs\/\*\/(cancel|released)$/,
    actions: /^s3:(GetObject|PutObject)$/,
    reason: 'One object of each run, by one action: it stops the run.',
  },
  {
    resource: /\/(data|backups|changes|expired|keys|recovery\/\*|reports)\/\*$/,
    actions: /^s3:(Get|Put)Object(Retention|LegalHold)$/,
    reason: 'Locks of one folder of the repository: names of objects are hashes and times.',
  },
  {
    resource: /^<\w+\.Arn>:\*$/,
    actions: /^lambda:InvokeFunction$/,
    reason: 'Versions and aliases of one function of ours.',
  },
  {
    resource: /:states:.*:execution:/,
    actions: /^states:(DescribeExecution|ListMapRuns|StopExecution|RedriveExecution)$/,
    reason: 'Executions of this one state machine, which its distributed map starts.',
  },
  {
    resource: /:\*$/,
    actions: /^ecs:RunTask$/,
    reason: 'Revisions of one task definition of ours.',
  },
  {
    resource: /:rds-db:.*:dbuser:\*\/.+/,
    actions: /^rds-db:connect$/,
    reason:
      'One user, in each database of the account: the address of a database does not say which one it is. dbResourceId names it.',
  },
  {
    resource: /:states:.*:mapRun:.+\/\*$/,
    actions: /^states:DescribeMapRun$/,
    reason: 'Map runs of this one state machine: how many shares are stored.',
  },
  {
    resource: /:scheduler:.*:schedule\/[^/]+\/\*$/,
    actions: /^scheduler:GetSchedule$/,
    reason: 'Schedules of this one deployment, which have a group of their own.',
  },
  {
    resource: /^\*$/,
    actions:
      /^(xray:|ec2:(\w+NetworkInterfaces?|DescribeSubnets|\w+PrivateIpAddresses)$|ecr:GetAuthorizationToken$|logs:\w+(LogDelivery|LogDeliveries|ResourcePolicy|ResourcePolicies|LogGroups)$|ecs:(StopTask|DescribeTasks)$)/,
    reason: 'AWS knows no resource for these actions, or makes it only when they are called.',
  },
];

interface Finding {
  /** Id of a rule, without the name of its pack. */
  readonly id: string;
  readonly reason: string;
}

/** Routes that may be called without a login. All others stay findings. */
const OPEN_ROUTES = /^(?:OPTIONS |(?:GET|HEAD) .*\/health$)/;
/** Routes for API keys, which the function checks. */
const KEY_ROUTES = /^[A-Z]+ \/api\/keys\/backup\/\{proxy\+\}$/;
/** CDK's own function that copies the console's files. */
const CDKS_OWN = /\/Custom::(CDKBucketDeployment\w+|S3AutoDeleteObjectsCustomResourceProvider)\//;
const CDKS_REASON =
  "CDK's own function, which copies the console's files from its bucket of assets to theirs, or empties theirs when it is deleted. Its rights cover only these two buckets.";

/** Findings of other rules, by resource. */
function findingsOf(resource: CfnResource): readonly Finding[] {
  if (CDKS_OWN.test(resource.node.path)) return ofCdk(resource);
  if (resource instanceof CfnDistribution) return ofDistribution(resource);
  if (resource instanceof CfnRoute && KEY_ROUTES.test(resource.routeKey))
    return [
      {
        id: 'APIG4',
        reason:
          'API keys (api.keys): a route has one kind of login in API Gateway, and a Lambda authoriser would run the very check that the function runs.',
      },
    ];
  if (resource instanceof CfnRoute && OPEN_ROUTES.test(resource.routeKey))
    return [
      {
        id: 'APIG4',
        reason:
          'By configuration (api.health, api.corsOrigins): one word of liveness, or whether a page of another origin may ask.',
      },
    ];
  if (resource instanceof CfnBucket)
    return [
      {
        id: 'S1',
        reason:
          'CloudTrail data events record reads and writes where they are wanted; a second bucket of logs would cost more than most repositories.',
      },
    ];
  if (resource instanceof CfnQueue)
    return [{ id: 'SQS3', reason: 'It is a dead-letter queue itself, with an alarm on it.' }];
  if (resource instanceof CfnCluster)
    return [
      {
        id: 'ECS4',
        reason:
          'Tasks are few; their log and their state machine say what they did. Container Insights costs more than they.',
      },
    ];
  if (resource instanceof CfnTaskDefinition)
    return [
      { id: 'ECS2', reason: 'Variables hold names and settings; secrets are read by ARN when a task runs.' },
    ];
  if (resource instanceof CfnSecret)
    return [
      {
        id: 'SMG4',
        reason: 'It binds plans of ten minutes; it opens nothing. A new value may be put at any time.',
      },
    ];
  return [];
}

function ofCdk(resource: CfnResource): readonly Finding[] {
  const basic = 'Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole';
  if (resource instanceof CfnRole) return [{ id: `IAM4[${basic}]`, reason: CDKS_REASON }];
  if (resource instanceof CfnFunction)
    return [{ id: 'L1', reason: 'CDK chooses the runtime of its own function.' }];
  if (!(resource instanceof CfnPolicy)) return [];
  return statementsOf(resource).flatMap(({ Action, Resource }) => [
    ...wildcards('Action', [Action].flat()),
    ...wildcards('Resource', [Resource].flat().map(flattenCfnReference)),
  ]);
}

function wildcards(of: 'Action' | 'Resource', names: readonly string[]): readonly Finding[] {
  return names
    .filter((name) => name.includes('*'))
    .map((name) => ({ id: `IAM5[${of}::${name}]`, reason: CDKS_REASON }));
}

function ofDistribution({ distributionConfig }: CfnDistribution): readonly Finding[] {
  const { viewerCertificate } = distributionConfig as CfnDistribution.DistributionConfigProperty;
  return [
    { id: 'CFR1', reason: 'People restore from anywhere; their login says what they may do.' },
    { id: 'CFR2', reason: 'Files are open anyway, and the API asks for a login before its function runs.' },
    { id: 'CFR3', reason: 'The access log of the API has every call; the files hold no personal data.' },
    ...(viewerCertificate
      ? []
      : [
          {
            id: 'CFR4',
            reason:
              "With CloudFront's own name and certificate, the minimum TLS version cannot be set; aws.console.domainName sets it to 1.2.",
          },
        ]),
  ];
}

/**
 * Acknowledges intended findings of cdk-nag, one by one and with reasons. The app was synthesised once
 * before.
 */
export function acknowledgeMeant(app: App): void {
  for (const construct of app.node.findAll()) {
    if (construct instanceof CfnPolicy) acknowledgeWildcards(construct);
    if (!(construct instanceof CfnResource)) continue;
    for (const { id, reason } of findingsOf(construct))
      Validations.of(construct).acknowledge({ id: `AwsSolutions::AwsSolutions-${id}`, reason });
  }
}

function statementsOf(policy: CfnPolicy): readonly Statement[] {
  const { Statement = [] } = Stack.of(policy).resolve(policy.policyDocument) as { Statement?: Statement[] };
  return Statement;
}

function acknowledgeWildcards(policy: CfnPolicy): void {
  for (const { Effect, Action, Resource } of statementsOf(policy)) {
    if (Effect !== 'Allow') continue;
    const actions = [Action].flat();
    for (const resource of [Resource].flat().map(flattenCfnReference)) {
      const known = WILDCARDS.find(
        (row) => row.resource.test(resource) && actions.every((action) => row.actions.test(action)),
      );
      if (resource.includes('*') && known)
        Validations.of(policy).acknowledge({
          id: `AwsSolutions::AwsSolutions-IAM5[Resource::${resource}]`,
          reason: known.reason,
        });
    }
  }
}
