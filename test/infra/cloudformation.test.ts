import validateStates from 'asl-validator';
import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import type { HoldfastConfig } from '../../shared/config/config.ts';
import { deploymentOf, FULL_CONFIG, IAM_CONFIG, SECRETS } from '../support/aws/deployment.ts';
import { schemaProblems } from '../support/aws/resource-schemas.ts';
import { stateMachinesOf } from '../support/aws/synthesised.ts';
import { sample } from '../support/repository/torture.ts';

const secretOf = (name: string) => `arn:aws:secretsmanager:eu-west-1:111122223333:secret:${name}-AbCdEf`;
const SMALL: HoldfastConfig = { sources: { shop: { kind: 'postgres', secret: SECRETS.source } } };
const MANY: HoldfastConfig = {
  sources: Object.fromEntries(
    Array.from({ length: 14 }, (_, i) => [`s${i}`, { kind: 'postgres' as const, secret: secretOf(`s${i}`) }]),
  ),
  drill: { postgres: { secret: SECRETS.drill } },
};

/** By the name of the stack; each is synthesised once. */
function templatesOf(config: HoldfastConfig): Readonly<Record<string, Template>> {
  const made = deploymentOf(config);
  const { storage, pipeline, monitoring } = made;
  return { storage, pipeline, monitoring, ...(config.api ? { api: made.api } : {}) };
}

const full = templatesOf(FULL_CONFIG);
const signed = templatesOf(IAM_CONFIG);
const small = templatesOf(SMALL);
const many = templatesOf(MANY);
const withApi = templatesOf({ ...SMALL, api: IAM_CONFIG.api });
const elsewhere = templatesOf({ ...FULL_CONFIG, aws: { ...FULL_CONFIG.aws, region: 'us-east-1' } });
const deployments = { full, signed, small, many };
const named = Object.entries(deployments).flatMap(([deployment, templates]) =>
  Object.entries(templates).map(([stack, template]) => [`${deployment}, ${stack}`, template] as const),
);

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
}
const resourcesOf = (template: Template) =>
  Object.entries(template.toJSON()['Resources'] as Readonly<Record<string, Resource>>);

describe("CloudFormation's registry", () => {
  it.each(named)('knows every property, and takes every value: %s', (_, template) => {
    expect(schemaProblems(template.toJSON())).toEqual([]);
  });

  it('is asked: what it does not know is named', () => {
    const Resources = {
      Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueNam: 'a' } },
      Function: { Type: 'AWS::Lambda::Function', Properties: { Code: {}, Runtime: 'nodejs24.x' } },
      Group: { Type: 'AWS::Logs::LogGroup', Properties: { RetentionInDays: 'thirty' } },
      Schedule: {
        Type: 'AWS::Scheduler::Schedule',
        Properties: {
          FlexibleTimeWindow: { Mode: 'SOMETIMES' },
          ScheduleExpression: 'rate(1 hour)',
          Target: { Arn: { Ref: 'Queue' } },
        },
      },
      Odd: { Type: 'AWS::SQS::Pile' },
    };
    expect(schemaProblems({ Resources })).toEqual([
      'Queue (AWS::SQS::Queue).QueueNam is unknown',
      'Function (AWS::Lambda::Function) lacks Role',
      'Group (AWS::Logs::LogGroup).RetentionInDays is "thirty"; a integer is due',
      'Schedule (AWS::Scheduler::Schedule).FlexibleTimeWindow.Mode is "SOMETIMES"; allowed are OFF, FLEXIBLE',
      'Schedule (AWS::Scheduler::Schedule).Target lacks RoleArn',
      'Odd: AWS::SQS::Pile is unknown',
    ]);
  });
});

describe('the state machines', () => {
  it.each(sample(Object.entries(deployments), 1))(
    'are right by the rules of their language: %s',
    (_, { pipeline }) => {
      const machines = pipeline ? Object.values(stateMachinesOf(pipeline)) : [];
      expect(machines.length).toBeGreaterThan(0);
      for (const machine of machines)
        expect(validateStates(machine)).toMatchObject({ isValid: true, errors: [] });
    },
  );

  it('are asked: what breaks them is named', () => {
    const States = { A: { Type: 'Task', Resource: 'arn:aws:states:::lambda:invoke', Next: 'Nowhere' } };
    const { isValid, errors } = validateStates({ StartAt: 'A', States });
    expect([isValid, errors[0]?.['Error code']]).toEqual([false, 'MISSING_TRANSITION_TARGET']);
  });
});

/** What CloudFormation needs a name for, and what is unique in an account, whatever the region. */
const GLOBAL_TYPES = /^AWS::CloudFront::/;

function globalNames(templates: Readonly<Record<string, Template>>): string[] {
  return Object.values(templates).flatMap((template) =>
    resourcesOf(template).flatMap(([, { Type, Properties }]) => {
      if (!GLOBAL_TYPES.test(Type)) return [];
      const settings = Object.entries(Properties).find(([name]) => name.endsWith('Config'))?.[1];
      const name = Properties['Name'] ?? (settings as { Name?: unknown } | undefined)?.Name;
      return name === undefined ? [] : [JSON.stringify(name)];
    }),
  );
}

const exportsOf = (template: Template | undefined) =>
  Object.values(template?.findOutputs('*') ?? {}).flatMap(({ Export }) => (Export ? [Export.Name] : []));

describe('a deployment', () => {
  it('can be made again: nothing that is kept has a fixed name, but the bucket that was named', () => {
    const kept = Object.values(full).flatMap((template) =>
      resourcesOf(template).filter(([, { DeletionPolicy = 'Delete' }]) => DeletionPolicy !== 'Delete'),
    );
    // Versions of a function, and revisions of a family, have numbers: more of them are made.
    const numbered = /^AWS::(Lambda::(Version|EventInvokeConfig)|ECS::TaskDefinition)$/;
    const types = kept.map(([, { Type }]) => Type);
    expect(types.filter((type) => !numbered.test(type)).sort()).toEqual(['AWS::KMS::Key', 'AWS::S3::Bucket']);
    for (const [, { Type, Properties }] of kept)
      if (Type.startsWith('AWS::Lambda::'))
        expect(Properties['FunctionName']).toEqual({ Ref: expect.any(String) });
    const groups = Object.values(full['pipeline']?.findResources('AWS::Scheduler::ScheduleGroup') ?? {});
    expect(groups.map((group) => group['DeletionPolicy'])).toEqual(['Delete', 'Delete']);
  });

  it('has names of its own where one account has all regions in one list', () => {
    const [here, there] = [globalNames(full), globalNames(elsewhere)];
    expect(here).toHaveLength(3);
    expect(here.filter((name) => there.includes(name))).toEqual([]);
  });

  it('says a role, a log group, a queue or a function no name: two deployments have none in common', () => {
    const fixed = Object.values(full).flatMap((template) =>
      resourcesOf(template).flatMap(([, { Type, Properties }]) =>
        Object.keys(Properties)
          .filter(
            (key) =>
              !/::(EventInvokeConfig|Permission|Version)$/.test(Type) &&
              /^(Role|Function|LogGroup|Queue|Topic|StateMachine|Alarm|Dashboard|Cluster|Secret)Name$/.test(
                key,
              ),
          )
          .map((key) => `${Type} ${key}`),
      ),
    );
    expect([...new Set(fixed)]).toEqual(['AWS::Logs::LogGroup LogGroupName']);
  });

  it('takes no concurrency from the account, which has 10 when it is new and must keep them', () => {
    const reserved = Object.values(withApi)
      .flatMap((template) => (template ? resourcesOf(template) : []))
      .flatMap(([, { Properties }]) => Properties?.['ReservedConcurrentExecutions'] ?? []);
    expect(reserved).toEqual([]);
  });

  it.each(['storage', 'pipeline'])(
    'can lose API, console, tasks, drills and webhook: the stack %s goes on exporting what their stacks import',
    (stack) => {
      const { api: _, drill: __, aws = {}, ...rest } = FULL_CONFIG;
      const { api: ___, console: ____, fargate: _____, notifications: ______, ...less } = aws;
      const reduced = templatesOf({ ...rest, aws: less });
      expect(exportsOf(reduced[stack])).toEqual(exportsOf(full[stack]));
      expect(exportsOf(full[stack]).length).toBeGreaterThan(0);
    },
  );

  it('logs what AWS delivers below /aws/vendedlogs/, or the policy of logs outgrows its limit', () => {
    for (const [template, count] of [
      [full['pipeline'], 5],
      [full['api'], 1],
    ] as const) {
      const names = Object.values(template?.findResources('AWS::Logs::LogGroup') ?? {})
        .map((group) => JSON.stringify(group['Properties'].LogGroupName ?? ''))
        .filter((name) => name.includes('/aws/vendedlogs/'));
      expect(names).toHaveLength(count);
    }
  });

  it('takes its files along when the stack of the API is deleted', () => {
    const buckets = Object.keys(full['api']?.findResources('AWS::S3::Bucket') ?? {});
    const emptied = Object.values(full['api']?.findResources('Custom::S3AutoDeleteObjects') ?? {});
    expect(emptied.map(({ Properties }) => Properties.BucketName)).toEqual(buckets.map((Ref) => ({ Ref })));
  });

  it('shows no more than 100 alarms in one widget', () => {
    const [dashboard] = Object.values(many['monitoring']?.findResources('AWS::CloudWatch::Dashboard') ?? {});
    const body = JSON.stringify(dashboard?.['Properties'].DashboardBody);
    const widgets = body.split('\\"type\\":\\"alarm\\"').slice(1);
    const counts = widgets.map((text) => text.split('\\"type\\"')[0]?.split('Fn::GetAtt').length ?? 0);
    expect(counts.reduce((sum, count) => sum + count - 1, 0)).toBeGreaterThan(40);
    for (const count of counts) expect(count - 1).toBeLessThanOrEqual(100);
  });
});
