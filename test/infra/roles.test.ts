import { describe, expect, it } from 'vitest';
import { API_FUNCTION_NAMES, FUNCTION_NAMES, OPTIONAL_FUNCTION_NAMES } from '../../shared/config/aws.ts';
import { SECRETS } from '../support/aws/deployment.ts';
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
  BUNDLE,
  CANCEL,
  EXPIRED,
  FULL,
  HEAD,
  LISTED,
  LOCKED,
  MANIFEST,
  OBJECTS,
  ONCE,
  onKey,
  onObject,
  PACK,
  PURPOSES,
  RELEASE,
  REPORTS,
  RUN,
  reports,
  resources,
  SEGMENT,
  SEGMENTS,
  sorted,
  WRAP,
} from '../support/aws/role-objects.ts';
import { sample } from '../support/repository/torture.ts';

const { pipeline, api } = FULL;
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
