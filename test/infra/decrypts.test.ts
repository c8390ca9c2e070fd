import { describe, expect, it } from 'vitest';
import { deploymentOf, FULL_CONFIG, SECRETS } from '../support/aws/deployment.ts';
import { matchesEvent } from '../support/aws/event-rules.ts';
import { resolved } from '../support/aws/synthesised.ts';

const { pipeline, monitoring } = deploymentOf(FULL_CONFIG);
const rules = Object.values(pipeline.findResources('AWS::Events::Rule')).map(({ Properties }) => Properties);
const [rule] = rules.filter(({ EventPattern }) => EventPattern.source?.includes('aws.kms'));
const pattern = resolved(rule?.EventPattern) as object;

/** The role of a function, or a task, as the template names it and as the rule must. */
function roleOf(job: string): string {
  const functions = Object.values(pipeline.findResources('AWS::Lambda::Function'));
  const found = functions.find(
    ({ Properties }) => Properties.Environment.Variables.POWERTOOLS_SERVICE_NAME === job,
  );
  return String(resolved(found?.['Properties'].Role));
}

function taskRoles(): string[] {
  return Object.values(pipeline.findResources('AWS::ECS::TaskDefinition'))
    .filter(({ Properties }) => Properties.ContainerDefinitions[0].Command[0] !== 'hold')
    .map(({ Properties }) => String(resolved(Properties.TaskRoleArn)));
}

const KEY = String(resolved(rule?.EventPattern.detail.resources.ARN[0]));
/** A record of CloudTrail, in the form that AWS's developer guide of KMS shows. */
const decrypt = (by: object, { purpose = 'data', key = KEY, eventName = 'Decrypt' } = {}) => ({
  source: 'aws.kms',
  'detail-type': 'AWS API Call via CloudTrail',
  detail: {
    eventVersion: '1.11',
    userIdentity: by,
    eventSource: 'kms.amazonaws.com',
    eventName,
    requestParameters: {
      encryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      encryptionContext: { repository: 'a'.repeat(32), run: 'b'.repeat(32), purpose, source: 'shop' },
    },
    responseElements: null,
    readOnly: true,
    resources: [{ accountId: '111122223333', type: 'AWS::KMS::Key', ARN: key }],
    managementEvent: true,
  },
});
const session = (arn: string) => ({
  type: 'AssumedRole',
  sessionContext: { sessionIssuer: { type: 'Role', arn } },
});
const USER = { type: 'IAMUser', arn: 'arn:aws:iam::111122223333:user/Alice' };
const tells = (event: object) => matchesEvent(pattern, event);

describe('who opens records is told', () => {
  it('unless it is a role that does so as a matter of course', () => {
    const jobs = ['restore', 'drill', 'export', 'verify', 'look', 'put-back', 'backup-partition', 'prove'];
    const openers = jobs.map(roleOf);
    expect(taskRoles()).toHaveLength(4);
    for (const role of [...openers, ...taskRoles(), 'arn:aws:iam::111122223333:role/dba'])
      expect(tells(decrypt(session(role))), role).toBe(false);
    for (const role of [
      ...['plan', 'commit', 'prune', 'watchdog'].map(roleOf),
      'arn:aws:iam::111122223333:role/x',
    ])
      expect(tells(decrypt(session(role))), role).toBe(true);
    expect(tells(decrypt(USER))).toBe(true);
    expect(tells(decrypt({ type: 'Root' }))).toBe(true);
  });

  it('and nothing else is: other purposes, keys and calls', () => {
    for (const other of [{ purpose: 'manifest' }, { key: `${KEY}x` }, { eventName: 'GenerateDataKey' }])
      expect(tells(decrypt(USER, other))).toBe(false);
  });

  it('by a rule that is given what only reads, and an alarm on it that needs nothing of its stack', () => {
    expect(rule).toMatchObject({
      State: 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS',
      Name: expect.any(String),
    });
    expect(JSON.stringify(rule?.EventPattern).length).toBeLessThan(2048);
    const alarms = Object.values(monitoring.findResources('AWS::CloudWatch::Alarm')).map(
      ({ Properties }) => Properties,
    );
    const [alarm] = alarms.filter(({ AlarmDescription }) =>
      /key of backed-up records/.test(AlarmDescription),
    );
    expect(alarm).toMatchObject({
      MetricName: 'MatchedEvents',
      Dimensions: [{ Name: 'RuleName', Value: rule?.Name }],
      Threshold: 0,
    });
  });

  it('where it is asked for alone', () => {
    const plain = deploymentOf({ sources: { shop: { kind: 'postgres', secret: SECRETS.source } } });
    expect(Object.keys(plain.pipeline.findResources('AWS::Events::Rule'))).toEqual([]);
  });
});

it('FIPS endpoints are for every function and every task, or for none', () => {
  const made = deploymentOf(FULL_CONFIG);
  const environments = [made.pipeline, made.api].flatMap((template) => [
    ...Object.values(template.findResources('AWS::Lambda::Function')).flatMap(({ Properties }) =>
      Properties.Environment?.Variables.POWERTOOLS_SERVICE_NAME ? [Properties.Environment.Variables] : [],
    ),
    ...Object.values(template.findResources('AWS::ECS::TaskDefinition')).map(({ Properties }) =>
      Object.fromEntries(
        Properties.ContainerDefinitions[0].Environment.map(({ Name, Value }: Record<string, unknown>) => [
          Name,
          Value,
        ]),
      ),
    ),
  ]);
  expect(environments.length).toBeGreaterThan(15);
  for (const variables of environments) expect(variables).toMatchObject({ AWS_USE_FIPS_ENDPOINT: 'true' });
  const plain = deploymentOf({ sources: { shop: { kind: 'postgres', secret: SECRETS.source } } });
  expect(JSON.stringify(plain.pipeline.toJSON())).not.toContain('FIPS');
});
