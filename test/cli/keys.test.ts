import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { expectDocumented } from '../support/documented-json.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(2);

describe('holdfast rekey and keys', () => {
  let cwd: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    cwd = await newFolder();
    env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
    await writeFile(path.join(cwd, 'data.txt'), 'one\ntwo\n');
    await holdfast('init');
    await holdfast('backup daily --source data.txt');
  });

  const holdfast = (line: string, more: Record<string, string> = {}) =>
    runCommand(line, { env: { ...env, ...more }, cwd });
  const withNewKey = { BACKUP_ENCRYPTION_KEY: '', HOLDFAST_KEY_FILE: 'new.key' };

  it.each(['list', 'status'])('%s says that nothing is proven without the key', async (command) => {
    const said = 'it is not proven that Holdfast wrote these manifests and reports';
    expect((await holdfast(command, { BACKUP_ENCRYPTION_KEY: '' })).stderr).toContain(said);
    expect((await holdfast(command)).stderr).not.toContain(said);
  });

  it('makes a new key, says what to do with it, and restores old backups with it alone', async () => {
    const done = await holdfast('rekey --new-key new.key');
    expect(done).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('Proved: the new key alone opens 1 listed'),
    });
    expect(done.stdout).toContain('Copy ');
    expect((await stat(path.join(cwd, 'new.key'))).mode & 0o777).toBe(0o600);
    const key = (await readFile(path.join(cwd, 'new.key'), 'utf8')).trim();
    for (const secret of [key, TEST_KEY]) expect(done.stdout + done.stderr).not.toContain(secret);
    expect(await holdfast('backup --source data.txt', withNewKey)).toMatchObject({ status: 0 });
    expect(await holdfast('restore latest --type daily --to ./out', withNewKey)).toMatchObject({ status: 0 });
    expect(await readFile(path.join(cwd, 'out/data.txt'), 'utf8')).toBe('one\ntwo\n');
    expect(await holdfast('keys check', withNewKey)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('All open: the configured key opens 2 of 2 backups'),
    });
    const old = await holdfast('keys check');
    expect(old).toMatchObject({ status: 12, stdout: expect.stringContaining('NOT ALL OPEN') });
    expect(old.stdout).toMatch(/locked: backup_manual_\d+_\d+ needs hex:/);
    expect(await holdfast('backup --source data.txt')).toMatchObject({
      status: 12,
      stderr: expect.stringContaining('the newer one wrote this'),
    });
    const again = await holdfast('rekey --new-key new.key', withNewKey);
    expect(again).toMatchObject({ status: 2, stderr: expect.stringContaining('--new-key-file') });
    expect(again.stderr).not.toContain(key);
  });

  it('takes the new key from a file or the environment, and again when it was interrupted', async () => {
    await holdfast(`init -r ${cwd}/other --new-key other.key`, { BACKUP_ENCRYPTION_KEY: '' });
    const key = (await readFile(path.join(cwd, 'other.key'), 'utf8')).trim();
    expect(await holdfast('rekey', { HOLDFAST_NEW_KEY: key })).toMatchObject({ status: 0 });
    const again = await holdfast('rekey --new-key-file other.key');
    expect(again).toMatchObject({ status: 0, stdout: expect.stringContaining('had already been changed') });
    const changes = (await readdir(path.join(cwd, 'repository/keys'))).filter((name) =>
      name.endsWith('.json'),
    );
    expect(changes).toHaveLength(1);
  });

  it.each([
    ['rekey', {}, 2, 'no new key is given'],
    ['rekey --new-key a --new-key-file b', {}, 2, 'give only one of'],
    ['rekey --new-key-file no.key', {}, 12, 'no.key'],
    ['rekey', { HOLDFAST_NEW_KEY: '0'.repeat(64) }, 12, 'not random'],
    ['rekey', { HOLDFAST_NEW_KEY: 'abc' }, 12, '64 hex digits'],
    ['rekey --new-key new.key', { BACKUP_ENCRYPTION_KEY: '' }, 2, 'no key is configured'],
    ['rekey --new-key new.key', { BACKUP_ENCRYPTION_KEY: 'cd'.repeat(32) }, 12, 'E_WRONG_KEY'],
    ['keys check', { BACKUP_ENCRYPTION_KEY: 'cd'.repeat(32) }, 12, 'Configure the key of this repository'],
    ['keys check', { BACKUP_ENCRYPTION_KEY: '' }, 12, 'E_NO_KEY'],
    ['keys chek', {}, 2, "'chek'"],
  ])('%s with %o exits with %i', async (line, more, status, text) => {
    expect(await holdfast(line, more as Record<string, string>)).toMatchObject({
      status,
      stderr: expect.stringContaining(text),
    });
    await expect(readdir(path.join(cwd, 'repository/keys'))).rejects.toThrow();
  });

  it('lists keys without a key, tells damage by its exit status, and prints the documented JSON', async () => {
    const listed = await holdfast('keys', { BACKUP_ENCRYPTION_KEY: '' });
    expect(listed).toMatchObject({ status: 0, stdout: expect.stringMatching(/hex:[0-9a-f]{16} +1 /) });
    const check = expectDocumented;
    check('rekey', (await holdfast('rekey --new-key new.key --json')).json());
    check('keys', (await holdfast('keys --json')).json());
    const checked = (await holdfast('keys check --json', withNewKey)).json();
    check('keys', checked);
    const [day = ''] = await readdir(path.join(cwd, 'repository/backups/daily'));
    const [name = ''] = await readdir(path.join(cwd, 'repository/backups/daily', day));
    const file = path.join(cwd, 'repository/backups/daily', day, name);
    const manifest = await readFile(file);
    await rm(file);
    await writeFile(file, manifest.subarray(0, 50));
    expect(await holdfast('keys check', withNewKey)).toMatchObject({
      status: 20,
      stdout: expect.stringContaining('damaged: backup_daily'),
    });
  });
});
