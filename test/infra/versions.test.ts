import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { type IVpc, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import { afterAll, describe, expect, it } from 'vitest';
import { BackupPipeline } from '../../infra/constructs/backup-pipeline.ts';
import { BackupStorage } from '../../infra/constructs/backup-storage.ts';
import { FULL_CONFIG } from '../support/aws/deployment.ts';
import { standInBundles } from '../support/repository/stand-in-bundles.ts';

interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: properties of templates
  readonly Properties: any;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}
type Resources = Readonly<Record<string, Resource>>;

const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-versions-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Bundles whose every function has other code. */
function bundlesWith(code: string): string {
  const bundles = path.join(folder, code);
  cpSync(standInBundles(), bundles, { recursive: true });
  for (const job of JOBS) writeFileSync(path.join(bundles, job, 'index.mjs'), `// ${code}\n`);
  return bundles;
}

/** What a failed deployment made goes with it. */
const KEPT = { DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' };
const JOBS = ['plan', 'hold', 'backup-partition', 'commit', 'verify', 'lock', 'copy'];

/** Everything in one stack, as it is deployed with that code. */
function deployed(bundles: string, { bucketName = 'shop-backups', holder = false } = {}): Resources {
  const stack = new Stack(new App(), 'Shop', { env: { account: '111122223333', region: 'eu-west-1' } });
  const vpc = new Vpc(stack, 'Vpc', {
    subnetConfiguration: [{ name: 'a', subnetType: SubnetType.PRIVATE_ISOLATED }],
  });
  new BackupPipeline(stack, 'Pipeline', {
    storage: new BackupStorage(stack, 'Storage', { bucketName }),
    config: {
      ...FULL_CONFIG,
      lock: { mode: 'governance' },
      aws: { ...FULL_CONFIG.aws, fargate: { ...FULL_CONFIG.aws?.fargate, holder } },
    },
    vpc: vpc as IVpc,
    bundles,
  });
  return Template.fromStack(stack).toJSON()['Resources'];
}

const before = deployed(bundlesWith('before'));
const after = deployed(bundlesWith('after'));
const ofType = (resources: Resources, type: string) =>
  Object.entries(resources).filter(([, { Type }]) => Type === type);

/** Names of what definitions invoke, by the template alone: what stands for a Lambda function's or a version's ARN. */
function invoked(resources: Resources): string[] {
  const kinds = ['AWS::Lambda::Function', 'AWS::Lambda::Version'];
  return referred(resources).filter((id) => kinds.includes(resources[id]?.Type ?? ''));
}

function referred(resources: Resources): string[] {
  const definitions = ofType(resources, 'AWS::StepFunctions::StateMachine').map(
    ([, { Properties }]) => Properties.DefinitionString['Fn::Join'][1] as unknown[],
  );
  const ids = definitions.flat().flatMap((part) => {
    if (typeof part !== 'object' || part === null) return [];
    const { Ref, 'Fn::GetAtt': attribute } = part as Record<string, string | [string]>;
    return [String(Ref ?? attribute?.[0])];
  });
  return [...new Set(ids)];
}

describe('a deployment while an execution runs', () => {
  it('changes no code that the execution calls: all definitions name versions, of other names when the code is another', () => {
    for (const resources of [before, after]) {
      const types = new Set(invoked(resources).map((id) => resources[id]?.Type));
      expect(types).toEqual(new Set(['AWS::Lambda::Version']));
      expect(invoked(resources)).toHaveLength(JOBS.length);
    }
    expect(invoked(before).filter((id) => invoked(after).includes(id))).toEqual([]);
  });

  it('keeps the versions that it replaces, and what says that Lambda repeats none of their calls', () => {
    for (const id of invoked(before)) {
      expect(before[id]).toMatchObject(KEPT);
      const asked = ofType(before, 'AWS::Lambda::EventInvokeConfig').filter(([, { Properties }]) =>
        JSON.stringify(Properties.Qualifier).includes(id),
      );
      expect(asked).toHaveLength(1);
      expect(asked[0]?.[1]).toMatchObject({ ...KEPT, Properties: { MaximumRetryAttempts: 0 } });
    }
    const held = ofType(before, 'AWS::Lambda::EventInvokeConfig').filter(
      ([id, { Properties }]) => /hold/.test(id) && Properties.Qualifier !== '$LATEST',
    );
    expect(held[0]?.[1].Properties).toMatchObject({ MaximumEventAgeInSeconds: 300 });
  });

  it('leaves the state machine the right to invoke them', () => {
    const allowed = JSON.stringify(
      ofType(after, 'AWS::IAM::Policy').flatMap(([, { Properties }]) =>
        Properties.PolicyDocument.Statement.filter(
          ({ Action }: { Action: string }) => Action === 'lambda:InvokeFunction',
        ).map(({ Resource }: { Resource: unknown }) => Resource),
      ),
    );
    for (const id of invoked(before)) {
      const name = before[id]?.Properties.FunctionName.Ref;
      expect(after).toHaveProperty(name);
      expect(allowed).toContain(
        JSON.stringify({ 'Fn::Join': ['', [{ 'Fn::GetAtt': [name, 'Arn'] }, ':*']] }),
      );
    }
  });

  it('publishes nothing where neither code nor settings change: Lambda would refuse it', () => {
    expect(invoked(deployed(bundlesWith('before')))).toEqual(invoked(before));
  });

  it('publishes versions when they write to another bucket, whose name their settings have by reference alone', () => {
    const moved = invoked(deployed(bundlesWith('before'), { bucketName: 'other-backups' }));
    expect(moved.filter((id) => invoked(before).includes(id))).toEqual([]);
  });
});

describe('tasks of an execution that runs', () => {
  const resources = deployed(bundlesWith('before'), { holder: true });

  it('are of the revision that was deployed with it, which stays when it is replaced', () => {
    const revisions = referred(resources).filter((id) => resources[id]?.Type === 'AWS::ECS::TaskDefinition');
    expect(revisions).toHaveLength(4);
    for (const [, made] of ofType(resources, 'AWS::ECS::TaskDefinition')) expect(made).toMatchObject(KEPT);
    const runTask = ofType(resources, 'AWS::StepFunctions::StateMachine').flatMap(([, { Properties }]) =>
      [...JSON.stringify(Properties.DefinitionString).matchAll(/TaskDefinition\\*":\\*"([^"\\]*)/g)].map(
        ([, value]) => value,
      ),
    );
    // No family by name: that is its newest revision.
    expect(new Set(runTask)).toEqual(new Set(['']));
  });

  it('may be run of any revision', () => {
    const statements = ofType(resources, 'AWS::IAM::Policy').flatMap(
      ([, { Properties }]) => Properties.PolicyDocument.Statement as { Action: unknown; Resource: unknown }[],
    );
    const runs = statements.filter(({ Action }) => Action === 'ecs:RunTask');
    expect(runs).toHaveLength(4);
    for (const { Resource } of runs) expect(JSON.stringify(Resource)).toMatch(/:\*"[\]}]+$/);
  });
});
