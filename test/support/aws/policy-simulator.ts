import { runUnsafeSimulation } from '@cloud-copilot/iam-simulate';
import type { Template } from 'aws-cdk-lib/assertions';
import { resolved } from './synthesised.ts';

const ACCOUNT = '111122223333';
export const BUCKET = 'arn:aws:s3:::shop-backups';
export const KEY = `arn:aws:kms:eu-west-1:${ACCOUNT}:key/11111111-2222-3333-4444-555555555555`;

interface Policy {
  readonly Version: string;
  readonly Statement: readonly object[];
}

/** What a template's references stand for; one bucket, one key. */
function nameOf(logicalId: string, attribute?: string): string {
  if (/Key/.test(logicalId)) return KEY;
  if (/Bucket/.test(logicalId))
    return attribute === undefined && !/Arn/.test(logicalId) ? 'shop-backups' : BUCKET;
  return `arn:aws:other:eu-west-1:${ACCOUNT}:${logicalId}`;
}

function policyOf(properties: unknown, member: string): Policy {
  return (resolved(properties, nameOf) as Record<string, Policy>)[member]!;
}

/** The policies of the role of one job's function, as synthesised. */
export function rolePolicies(pipeline: Template, job: string): Policy[] {
  const functions = Object.values(pipeline.findResources('AWS::Lambda::Function'));
  const found = functions.find(
    ({ Properties }) => Properties.Environment.Variables.POWERTOOLS_SERVICE_NAME === job,
  );
  return policiesOfRole(pipeline, found!['Properties'].Role['Fn::GetAtt'][0]);
}

/** The policies of a role, by its logical id, as synthesised. */
export function policiesOfRole(template: Template, role: string): Policy[] {
  return Object.values(template.findResources('AWS::IAM::Policy'))
    .filter(({ Properties }) => Properties.Roles.some(({ Ref }: { Ref: string }) => Ref === role))
    .map(({ Properties }) => policyOf(Properties, 'PolicyDocument'));
}

/** The bucket's policy and the key's, as synthesised. */
export function resourcePolicies(storage: Template): { readonly bucket: Policy; readonly key: Policy } {
  const [bucket] = Object.values(storage.findResources('AWS::S3::BucketPolicy'));
  const [key] = Object.values(storage.findResources('AWS::KMS::Key'));
  return {
    bucket: policyOf(bucket!['Properties'], 'PolicyDocument'),
    key: policyOf(key!['Properties'], 'KeyPolicy'),
  };
}

export interface Request {
  readonly action: string;
  readonly resource: string;
  readonly context?: Readonly<Record<string, string>>;
  /** @default - a role of the resource's own account */
  readonly principal?: string;
  /** Of the resource. @default - that of the deployment */
  readonly accountId?: string;
}

/**
 * Whether AWS would allow it to a role.
 *
 * The checked form of the simulator drops `kms:EncryptionContext:…` and `s3:if-none-match`, which its list of condition keys
 * lacks. The form used here does not check, and evaluates them with the same engine.
 */
export function isAllowed(identity: readonly Policy[], resourcePolicy: Policy, request: Request): boolean {
  const { action, resource, context = {}, accountId = ACCOUNT } = request;
  const { principal = `arn:aws:iam::${ACCOUNT}:role/job` } = request;
  const result = runUnsafeSimulation(
    {
      request: {
        principal,
        action,
        resource: { resource, accountId },
        contextVariables: { 'aws:SecureTransport': 'true', 's3:TlsVersion': '1.3', ...context },
      },
      identityPolicies: identity.map((policy, i) => ({ name: `policy-${i}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      // In this shape it has a name, which the engine asks for.
      resourcePolicy: { __validated: true, policyDocument: resourcePolicy, metadata: { name: 'resource' } },
    },
    {},
  );
  return result === 'Allowed';
}
