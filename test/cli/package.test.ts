import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import validateStates from 'asl-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schemaProblems } from '../support/aws/resource-schemas.ts';
import { resolved } from '../support/aws/synthesised.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { newFolder } from '../support/temporary.ts';

const SECRET = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop-AbCdEf';
const NETWORK = ['--vpc', 'vpc-0123456789abcdef0', '--subnets', 'subnet-0123456789abcdef0'];

let tarball: string;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-packed-'));
  tarball = packed(folder);
}, 240_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What is published, as npm makes it. */
function packed(into: string): string {
  const env = { ...process.env, npm_config_loglevel: 'error' };
  execFileSync('npm', ['pack', '--pack-destination', into], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [name = ''] = readdirSync(into).filter((file) => file.endsWith('.tgz'));
  return path.join(into, name);
}

/**
 * As `npm install` lays it out, with the project's own packages in the place of a registry's: those that the package itself says it
 * needs, and no other.
 */
function install(into: string, others: readonly string[] = []): void {
  const modules = path.join(into, 'node_modules');
  const place = path.join(modules, 'holdfast');
  mkdirSync(place, { recursive: true });
  execFileSync('tar', ['xzf', tarball, '-C', place, '--strip-components=1']);
  const { dependencies } = JSON.parse(readFileSync(path.join(place, 'package.json'), 'utf8'));
  for (const name of [...Object.keys(dependencies), ...others]) {
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    symlinkSync(path.resolve('node_modules', name), path.join(modules, name));
  }
}
/** What the app that `deploy init` writes asks for beside it. */
const CDK_APP = ['aws-cdk', 'aws-cdk-lib', 'constructs', 'typescript', '@types/node'];

/** An installed program, run in the folder. */
function run(into: string, program: string, ...args: readonly string[]): string {
  const env = { PATH: process.env['PATH'], HOME: into, CDK_DISABLE_CLI_TELEMETRY: '1', CI: 'true' };
  return execFileSync(process.execPath, [path.join(into, 'node_modules', program), ...args], {
    cwd: into,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
const HOLDFAST = 'holdfast/bin/holdfast.js';
const TSC = 'typescript/bin/tsc';
const CDK = 'aws-cdk/bin/cdk';

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

it('is small: what functions have in common is there once, and no declarations but the public ones', () => {
  expect(statSync(tarball).size).toBeLessThan(4.7e6);
  const listed = execFileSync('tar', ['tzf', tarball], { encoding: 'utf8' }).split('\n');
  expect(listed.filter((name) => name.endsWith('pg_dump.wasm'))).toEqual(['package/dist/pg_dump.wasm']);
  expect(listed).not.toContain('package/dist/types/shared/jobs/rekey.d.ts');
  const licenses = execFileSync('tar', ['xzOf', tarball, 'package/dist/third-party-licenses.txt'], {
    encoding: 'utf8',
  });
  for (const name of ['@electric-sql/pglite-tools', 'pg', 'zod', '@smithy/core', 'preact'])
    expect(licenses).toMatch(new RegExp(`^${name} \\d+\\.`, 'm'));
});

it('works as npm installs it: bundled, with its workers and its types', async () => {
  const folder = await newFolder();
  install(folder);
  const program = path.join(folder, 'node_modules', HOLDFAST);
  const call = (...args: readonly string[]) =>
    execFileSync(process.execPath, [program, ...args, '-r', path.join(folder, 'repository'), '-q'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], BACKUP_ENCRYPTION_KEY: TEST_KEY },
      encoding: 'utf8',
    });
  const rows = Array.from({ length: 20_000 }, (_, i) => `${i}\ta row of the number ${i}\n`).join('');
  await writeFile(path.join(folder, 'rows.txt'), rows);
  await writeFile(
    path.join(folder, 'holdfast.config.ts'),
    `import { defineConfig } from 'holdfast/config';
export default defineConfig({ sources: { rows: { kind: 'files', url: './rows.txt' } } });`,
  );
  call('init');
  call('backup', '--source', 'rows');
  expect(JSON.parse(call('verify', '--json'))).toMatchObject({ records: 20_000, findings: [] });
  call('restore', 'latest', '--to', path.join(folder, 'restored'), '--yes');
  expect(await readFile(path.join(folder, 'restored', 'rows.txt'), 'utf8')).toBe(rows);
  const started = `import { adminRouter, startBackups } from 'holdfast/express';
const backups = await startBackups({ config: { repository: './repository' }, env: process.env });
console.log(typeof adminRouter(backups, { caller: () => undefined }), String(backups.problem()?.code));
await backups[Symbol.asyncDispose]();`;
  await writeFile(path.join(folder, 'application.mjs'), started);
  const application = execFileSync(process.execPath, [path.join(folder, 'application.mjs')], {
    cwd: folder,
    env: { PATH: process.env['PATH'], BACKUP_ENCRYPTION_KEY: TEST_KEY },
    encoding: 'utf8',
  });
  expect(application).toBe('function undefined\n');
}, 60_000);

it('is a library: the example type-checks strictly, backs up, drills and prunes', async () => {
  const folder = await newFolder();
  install(folder, ['typescript', '@types/node']);
  await copyFile('examples/library/nightly.ts', path.join(folder, 'nightly.ts'));
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }');
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: 'nodenext',
    target: 'es2024',
    lib: ['esnext'],
  };
  await writeFile(
    path.join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compilerOptions, types: ['node'] }, files: ['nightly.ts'] }),
  );
  expect(run(folder, TSC, '-p', '.')).toBe('');
  mkdirSync(path.join(folder, 'scratch'));
  await writeFile(path.join(folder, 'rows.txt'), 'one\ntwo\n');
  const said = execFileSync(process.execPath, ['nightly.ts', './backups', './rows.txt', './scratch'], {
    cwd: folder,
    env: { PATH: process.env['PATH'], BACKUP_ENCRYPTION_KEY: TEST_KEY },
    encoding: 'utf8',
  });
  expect(said).toMatch(/2 records.*\ndrill: equal, .*\nprune: 0 backups went, 0 bytes freed\n$/);
}, 60_000);
