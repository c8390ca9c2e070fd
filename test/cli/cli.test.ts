import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect } from 'vitest';
import { ERRORS } from '../../shared/core/errors.ts';
import { VERSION } from '../../shared/core/version.ts';
import { type CommandWorld, failure, runCommand } from '../support/command-line.ts';
import { expectDocumented } from '../support/documented-json.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { seededRows } from '../support/repository/rows.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(2);

describe('holdfast', () => {
  let cwd: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    cwd = await newFolder();
    env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
    await writeFile(path.join(cwd, 'data.txt'), seededRows(800, 1).join(''));
  });

  const holdfast = (line: string, given: Partial<CommandWorld> = {}) =>
    runCommand(line, { env, cwd, ...given });
  const source = () => path.join(cwd, 'data.txt');

  it('goes from init to restore, and says what it does', async () => {
    expect(await holdfast('init')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('KEEP THE KEY'),
    });
    const made = await holdfast(`backup daily --source ${source()} --note first`);
    expect(made).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/backup_daily_\d{8}_\d{6} of .*\n {2}800 records/),
    });
    await holdfast(`backup --source ${source()}`);
    expect((await holdfast('list')).stdout).toMatch(/KEY .*\nbackup_manual.*\nbackup_daily.*"first"\n/);
    expect((await holdfast('show latest')).stdout).toContain('data.txt');
    expect((await holdfast('status')).stdout).toMatch(/backups +2\n[\s\S]*Next:/);
    expect(await holdfast('verify --all')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('2 backups: whole (full)'),
    });
    const target = path.join(cwd, 'restored');
    expect((await holdfast(`restore latest --to ${target} --dry-run`)).stdout).toContain('1. write');
    expect(await holdfast(`restore latest --type daily --to ${target}`)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('all equal'),
    });
    expect(await readFile(path.join(target, 'data.txt'), 'utf8')).toBe(await readFile(source(), 'utf8'));
    expect(await holdfast('test')).toMatchObject({ status: 0, stdout: expect.stringContaining('Proved:') });
  });

  it('prints one JSON document with the documented members', async () => {
    const made = await holdfast('init --json');
    const check = expectDocumented;
    check('init', made.json());
    check('backup', (await holdfast(`backup --source ${source()} --json`)).json());
    check('list', (await holdfast('list --json')).json());
    check('show', (await holdfast('show latest --json')).json());
    check('status', (await holdfast('status --json')).json());
    check('verify', (await holdfast('verify latest --json')).json());
    check('restore', (await holdfast(`restore latest --to ${cwd}/out --dry-run --json`)).json());
    check('restore', (await holdfast(`restore latest --to ${cwd}/out --json`)).json());
    check('test', (await holdfast('test --json')).json());
    await writeFile(source(), seededRows(80, 1).join(''));
    const suspect = (await holdfast(`backup --source ${source()} --json`)).json();
    check('backup', suspect);
    check('show', (await holdfast('show latest --json')).json());
    check('accept', (await holdfast(`accept ${suspect.key} --reason archived --json`)).json());
    check('Errors', (await holdfast('show nothing --json')).json());
  });

  it.each([
    ['list', {}, 'E_CONFIG', 'no repository is configured'],
    ['list', { HOLDFAST_REPOSITORY: '/nowhere' }, 'E_NO_REPOSITORY', 'there is no repository at /nowhere'],
    ['list', { HOLDFAST_REPOSITORY: 'gs://bucket' }, 'E_CONFIG', 'is not a place'],
    ['lst', {}, 'E_USAGE', 'Did you mean `holdfast list`?'],
    ['list --jsn', {}, 'E_USAGE', 'Did you mean --json?'],
    ['list daily weekly', {}, 'E_USAGE', 'one argument too many'],
    ['backup --key abc', {}, 'E_USAGE', 'cannot be given as an argument'],
    ['prune --max-share 0', {}, 'E_USAGE', 'allowed are 1 to 100'],
    ['hold latest', {}, 'E_USAGE', '--reason is missing'],
    ['release latest', {}, 'E_USAGE', '--reason is missing'],
    ['verify --quick --full', {}, 'E_USAGE', 'give only one of'],
    ['repair latest --all', {}, 'E_USAGE', 'not both'],
    ['verify --subset 4/3', {}, 'E_USAGE', "'4/3'"],
    ['verify --subset 1/1000000000', {}, 'E_USAGE', 'with T from 1 to 9999 and N from 1 to T'],
    ['verify --subset 0/3', {}, 'E_USAGE', "'0/3'"],
    ['init', { HOLDFAST_REPOSITORY: './x' }, 'E_NO_KEY', '--new-key'],
    ['init', { HOLDFAST_REPOSITORY: './x', BACKUP_ENCRYPTION_KEY: 'abc' }, 'E_BAD_KEY', '64 hex digits'],
    ['init', { HOLDFAST_KEY_FILE: '/no/key', HOLDFAST_REPOSITORY: './x' }, 'E_NO_KEY', '/no/key'],
    [
      'list',
      { BACKUP_ENCRYPTION: 'false', BACKUP_RETENTION_DAYS: 'x', BACKUP_DAILY_TIME: 'noon' },
      'E_CONFIG',
      '3 problems',
    ],
  ])('%s with %o: %s', async (line, given, code, text) => {
    const { status, stderr } = await holdfast(line, { env: given as Record<string, string> });
    expect(status).toBe(ERRORS[code as keyof typeof ERRORS].exitStatus);
    expect(stderr).toContain(code);
    expect(stderr).toContain(text);
  });

  it('reports every mistake of a configuration file together, and shows no secret', async () => {
    const config = {
      repositry: 'x',
      compressionLevel: 99,
      sources: { shop: { kind: 'postgres' }, two: { kind: 'oracle', url: 'x:hunter2@y' } },
    };
    await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(config));
    const { status, stderr } = await holdfast('list');
    expect(status).toBe(2);
    expect(stderr).toContain('repositry is not a setting; did you mean repository?');
    expect(stderr).toContain('compressionLevel');
    expect(stderr).toContain('sources.shop.url');
    expect(stderr).toContain('sources.two.kind');
    expect(stderr).not.toContain('hunter2');
  });

  it.each([
    ['backup --source mongodb://me:secret@host/db', 'mongodb:// is not a kind of database'],
    ['restore latest --to postgress://me:secret@host/db', 'postgress:// is not a kind of database'],
    ['restore latest --to scrach', 'Did you mean scratch?'],
    ['backup --source scrach', 'Did you mean scratch?'],
  ])('takes no mistaken name or URL for a path: %s', async (line, text) => {
    const sources = { scratch: { kind: 'postgres', url: 'postgres://localhost/scratch' } };
    await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify({ sources }));
    await holdfast('init');
    await holdfast(`backup --source ${source()}`);
    const before = await readdir(cwd);
    const { status, stderr } = await holdfast(line);
    expect(status).toBe(2);
    expect(stderr).toContain(text);
    expect(stderr).not.toContain('secret');
    expect(await readdir(cwd)).toEqual(before);
  });

  it('reads a configuration in TypeScript, and takes its only source', async () => {
    const core = path.resolve('shared/config/config.ts');
    await writeFile(
      path.join(cwd, 'holdfast.config.ts'),
      `import { defineConfig } from '${core}';\nexport default defineConfig({ repository: '${cwd}/repository', sources: { lines: { kind: 'files', url: '${source()}' } } });\n`,
    );
    env = { HOLDFAST_KEY_FILE: 'key' };
    // As `npm init` makes it.
    await writeFile(path.join(cwd, 'package.json'), '{"type":"commonjs"}');
    expect(await holdfast('init --new-key key')).toMatchObject({ status: 0 });
    expect(await holdfast('backup')).toMatchObject({ status: 0 });
  });

  it('says what a configuration needs that imports a package which is not beside it', async () => {
    await writeFile(path.join(cwd, 'holdfast.config.ts'), `import { defineConfig } from 'holdfast/config';`);
    // In a process of its own: the test runner finds the package everywhere.
    const program = promisify(execFile)(process.execPath, [path.resolve('bin/holdfast.js'), 'list'], {
      cwd,
      env,
    });
    await expect(program).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('or write holdfast.config.json'),
    });
  });

  it('makes a key file that only its owner can read, and never overwrites one', async () => {
    env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository') };
    expect(await holdfast('init --new-key key')).toMatchObject({ status: 0 });
    expect((await stat(path.join(cwd, 'key'))).mode & 0o777).toBe(0o600);
    const again = await holdfast(`init -r ${cwd}/other --new-key key`);
    expect(again).toMatchObject({ status: 2, stderr: expect.stringContaining('never overwritten') });
    const key = (await readFile(path.join(cwd, 'key'), 'utf8')).trim();
    expect(again.stderr + again.stdout).not.toContain(key);
    env['HOLDFAST_KEY_FILE'] = 'key';
    expect(await holdfast(`backup --source ${source()}`)).toMatchObject({ status: 0 });
    expect(
      await holdfast('list', {
        env: { HOLDFAST_REPOSITORY: `${cwd}/repository`, BACKUP_ENCRYPTION_KEY: TEST_KEY },
      }),
    ).toMatchObject({ status: 12 });
  });

  it('prints no name that steers the terminal', async () => {
    await holdfast('init');
    await writeFile(path.join(cwd, 'red\u001b[31m.txt'), 'x\n');
    await holdfast(`backup --source ${cwd}/red\u001b[31m.txt`);
    for (const line of ['show latest', 'restore latest --to ./out', 'list', 'show red\u001b[31m']) {
      const { stdout, stderr } = await holdfast(line);
      expect(stdout + stderr, line).not.toContain('\u001b');
      expect(stdout + stderr, line).toContain('red\ufffd[31m');
    }
  });

  it('tells damage by its exit status', async () => {
    await holdfast('init');
    await holdfast(`backup --source ${source()}`);
    const { json } = await holdfast('verify --json');
    expect(json().findings).toEqual([]);
    const files = await readdir(path.join(cwd, 'repository/data'), { recursive: true, withFileTypes: true });
    const pack = files.find((file) => file.isFile())!;
    await writeFile(path.join(pack.parentPath, pack.name), 'x');
    const { status, stdout } = await holdfast('verify');
    expect(status).toBe(20);
    expect(stdout).toContain('DAMAGED');
    expect(stdout).toContain(pack.name);
  });

  it('refuses to destroy anything where nobody can be asked', async () => {
    await holdfast('init');
    await holdfast(`backup --source ${source()}`);
    await mkdir(path.join(cwd, 'out'));
    await writeFile(path.join(cwd, 'out/data.txt'), 'mine');
    expect(await holdfast('restore latest --to ./out')).toMatchObject({ status: 11 });
    expect(await holdfast(`restore latest --to ${cwd}/out --replace`)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--yes'),
    });
    expect(await readFile(path.join(cwd, 'out/data.txt'), 'utf8')).toBe('mine');
    expect(await holdfast(`restore latest --to ${cwd}/out --replace --yes`)).toMatchObject({ status: 0 });
  });

  it('stops with 130 and lists nothing', async () => {
    await holdfast('init');
    const stop = new AbortController();
    stop.abort();
    expect(await holdfast(`backup --source ${source()}`, { signal: stop.signal })).toMatchObject({
      status: 130,
    });
    expect((await holdfast('list --json')).json().backups).toEqual([]);
  });

  it.each([
    'init',
    'backup',
    'list',
    'show',
    'status',
    'accept',
    'verify',
    'drill',
    'restore',
    'repair',
    'salvage',
    'export',
    'copy',
    'prune',
    'keys',
    'rekey',
    'hold',
    'release',
    'test',
    'completion',
  ])('helps with %s', async (command) => {
    const { status, stdout } = await holdfast(`${command} --help`);
    expect(status).toBe(0);
    expect(stdout).toContain(`Usage: holdfast ${command}`);
    expect((await holdfast(`help ${command}`)).stdout).toBe(stdout);
  });

  it('takes common options before the command, and says which come after it', async () => {
    await holdfast('init');
    const json = await holdfast('--json -q list');
    expect(JSON.parse(json.stdout)).toEqual({ backups: [] });
    expect((await holdfast(`--repository=${env['HOLDFAST_REPOSITORY']} --json list`)).stdout).toBe(
      json.stdout,
    );
    expect(await holdfast('--json -r ./nowhere list')).toMatchObject({ status: 10, stderr: '' });
    expect(await holdfast('--source shop list')).toMatchObject(
      failure('E_USAGE', '--source must come after the command'),
    );
    expect((await holdfast('--quiet --help')).stdout).toContain('Usage: holdfast');
    expect((await holdfast('-q')).status).toBe(2);
  });

  it.each(['version', '--version', '-V'])('tells its release by %s', async (word) => {
    expect(await holdfast(word)).toMatchObject({ status: 0, stdout: `holdfast ${VERSION}\n` });
    expect(JSON.parse((await holdfast(`${word} --json`)).stdout)).toMatchObject({ version: VERSION });
  });

  it('is silent with --quiet if all went well, and only then', async () => {
    await holdfast('init');
    const silent = { status: 0, stdout: '', stderr: '' };
    for (const line of [
      'backup daily -s ./data.txt',
      'verify latest',
      'hold latest --reason audit',
      'release latest --reason over',
      'restore latest --to ./copy',
      'prune --yes',
    ])
      expect([line, await holdfast(`${line} --quiet`)]).toMatchObject([line, silent]);
    expect((await holdfast('list --quiet')).stdout).toContain('backup_daily_');
    expect((await holdfast('backup daily -s ./data.txt --quiet --json')).stdout).toContain('"key"');
  });

  it('says in one line that Node is too old', async () => {
    const older = 'Object.defineProperty(process.versions, "node", { value: "20.1.0" })';
    const args = ['--import', `data:text/javascript,${older}`, 'bin/holdfast.js', 'list'];
    await expect(promisify(execFile)(process.execPath, args)).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^holdfast needs Node 24 or newer, [^\n]+\n$/),
    });
  });

  it('ends without a sound when the reader of its output has gone', async () => {
    await holdfast('init');
    const command =
      'set -o pipefail; "$0" bin/holdfast.js help restore | true; "$0" bin/holdfast.js list --json | true';
    const { stderr } = await promisify(execFile)('bash', ['-c', command, process.execPath], {
      env: { ...process.env, ...env },
    });
    expect(stderr).toBe('');
  });
});

describe('docs/reference/errors.md', () => {
  it('has every code with its exit status and meaning', async () => {
    const text = await readFile('docs/reference/errors.md', 'utf8');
    for (const [code, { exitStatus, retryable, meaning }] of Object.entries(ERRORS)) {
      expect(text).toContain(`| \`${code}\` | ${exitStatus} | ${retryable ? 'yes' : 'no'} | ${meaning} |`);
    }
  });
});
