import { Names } from 'aws-cdk-lib';
import { CfnRule } from 'aws-cdk-lib/aws-events';
import { Construct } from 'constructs';

export interface DecryptRuleProps {
  /** Keys that data keys are wrapped under. */
  readonly keyArns: readonly string[];
  /** Roles that open records as a matter of course. */
  readonly roleArns: readonly string[];
}

/** A plain rule is not given what only reads, and CloudTrail counts Decrypt among it. */
const WITH_READS = 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS';

/**
 * Counts, as the metric `MatchedEvents`, when a data key of records is opened by anybody but these roles. Needs a trail of
 * management events that leaves those of KMS in.
 */
export class DecryptRule extends Construct {
  /** Known when the stacks are written, so that whoever watches it needs nothing of this stack. */
  readonly ruleName: string;

  constructor(scope: Construct, id: string, { keyArns, roleArns }: DecryptRuleProps) {
    super(scope, id);
    this.ruleName = Names.uniqueResourceName(this, { maxLength: 64 });
    new CfnRule(this, 'Resource', {
      name: this.ruleName,
      description: 'Holdfast: records were opened by others than the functions that do so',
      state: WITH_READS,
      eventPattern: {
        source: ['aws.kms'],
        'detail-type': ['AWS API Call via CloudTrail'],
        detail: {
          eventSource: ['kms.amazonaws.com'],
          eventName: ['Decrypt'],
          requestParameters: { encryptionContext: { purpose: ['data'] } },
          resources: { ARN: [...keyArns] },
          userIdentity: {
            // A user, or the account's root, has no role that issued a session.
            sessionContext: { sessionIssuer: { arn: [{ exists: false }, ...anythingBut(roleArns)] } },
          },
        },
      },
    });
  }
}

function anythingBut(values: readonly string[]): readonly object[] {
  return [{ 'anything-but': [...values] }];
}
