import { execFile } from 'node:child_process';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect } from 'vitest';
import { FilesSource } from '../../shared/sources/files/source.ts';
import { FolderStore } from '../../shared/store/folder-store.ts';
import { failure, runCommand } from '../support/command-line.ts';
import { never, TEST_KEY } from '../support/repository/engine.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(3);

const run = promisify(execFile);
const LONG = `./${'x'.repeat(5000)}`;
const LONG_NAME = `./${'y'.repeat(256)}`;
const env = { HOLDFAST_REPOSITORY: 'repository', BACKUP_ENCRYPTION_KEY: TEST_KEY };

let cwd: string;
const holdfast = (line: string) => runCommand(line, { env, cwd });

beforeEach(async () => {
  cwd = await newFolder();
  await writeFile(path.join(cwd, 'a.txt'), 'a\n');
  await symlink('loop', path.join(cwd, 'loop'));
  await run('mkfifo', [path.join(cwd, 'pipe')]);
  expect(await holdfast('init')).toMatchObject({ status: 0 });
});

describe('a place that is none', () => {
  it.each([
    ['/dev/null', 'E_SOURCE_UNSUPPORTED', 'neither a file nor a folder'],
    ['./pipe', 'E_SOURCE_UNSUPPORTED', 'neither a file nor a folder'],
    ['./loop', 'E_SOURCE_UNREACHABLE', '(ELOOP)'],
    [LONG, 'E_SOURCE_UNREACHABLE', '(ENAMETOOLONG)'],
    [LONG_NAME, 'E_SOURCE_UNREACHABLE', '(ENAMETOOLONG)'],
  ] as const)('as a source: %s', async (place, code, said) => {
    expect(await holdfast(`backup --source ${place} -q`)).toMatchObject(failure(code, said));
  });

  it('as a target: too long, or where no folder can be', async () => {
    expect(await holdfast('backup --source ./a.txt -q')).toMatchObject({ status: 0 });
    for (const place of [LONG, LONG_NAME, '/proc/x'])
      expect(await holdfast(`restore latest --to ${place} -q`)).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('code: E_USAGE'),
      });
  });

  it('as a repository: too long, or where no folder can be; it ends', async () => {
    for (const place of [LONG, LONG_NAME, '/proc/x'])
      expect(await holdfast(`init -r ${place}`)).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('code: E_CONFIG'),
      });
  });

  it('with a zero byte', async () => {
    await expect(new FilesSource('a\0b').open(never)).rejects.toMatchObject({ code: 'E_SOURCE_UNREACHABLE' });
    await expect(new FolderStore('a\0b').put('a', Buffer.of(1))).rejects.toMatchObject({ code: 'E_CONFIG' });
  });
});

it.each(['list', 'list --json'])('%s says that there is no room for its output', async (line) => {
  const command = `exec "$0" "$1" ${line} >/dev/full`;
  const ended = await run('bash', ['-c', command, process.execPath, path.resolve('bin/holdfast.js')], {
    cwd,
    env: { ...process.env, ...env },
  }).catch((error: unknown) => error);
  expect(ended).toMatchObject({ code: 30, stderr: expect.stringContaining('code: E_TARGET_FULL') });
});

describe('a configured place whose URL is in a variable', () => {
  const configured = { sources: { own: { kind: 'files', url: 'env:PLACE_URL' } } };

  it('is what the variable names when the command runs', async () => {
    await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(configured));
    const world = { env: { ...env, PLACE_URL: './a.txt' }, cwd };
    expect(await runCommand('backup --source own -q', world)).toMatchObject({ status: 0 });
    expect(await runCommand('restore latest --to ./out -q', world)).toMatchObject({ status: 0 });
    expect(await readFile(path.join(cwd, 'out', 'a.txt'), 'utf8')).toBe('a\n');
  });

  it('is named with the variable if that is not set', async () => {
    await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(configured));
    const backup = await runCommand('backup --source own -q', { env, cwd });
    expect(backup).toMatchObject(failure('E_CONFIG', 'the environment variable PLACE_URL'));
    expect(await runCommand('list', { env, cwd })).toMatchObject({ status: 0 });
  });
});
