import { Names } from 'aws-cdk-lib';
import { CfnRule } from 'aws-cdk-lib/aws-events';
import { Construct } from 'constructs';

/** Who may open what with a KMS key. */
export interface DecryptRuleProps {
  /** Keys that wrap data keys. */
  readonly keyArns: readonly string[];
  /** Roles that open records as a matter of course. */
  readonly roleArns: readonly string[];
}

/** Default rules do not receive read-only events, and CloudTrail counts Decrypt as one. */
const WITH_READS = 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS';

/**
 * Counts, as the metric `MatchedEvents`, when something other than these roles opens a data key of records.
 * Needs a trail of management events that includes KMS.
 */
export class DecryptRule extends Construct {
  /** Known when the stacks are written, so that its watcher needs nothing of this stack. */
  readonly ruleName: string;

  constructor(scope: Construct, id: string, { keyArns, roleArns }: DecryptRuleProps) {
    super(scope, id);
    this.ruleName = Names.uniqueResourceName(this, { maxLength: 64 });
    new CfnRule(this, 'Resource', {
      name: this.ruleName,
      description: "Holdfast: records were opened by something other than Holdfast's functions",
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
