import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { synthesise } from '../../infra/checked-synthesis.ts';
import { deploymentOf, FULL_CONFIG } from '../support/aws/deployment.ts';
import {
  BUCKET,
  isAllowed,
  type Request,
  resourcePolicies,
  rolePolicies,
} from '../support/aws/policy-simulator.ts';

const REGION = 'eu-west-1:111122223333';
const SECRET = `arn:aws:secretsmanager:${REGION}:secret:slack-AbCdEf`;
const SIGNING = `arn:aws:ssm:${REGION}:parameter/holdfast/signing`;
const KEY = `arn:aws:kms:${REGION}:key/99999999-2222-3333-4444-555555555555`;
const TOPIC = `arn:aws:sns:${REGION}:ops`;
const BUS = `arn:aws:events:${REGION}:event-bus/ops`;
const ONCE = { 's3:if-none-match': '*', 's3:ObjectCreationOperation': 'true' };
const NONE = { Version: '2012-10-17', Statement: [] };
/** What a key of one's own says: the account's policies decide. */
const BY_ACCOUNT = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::111122223333:root' }, Action: 'kms:*', Resource: '*' },
  ],
};

const notifications = {
  channels: [
    { name: 'slack', kind: 'slack', url: SECRET, secretKey: KEY },
    { name: 'hook', kind: 'webhook', url: 'env:HOOK_URL', signingKey: SIGNING },
    { name: 'mail', kind: 'email', topic: TOPIC },
    { name: 'bus', kind: 'eventbridge', bus: BUS },
  ],
} as const;
const told = deploymentOf({ ...FULL_CONFIG, notifications: structuredClone(notifications) as never });
const silent = deploymentOf(FULL_CONFIG);
const resources = resourcePolicies(told.storage);

const watchdog = rolePolicies(told.pipeline, 'watchdog');
const without = rolePolicies(silent.pipeline, 'watchdog');
const notice = `${BUCKET}/live/notices/slack/20261129020000000_alarm_ab-0_delivered.json`;

/** All that telling takes. */
const NEEDED: readonly Request[] = [
  { action: 's3:PutObject', resource: notice, context: ONCE },
  { action: 's3:GetObject', resource: notice },
  { action: 's3:DeleteObject', resource: notice },
  { action: 'secretsmanager:GetSecretValue', resource: SECRET },
  { action: 'ssm:GetParameter', resource: SIGNING },
  {
    action: 'kms:Decrypt',
    resource: KEY,
    context: { 'kms:ViaService': 'secretsmanager.eu-west-1.amazonaws.com' },
  },
  { action: 'sns:Publish', resource: TOPIC },
  { action: 'events:PutEvents', resource: BUS, context: { 'events:source': 'holdfast' } },
];
const REFUSED: readonly Request[] = [
  { action: 's3:PutObject', resource: `${BUCKET}/live/backups/daily/20261129/b.json`, context: ONCE },
  { action: 's3:PutObject', resource: notice, context: { 's3:ObjectCreationOperation': 'true' } },
  { action: 's3:DeleteObject', resource: `${BUCKET}/live/history/backup/20261129/run.json` },
  { action: 'secretsmanager:GetSecretValue', resource: `arn:aws:secretsmanager:${REGION}:secret:other` },
  { action: 'kms:Decrypt', resource: KEY },
  { action: 'sns:Publish', resource: `${TOPIC}-others` },
  { action: 'events:PutEvents', resource: BUS, context: { 'events:source': 'aws.s3' } },
];
const ofResource = ({ action }: Request) =>
  action.startsWith('s3:') ? resources.bucket : action.startsWith('kms:') ? BY_ACCOUNT : NONE;
const may = (policies: typeof watchdog, request: Request) =>
  isAllowed(policies, ofResource(request), request);

/** The variables of a function. */
function variablesOf(template: typeof told.pipeline, job: string): Readonly<Record<string, string>> {
  return Object.values(template.findResources('AWS::Lambda::Function'))
    .map(({ Properties }) => Properties.Environment?.Variables ?? {})
    .find(({ POWERTOOLS_SERVICE_NAME: name }) => name === job);
}

describe('a deployment with channels', () => {
  it.each(NEEDED)('lets the watchdog $action, and no other deployment: $resource', (request) => {
    expect(may(watchdog, request)).toBe(true);
    expect(may(without, request)).toBe(false);
  });

  it.each(REFUSED)('lets the watchdog not $action: $resource $context', (request) => {
    expect(may(watchdog, request)).toBe(false);
  });

  it('tells the watchdog alone whom to tell, and where secrets are, not what', () => {
    expect(JSON.parse(variablesOf(told.pipeline, 'watchdog')['HOLDFAST_NOTIFICATIONS']!)).toEqual(
      notifications,
    );
    for (const job of ['plan', 'prune', 'verify']) {
      const { HOLDFAST_NOTIFICATIONS: told_, HOLDFAST_CONFIG: config = '' } = variablesOf(told.pipeline, job);
      expect([told_, config.includes('notifications')]).toEqual([undefined, false]);
    }
    expect(variablesOf(silent.pipeline, 'watchdog')['HOLDFAST_NOTIFICATIONS']).toBeUndefined();
  });

  it('lets the admin API read what was told and invoke the watchdog, which sends tests, and write nothing', () => {
    const api = rolePolicies(told.api, 'admin-api');
    expect(may(api, { action: 's3:GetObject', resource: notice })).toBe(true);
    expect(may(api, { action: 's3:PutObject', resource: notice, context: ONCE })).toBe(false);
    const invokes = (of: typeof told) => {
      const statements = rolePolicies(of.api, 'admin-api').flatMap(({ Statement }) => Statement) as {
        readonly Sid?: string;
        readonly Resource: string[];
      }[];
      return statements.find(({ Sid }) => Sid === 'Invoke')?.Resource ?? [];
    };
    expect(invokes(told)).toHaveLength(invokes(silent).length + 1);
    expect(JSON.stringify(variablesOf(told.api, 'admin-api')['HOLDFAST_API_FUNCTIONS'])).toContain(
      'watchdog',
    );
    expect(JSON.parse(variablesOf(told.api, 'admin-api')['HOLDFAST_CONFIG']!).notifications).toEqual(
      notifications,
    );
  });

  it('is refused if there is no room for them beside the rest', () => {
    const channels = Array.from({ length: 10 }, (_, i) => ({
      name: `channel-${i}`,
      kind: 'slack' as const,
      url: `arn:aws:secretsmanager:${REGION}:secret:${'x'.repeat(300)}`,
    }));
    expect(() => deploymentOf({ ...FULL_CONFIG, notifications: { channels } })).toThrow(/functions can have/);
  });

  it('leaves cdk-nag nothing that is not acknowledged with its reason', () => {
    const { directory } = synthesise(told.app);
    const report = JSON.parse(readFileSync(path.join(directory, 'validation-report.json'), 'utf8'));
    expect(report.pluginReports[0]).toMatchObject({ conclusion: 'success', violations: [] });
  });
});
