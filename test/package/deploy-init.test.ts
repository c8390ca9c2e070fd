import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import validateStates from 'asl-validator';
import { describe, expect } from 'vitest';
import { schemaProblems } from '../support/aws/resource-schemas.ts';
import { resolved } from '../support/aws/synthesised.ts';
import { CDK, HOLDFAST, install, run, TSC } from '../support/package.ts';
import { itInFull as it } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const SECRET = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop-AbCdEf';
const NETWORK = ['--vpc', 'vpc-0123456789abcdef0', '--subnets', 'subnet-0123456789abcdef0'];

/** What the app that `deploy init` writes asks for beside it. */
const CDK_APP = ['aws-cdk', 'aws-cdk-lib', 'constructs', 'typescript', '@types/node'];

/** Every template of an assembly, by the name of its stack. */
function templatesIn(place: string): Readonly<Record<string, Record<string, never>>> {
  const files = readdirSync(place).filter((name) => name.endsWith('.template.json'));
  return Object.fromEntries(
    files.map((name) => [
      name.slice(0, -'.template.json'.length),
      JSON.parse(readFileSync(path.join(place, name), 'utf8')),
    ]),
  );
}

describe('holdfast deploy init, from the packed tarball in an empty folder', { timeout: 240_000 }, () => {
  it('writes an app that type-checks, and synthesises without a network', async () => {
    const place = await newFolder();
    install(place, CDK_APP);
    const text = run(place, HOLDFAST, 'deploy', 'init', '.', '-s', 'shop', '--secret', SECRET, ...NETWORK);
    expect(text).toContain('npm run synth');
    expect(run(place, TSC, '-p', '.')).toBe('');
    run(place, CDK, 'synth', '--quiet', '--no-notices');
    const templates = templatesIn(path.join(place, 'cdk.out'));
    expect(Object.keys(templates)).toEqual(['HoldfastMonitoring', 'HoldfastPipeline', 'HoldfastStorage']);
    for (const template of Object.values(templates)) expect(schemaProblems(template)).toEqual([]);
    expect(JSON.stringify(templates['HoldfastPipeline'])).toContain('subnet-0123456789abcdef0');
    const { dependencies, devDependencies } = JSON.parse(
      readFileSync(path.join(place, 'package.json'), 'utf8'),
    );
    expect(dependencies).toMatchObject({ holdfast: '^0.1.0', 'aws-cdk-lib': expect.stringMatching(/^2\./) });
    expect(Object.values(devDependencies)).not.toContain('latest');
  });

  it('polls the source with --continuous: a function each minute, one that watches its server, and proofs', async () => {
    const place = await newFolder();
    install(place, CDK_APP);
    run(place, HOLDFAST, 'deploy', 'init', '.', '-s', 'shop', '--secret', SECRET, '--continuous', ...NETWORK);
    expect(run(place, TSC, '-p', '.')).toBe('');
    run(place, CDK, 'synth', '--quiet', '--no-notices');
    const templates = templatesIn(path.join(place, 'cdk.out'));
    for (const template of Object.values(templates)) expect(schemaProblems(template)).toEqual([]);
    const pipeline = templates['HoldfastPipeline'] ?? {};
    const jobs = resourcesOf(pipeline, 'AWS::Lambda::Function').map(
      ({ Environment }) => Environment?.Variables['POWERTOOLS_SERVICE_NAME'],
    );
    expect(jobs).toEqual(expect.arrayContaining(['poll', 'poll-watchdog', 'prove']));
    const every = Object.fromEntries(
      resourcesOf(pipeline, 'AWS::Scheduler::Schedule').map(({ Name, ScheduleExpression }) => [
        Name,
        ScheduleExpression,
      ]),
    );
    expect(every).toMatchObject({ 'poll-shop': 'rate(1 minute)', 'poll-watchdog': 'rate(1 minute)' });
    expect(resourcesOf(pipeline, 'AWS::Events::Rule').length).toBeGreaterThanOrEqual(3);
    expect(JSON.stringify(templates['HoldfastMonitoring'])).toContain('the stored changes of shop');
  });

  it('takes all that can be asked for: VPC, two kinds of sources, API, console, tasks, Object Lock, second places', async () => {
    const place = await newFolder();
    install(place, CDK_APP);
    run(
      place,
      HOLDFAST,
      'deploy',
      'init',
      '.',
      '-s',
      'shop',
      '--secret',
      SECRET,
      '--package',
      'file:../h.tgz',
    );
    await writeFile(path.join(place, 'holdfast.config.ts'), EVERYTHING);
    expect(run(place, TSC, '-p', '.')).toBe('');
    // Not type-checked: it takes the project's own reasons from beside the package.
    await writeFile(path.join(place, 'checked.ts'), CHECKED);
    run(place, CDK, 'synth', '--quiet', '--no-notices', '--app', 'node checked.ts');
    const templates = templatesIn(path.join(place, 'cdk.out'));
    expect(Object.keys(templates).toSorted()).toEqual([
      'HoldfastApi',
      'HoldfastMonitoring',
      'HoldfastPipeline',
      'HoldfastStorage',
      'Receiver',
    ]);
    for (const template of Object.values(templates)) expect(schemaProblems(template)).toEqual([]);
    const definitions = definitionsIn(templates['HoldfastPipeline']);
    expect(definitions.flatMap((definition) => Object.keys(definition['States']))).toContain('Copy');
    for (const definition of definitions)
      expect(validateStates(definition)).toMatchObject({ isValid: true, errors: [] });
    const report = JSON.parse(readFileSync(path.join(place, 'cdk.out', 'validation-report.json'), 'utf8'));
    const [nag] = report.pluginReports;
    expect(nag).toMatchObject({ pluginName: 'AwsSolutions', conclusion: 'success', violations: [] });
    expect(nag.suppressedViolations.length).toBeGreaterThan(10);
  });
});

interface Properties {
  readonly Environment?: { readonly Variables: Readonly<Record<string, unknown>> };
  readonly Name?: string;
  readonly ScheduleExpression?: string;
}

/** Properties of all resources of a type. */
function resourcesOf(template: object, type: string): readonly Properties[] {
  const { Resources = {} } = template as {
    readonly Resources?: Readonly<Record<string, { readonly Type: string; readonly Properties: Properties }>>;
  };
  return Object.values(Resources)
    .filter(({ Type }) => Type === type)
    .map(({ Properties: found }) => found);
}

/** State machines of a template, as their language has them. */
function definitionsIn(template: object = {}): Readonly<Record<'States', object>>[] {
  const { Resources = {} } = template as {
    readonly Resources?: Readonly<
      Record<string, { readonly Type: string; readonly Properties: { readonly DefinitionString?: unknown } }>
    >;
  };
  return Object.values(Resources)
    .filter(({ Type }) => Type === 'AWS::StepFunctions::StateMachine')
    .map(({ Properties }) => JSON.parse(String(resolved(Properties.DefinitionString))) as { States: object });
}

/** The template's app and the receiving account's, judged by cdk-nag. */
const CHECKED = `import { BackupReceiverStack, holdfastApp } from 'holdfast/cdk';
import { synthesise } from '${path.resolve('infra/checked-synthesis.ts')}';
import config from './holdfast.config.ts';

const app = holdfastApp({ file: config, fileName: 'holdfast.config.ts', env: process.env });
new BackupReceiverStack(app, 'Receiver', {
  env: { account: '444455556666', region: 'eu-central-1' },
  bucketName: 'shop-backups-elsewhere',
  prefix: 'live',
  copyRoleArns: ['arn:aws:iam::111122223333:role/HoldfastPipeline-copy'],
  listRoleArns: ['arn:aws:iam::111122223333:role/HoldfastPipeline-watchdog'],
});
synthesise(app);
`;

const EVERYTHING = `import { defineConfig } from 'holdfast/config';
const secret = (name: string) => \`arn:aws:secretsmanager:eu-west-1:111122223333:secret:\${name}-AbCdEf\`;
export default defineConfig({
  sources: {
    shop: { kind: 'postgres', secret: secret('shop') },
    orders: { kind: 'postgres', secret: secret('orders') },
    game: { kind: 'firebase-rtdb', url: 'https://game.firebaseio.com' },
  },
  targets: { scratch: { kind: 'postgres', secret: secret('scratch') } },
  drill: { postgres: { secret: secret('drills') } },
  api: {
    auth: {
      kind: 'oidc',
      issuer: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc',
      audience: 'client',
      clientId: 'client',
      rolesClaim: 'cognito:groups',
      roles: { viewer: ['staff'], operator: ['ops'], restorer: ['dba'] },
    },
  },
  copy: {
    elsewhere: { to: 's3://shop-backups-elsewhere/live', region: 'eu-central-1', types: ['daily'], retention: { daily: 90 } },
    near: { to: 's3://shop-backups-near' },
  },
  lock: { mode: 'compliance', mostDays: 120 },
  aws: {
    account: '111122223333',
    region: 'eu-west-1',
    network: { vpcId: 'vpc-0123456789abcdef0', subnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'] },
    storage: { objectLock: { mode: 'compliance', days: 14 } },
    console: { signInOrigins: ['https://shop.auth.eu-west-1.amazoncognito.com'] },
    fargate: { cpu: 2048, memoryMiB: 8192 },
    notifications: { emails: ['ops@example.com'] },
  },
});
`;
