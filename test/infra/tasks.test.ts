import { execFileSync } from 'node:child_process';
import { App, Stack } from 'aws-cdk-lib';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { AssetManifestArtifact } from 'aws-cdk-lib/cx-api';
import { StateMachine } from 'aws-local-stepfunctions';
import { describe, expect, it } from 'vitest';
import { DatabaseBackups } from '../../infra/constructs/database-backups.ts';
import { type HoldfastConfig, resolveConfig } from '../../shared/config/config.ts';
import { deploymentOf, FULL_CONFIG, SECRETS } from '../support/aws/deployment.ts';
import { expectDocumented } from '../support/aws/event-schema.ts';
import { resolved, stateMachineOf, stateMachinesOf } from '../support/aws/synthesised.ts';
import { standInBundles } from '../support/repository/stand-in-bundles.ts';

const { pipeline } = deploymentOf(FULL_CONFIG);
const functionsOf = (template: Template) =>
  Object.values(template.findResources('AWS::Lambda::Function'))
    .map(({ Properties }) => Properties)
    .filter(({ Environment }) => Environment?.Variables.POWERTOOLS_SERVICE_NAME);

describe('tasks on Fargate', () => {
  const resolvedWith = (fargate: NonNullable<HoldfastConfig['aws']>['fargate']) => {
    const file = { ...FULL_CONFIG, aws: { ...FULL_CONFIG.aws, fargate } };
    return resolveConfig({ file, fileName: 'config', env: {}, flags: {} }).aws.fargate;
  };

  it('has the same variables as the functions, and a state to run in and to hold in', () => {
    pipeline.allResourcesProperties('AWS::ECS::TaskDefinition', {
      Cpu: '2048',
      Memory: '8192',
      RuntimePlatform: { CpuArchitecture: 'ARM64' },
      ContainerDefinitions: [
        Match.objectLike({
          ReadonlyRootFilesystem: true,
          Environment: Match.arrayWith([Match.objectLike({ Name: 'HOLDFAST_CONFIG' })]),
        }),
      ],
    });
    const definition = JSON.stringify(stateMachineOf(pipeline));
    expect(definition.match(/states:::ecs:runTask\.waitForTaskToken/g)).toHaveLength(2);
    expect(definition.match(/HOLDFAST_TASK_TOKEN/g)).toHaveLength(2);
  });

  it.each([
    [{ cpu: 512 }, 2048],
    [{ cpu: 4096 }, 16_384],
    [{ cpu: 2048, memoryMiB: 5120 }, 5120],
  ] as const)('has a size that there is: %j', (fargate, memoryMiB) => {
    expect(resolvedWith(fargate)).toMatchObject({ ...fargate, memoryMiB });
  });

  it.each([
    [{ memoryMiB: 16_384 }, '16384; with a cpu of 1024 Fargate allows 2048 to 8192 in steps of 1024'],
    [{ cpu: 4096, memoryMiB: 4096 }, '4096; with a cpu of 4096 Fargate allows 8192 to 30720'],
    [{ cpu: 512, memoryMiB: 1536 }, '1536; with a cpu of 512 Fargate allows 1024 to 4096 in steps of 1024'],
  ] as const)('is refused in a size that there is not: %j', (fargate, message) => {
    expect(() => resolvedWith(fargate)).toThrow(message);
  });

  it.each([
    ['VerifyTaskCommand', 'verify', { since: '8d' }],
    ['RestoreTaskCommand', 'restore', { backup: 'good:shop', to: 'scratch', requestedBy: 'YOU' }],
    ['DrillTaskCommand', 'drill', { source: 'shop', requestedBy: 'YOU' }],
  ])(
    'has a command to copy for %s, which a shell and the AWS command line understand',
    (output, job, event) => {
      const value = String(resolved(pipeline.findOutputs(output)[output]?.['Value']));
      // The shell of who copies it, with an `aws` that says what it was given.
      const script = `aws() { printf '%s\\0' "$@"; }; ${value}`;
      const words = execFileSync('bash', ['-c', script]).toString().split('\0').slice(0, -1);
      const option = (name: string) => words[words.indexOf(`--${name}`) + 1] ?? '';
      expect(words.slice(0, 2)).toEqual(['ecs', 'run-task']);
      expect(option('launch-type')).toBe('FARGATE');
      expect(option('network-configuration')).toBe(
        'awsvpcConfiguration={subnets=[subnet-0123456789abcdef0,subnet-0123456789abcdef1],securityGroups=[sg-0123456789abcdef0],assignPublicIp=DISABLED}',
      );
      const { containerOverrides } = JSON.parse(option('overrides'));
      const [{ name, environment }] = containerOverrides;
      expect(environment).toEqual([{ name: 'HOLDFAST_EVENT', value: JSON.stringify(event) }]);
      const [, task] = /([^:/]+)$/.exec(option('task-definition')) ?? [];
      const definition = pipeline.findResources('AWS::ECS::TaskDefinition')[task ?? '']!;
      const [container] = definition['Properties'].ContainerDefinitions;
      expect(container).toMatchObject({ Name: name, Command: [job] });
    },
  );

  it('runs what restore and drill hand over once, with its event and its run, each by a machine that its function alone may start', () => {
    const machines = Object.entries(stateMachinesOf(pipeline)).filter(([, machine]) =>
      JSON.stringify(machine).includes(':ecs:runTask.sync'),
    );
    expect(machines.map(([id]) => /(restore|drill)task/.exec(id)?.[1])).toEqual(['restore', 'drill']);
    for (const [id, machine] of machines) {
      const state = machine.States[machine.StartAt];
      expect(state).not.toHaveProperty('Retry');
      const [, job = ''] = /(restore|drill)task/.exec(id) ?? [];
      expect(state).toMatchObject({
        Resource: 'arn:aws:states:::ecs:runTask.sync',
        Parameters: {
          Overrides: {
            ContainerOverrides: [
              {
                Command: [job],
                Environment: [
                  { Name: 'HOLDFAST_EVENT', 'Value.$': 'States.JsonToString($.event)' },
                  { Name: 'HOLDFAST_RUN', 'Value.$': '$.run' },
                ],
              },
            ],
          },
        },
      });
      const told = functionsOf(pipeline).filter(({ Environment }) =>
        JSON.stringify(Environment.Variables.HOLDFAST_TASK_MACHINE ?? '').includes(id),
      );
      expect(told.map(({ Environment }) => Environment.Variables.POWERTOOLS_SERVICE_NAME)).toEqual([job]);
      const starting = Object.values(pipeline.findResources('AWS::IAM::Policy')).filter(({ Properties }) =>
        JSON.stringify(Properties.PolicyDocument.Statement).includes(
          `{"Action":"states:StartExecution","Effect":"Allow","Resource":{"Ref":"${id}"}}`,
        ),
      );
      expect(starting.map(({ Properties }) => Properties.Roles[0].Ref)).toEqual([
        expect.stringMatching(new RegExp(`^Pipeline${job}Role`)),
      ]);
    }
  });

  it.each([
    ['restore', 'Restore Finished', { to: 'scratch' }, { target: 'scratch' }],
    ['drill', 'Drill Failed', { source: 'shop' }, { source: 'shop' }],
  ])('tells of a task that died: %s', async (job, type, given, told) => {
    const [, machine] = Object.entries(stateMachinesOf(pipeline)).find(([id]) => id.includes(`${job}task`))!;
    const backup = 'backups/daily/20261126/backup_daily_20261126_020000.json';
    const event = { ...given, backup, requestedBy: 'ana@shop.example' };
    const run = 'ab'.repeat(16);
    const events: { readonly type: string; readonly detail: unknown }[] = [];
    const die = () => {
      throw Object.assign(new Error('{"StoppedReason":"OutOfMemoryError"}'), { name: 'States.TaskFailed' });
    };
    const tell = ({ Entries }: { Entries: readonly { DetailType: string; Detail: unknown }[] }) => {
      events.push(...Entries.map(({ DetailType, Detail }) => ({ type: DetailType, detail: Detail })));
      return { FailedEntryCount: 0 };
    };
    const handlers = Object.fromEntries(
      Object.keys(machine.States).map((name) => [name, name === machine.StartAt ? die : tell]),
    );
    const { result } = new StateMachine(machine, { validationOptions: { noValidate: true } }).run(
      { run, event } as never,
      { overrides: { taskResourceLocalHandlers: handlers as never } },
    );
    await expect(result).rejects.toThrow();
    const error = { code: 'States.TaskFailed', message: 'the task failed, or died; its log says why' };
    expect(events).toMatchObject([{ type, detail: { run, backup, ...told, outcome: 'failed', error } }]);
    expectDocumented(events);
  });

  it('alone need an image to be built, and with it Docker', () => {
    const imagesOf = (config: HoldfastConfig) =>
      deploymentOf(config)
        .app.synth()
        .stacks.flatMap(({ dependencies }) => dependencies)
        .flatMap((one) =>
          AssetManifestArtifact.isAssetManifestArtifact(one) ? [one.contents.dockerImages] : [],
        )
        .flatMap((images) => Object.keys(images ?? {}));
    const { fargate: _, ...without } = FULL_CONFIG.aws ?? {};
    expect(imagesOf({ ...FULL_CONFIG, aws: without })).toEqual([]);
    expect(new Set(imagesOf(FULL_CONFIG)).size).toBe(1);
  });

  it('is refused without a VPC', () => {
    const sources = { shop: { kind: 'postgres' as const, secret: SECRETS.source } };
    const stack = new Stack(new App(), 'Small');
    const make = () =>
      new DatabaseBackups(stack, 'Backups', { sources, fargate: {}, bundles: standInBundles() });
    expect(make).toThrow(/there is no vpc/);
  });
});
