import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { runArguments, runCommand } from '../support/command-line.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turns } from '../support/repository/torture.ts';

const it = turns(2);

const run = promisify(execFile);
const BIN = path.resolve('bin/holdfast.js');

describe('completion', () => {
  let cwd: string;
  let env: Record<string, string>;
  let key: string;

  beforeAll(async () => {
    cwd = await mkdtemp(path.join(tmpdir(), 'holdfast-completion-'));
    env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
    await writeFile(path.join(cwd, 'shop.txt'), 'of shop\n');
    await writeFile(
      path.join(cwd, 'holdfast.config.json'),
      JSON.stringify({
        sources: { shop: { kind: 'files', url: 'shop.txt' } },
        targets: { scratch: { kind: 'files', url: 'scratch' } },
        retention: { daily: 7, hourly: 2 },
      }),
    );
    await runCommand('init', { env, cwd });
    const { stdout } = await runCommand('backup daily --json', { env, cwd });
    key = path.basename(JSON.parse(stdout).key, '.json').replace('backup_', '');
  });

  afterAll(() => rm(cwd, { recursive: true, force: true }));

  const suggestions = async (line: string) => {
    const { stdout, stderr, status } = await runArguments(['__complete', '--', ...line.split(' ')], {
      env,
      cwd,
    });
    expect([status, stderr]).toEqual([0, '']);
    return Object.fromEntries(
      stdout
        .split('\n')
        .filter(Boolean)
        .map((row) => row.split('\t')),
    );
  };

  it.each([
    ['re', { restore: expect.stringContaining('restore a backup'), rekey: expect.anything() }],
    ['--js', { '--json': expect.stringContaining('one JSON document') }],
    ['--json st', { status: expect.anything() }],
    ['-r ./x li', { list: expect.anything() }],
    ['help ver', { version: expect.anything(), verify: expect.anything() }],
    ['restore --no-o', { '--no-owner': expect.stringMatching(/\w/) }],
    ['backup ', { daily: expect.anything(), hourly: expect.anything() }],
    ['backup daily --source ', { shop: 'files' }],
    ['restore --to ', { scratch: 'files' }],
    ['show latest --type ', { daily: expect.anything() }],
    ['show l', { latest: 'the newest backup', 'latest:shop': 'of shop' }],
    ['show latest : sh', { 'latest:shop': 'of shop' }],
    ['export latest --format ', { sql: '', csv: '', json: '', ndjson: '' }],
    ['rows latest --format ', { table: '', csv: '', ndjson: '' }],
    ['query latest -f ', { parquet: '', json: '' }],
    ['restore --on-conflict ', { fail: '', skip: '', replace: '' }],
    ['restore --at ', { latest: '' }],
    ['rows ', { latest: 'the newest backup' }],
    [
      'diff ',
      { live: 'the database as it is now', 'live:shop': 'shop as it is now', latest: expect.anything() },
    ],
    ['bisect ', { shop: 'files' }],
    ['pitr ', { setup: expect.anything(), prove: expect.anything(), resume: expect.stringMatching(/\w/) }],
    ['pitr -s shop prove ', { latest: 'the newest backup' }],
    ['mask su', { suggest: expect.stringMatching(/\w/) }],
    ['mask check --database ', { shop: 'files', scratch: 'files' }],
    ['completion ', { bash: '', zsh: '', fish: '' }],
    ['keys ', { check: '' }],
  ] as const)('suggests for: %s', async (line, wanted) => {
    expect(await suggestions(line)).toMatchObject(wanted);
  });

  it('suggests keys with their age, and the datasets of the one that was typed', async () => {
    expect(await suggestions('show d')).toEqual({ [key]: 'just now' });
    expect(await suggestions(`restore ${key} --dataset `)).toEqual({ 'shop.txt': '1 record, 8 B' });
    expect(await suggestions('restore --dataset ')).toEqual({ 'shop.txt': '1 record, 8 B' });
  });

  it('suggests no backup after an action that takes none', async () => {
    expect(await suggestions('pitr status ')).toEqual({});
    expect(await suggestions('mask report ')).toEqual({});
  });

  it('suggests nothing, and says nothing, where nothing can be had', async () => {
    expect(await suggestions('show --repository ./none ')).toEqual({});
    expect(await suggestions('nonsense --x ')).toEqual({});
  });

  /** Each shell as it is: its own program, its own way to ask for completions. */
  const inShell: Readonly<Record<string, (line: string) => Promise<string>>> = {
    bash: async (line) => {
      const words = line.split(/ |(?=:)|(?<=:)/).map((word) => `'${word}'`);
      const script = `holdfast() { node ${BIN} "$@"; }; source <(holdfast completion bash)
        COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _holdfast; printf '%s\n' "\${COMPREPLY[@]}"`;
      return (await run('bash', ['-c', script], { cwd, env: { ...process.env, ...env } })).stdout;
    },
    fish: async (line) => {
      const script = `function holdfast; node ${BIN} $argv; end; holdfast completion fish | source; complete -C '${line}'`;
      return (await run('fish', ['--no-config', '-c', script], { cwd, env: { ...process.env, ...env } }))
        .stdout;
    },
    zsh: async (line) => {
      // What _describe is given is what is shown: a terminal would be needed for the rest.
      const script = `holdfast() { node ${BIN} "$@"; }; compdef() { :; }; _describe() { print -rl -- "\${(@P)3}"; }; _files() { :; }
        eval "$(holdfast completion zsh)"; words=(\${(s: :)1}); [[ $1 = *' ' ]] && words+=(''); CURRENT=\${#words}; _holdfast`;
      return (await run('zsh', ['-fc', script, 'zsh', line], { cwd, env: { ...process.env, ...env } }))
        .stdout;
    },
  };

  describe.each(Object.entries(inShell))('in %s', (shell, ask) => {
    const isThere = ['/bin', '/usr/bin'].some((folder) => existsSync(path.join(folder, shell)));
    it.skipIf(!isThere)('completes commands, options and what there is', async () => {
      expect(await ask('holdfast res')).toMatch(
        shell === 'bash' ? /^restore$/m : /^restore[\t:]restore a backup/m,
      );
      expect(await ask('holdfast restore --to ')).toMatch(/^scratch/m);
      expect(await ask('holdfast show latest:s')).toMatch(
        shell === 'bash' ? /^shop$/m : /^latest\\?:shop[\t:]of shop/m,
      );
    });
  });
});
