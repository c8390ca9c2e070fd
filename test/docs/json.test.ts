import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../cli/commands.ts';
import { runCommand } from '../support/command-line.ts';
import { DOCUMENTED, expectDocumented } from '../support/documented-json.ts';
import { differences } from '../support/documented-shapes.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { newFolder } from '../support/temporary.ts';

/** Prints a script for a shell, and no document. */
const WITHOUT_JSON = ['completion'];

/** Every test that runs a command with `--json` holds its output to the page: see `runCommand`. */
describe('the JSON of the command line', () => {
  it('has a shape for every command', () => {
    const wanted = Object.keys(COMMANDS).filter((name) => !WITHOUT_JSON.includes(name));
    expect(wanted.filter((name) => !DOCUMENTED.roots.has(name))).toEqual([]);
  });

  it('has a shape for nothing else', () => {
    const known = new Set([...Object.keys(COMMANDS), 'Common types', 'Errors', 'version']);
    expect([...DOCUMENTED.roots.keys()].filter((title) => !known.has(title))).toEqual([]);
  });

  const accepted = { backups: ['a'], reason: 'archived', report: 'reports/accept/1' };
  it.each([
    [accepted, []],
    [{ ...accepted, more: 1 }, ['Accept.more is not documented']],
    [{ backups: ['a'], reason: 'archived' }, ['Accept.report is missing']],
    [{ ...accepted, backups: [1] }, ['Accept.backups[0] is 1']],
    [{ ...accepted, backups: 'a' }, ['Accept.backups is no list']],
    [[], ['Accept is no object']],
  ])('is compared to the last member: %j', (document, wanted) => {
    expect(differences(DOCUMENTED, 'Accept', document)).toEqual(wanted);
  });

  it('is that of commands which no other test asks for it', async () => {
    const cwd = await newFolder();
    const env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
    const holdfast = async (line: string) => (await runCommand(`${line} --json`, { env, cwd })).json();
    await writeFile(path.join(cwd, 'data.txt'), 'one\ntwo\n');
    await holdfast('init');
    const { key } = await holdfast('backup --source ./data.txt');
    expectDocumented('doctor', await holdfast('doctor --source ./data.txt'));
    expectDocumented(
      'deploy',
      await holdfast(
        'deploy init app --source shop --email ops@example.com --secret arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop-AbCdEf --vpc vpc-0123456789abcdef0 --subnets subnet-0123456789abcdef0',
      ),
    );
    expectDocumented('notifications', await holdfast('notifications list'));
    const manifest = path.join(cwd, 'repository', key);
    await writeFile(manifest, (await readFile(manifest, 'utf8')).replace('"records":2', '"records":3'));
    expectDocumented('quarantine', await holdfast(`quarantine ${key} --reason changed`));
    expect(await readdir(path.join(cwd, 'app'))).toContain('cdk.json');
  });

  it.each([
    ['Export', { key: 'a', format: 'sql', output: 'x', bytes: '1' }, ['Export.bytes is "1"']],
    [
      'VerifyMark',
      { at: 'now', report: 'r', depth: { kind: 'half' }, isWhole: true },
      ['VerifyMark.depth.kind is "half"'],
    ],
    ['Prune', null, ['Prune is no object']],
    ['Show', { key: 'a' }, expect.arrayContaining(['Show.sha256 is missing'])],
  ])('is compared in what it names, extends and chooses from: %s', (name, document, wanted) => {
    expect(differences(DOCUMENTED, name, document)).toEqual(wanted);
  });
});
