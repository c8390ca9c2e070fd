import { type App, CfnResource, Stack, Validations } from 'aws-cdk-lib';
import { CfnTaskDefinition } from 'aws-cdk-lib/aws-ecs';
import { CfnPolicy } from 'aws-cdk-lib/aws-iam';
import { CfnBucket } from 'aws-cdk-lib/aws-s3';
import { CfnQueue } from 'aws-cdk-lib/aws-sqs';
import { flattenCfnReference } from 'cdk-nag/lib/utils/flatten-cfn-reference.js';

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

interface Reason {
  /** Of the resource that a statement names. */
  readonly resource: RegExp;
  /** All actions of the statement are of these. */
  readonly actions: RegExp;
  readonly reason: string;
}

/** Why a statement of ours names more than one resource. What is in no row stays a finding. */
const WILDCARDS: readonly Reason[] = [
  {
    resource: /\/(data|backups|backups\/_spoilt|expired|exports|keys|reports|runs)\/\*$/,
    actions: /^s3:(GetObject|PutObject|DeleteObject)$/,
    reason: 'One folder of the repository, by one action: names of objects are hashes and times.',
  },
  {
    resource: /^<\w+\.Arn>:\*$/,
    actions: /^lambda:InvokeFunction$/,
    reason: 'Versions and aliases of one function of ours.',
  },
  {
    resource: /:states:.*:execution:/,
    actions: /^states:(DescribeExecution|StopExecution|RedriveExecution)$/,
    reason: 'Executions of this one state machine, which its distributed map starts.',
  },
  {
    resource: /:\*$/,
    actions: /^ecs:RunTask$/,
    reason: 'Revisions of one task definition of ours.',
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

/** Findings of other rules, by resource. */
function reasonFor(resource: CfnResource): { readonly id: string; readonly reason: string } | undefined {
  if (resource instanceof CfnBucket)
    return {
      id: 'AwsSolutions-S1',
      reason:
        'Reads and writes are told by CloudTrail data events where they are wanted; a second bucket of logs would cost more than most repositories.',
    };
  if (resource instanceof CfnQueue)
    return { id: 'AwsSolutions-SQS3', reason: 'It is a dead-letter queue itself, with an alarm on it.' };
  if (resource instanceof CfnTaskDefinition)
    return {
      id: 'AwsSolutions-ECS2',
      reason: 'Variables hold names and settings; secrets are read by ARN when a task runs.',
    };
  return undefined;
}

/** Acknowledges, one by one and with its reason, what cdk-nag finds and is meant. The app was synthesised once before. */
export function acknowledgeMeant(app: App): void {
  for (const construct of app.node.findAll()) {
    if (construct instanceof CfnPolicy) acknowledgeWildcards(construct);
    const known = construct instanceof CfnResource ? reasonFor(construct) : undefined;
    if (known) Validations.of(construct).acknowledge({ ...known, id: `AwsSolutions::${known.id}` });
  }
}

function acknowledgeWildcards(policy: CfnPolicy): void {
  const { Statement = [] } = Stack.of(policy).resolve(policy.policyDocument) as { Statement?: Statement[] };
  for (const { Effect, Action, Resource } of Statement) {
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
