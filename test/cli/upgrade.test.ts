import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { failure, runCommand } from '../support/command-line.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { newFolder } from '../support/temporary.ts';

let cwd: string;
let env: Record<string, string>;
beforeEach(async () => {
  cwd = await newFolder();
  env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
  await writeFile(path.join(cwd, 'data.txt'), 'one\ntwo\n');
});

const holdfast = (line: string) => runCommand(line, { env, cwd });

/** Versions of the manifests that are stored, oldest first. */
async function versions(): Promise<unknown[]> {
  const folder = path.join(cwd, 'repository', 'backups');
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.json')).sort();
  return Promise.all(
    files.map(async (file) => JSON.parse(await readFile(path.join(folder, file), 'utf8')).version),
  );
}

it('holdfast upgrade says what it means, asks, and does it once', async () => {
  await holdfast('init --format 1');
  await holdfast('backup daily --source data.txt');
  const refused = await holdfast('upgrade');
  expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining('nobody to ask') });
  expect(refused.stderr).toContain("can't undo this");
  await writeFile(path.join(cwd, 'data.txt'), 'one\ntwo\nthree\n');
  await holdfast('backup daily --source data.txt');
  expect(await versions()).toEqual([1, 1]);
  const done = await holdfast('upgrade --yes');
  expect(done).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('the next backup is written in format 2'),
  });
  expect((await holdfast('upgrade --json')).json()).toMatchObject({ formatVersion: 2, isChanged: false });
  expect((await holdfast('status --json')).json()).toMatchObject({ formatVersion: 2 });
  await writeFile(path.join(cwd, 'data.txt'), 'one\ntwo\nthree\nfour\n');
  expect(await holdfast('backup daily --source data.txt')).toMatchObject({ status: 0 });
  expect(await versions()).toEqual([1, 1, 2]);
  expect(await holdfast('verify --all')).toMatchObject({ status: 0 });
  expect(await holdfast('restore latest --to ./out')).toMatchObject({ status: 0 });
  expect(await readFile(path.join(cwd, 'out', 'data.txt'), 'utf8')).toBe('one\ntwo\nthree\nfour\n');
});

it('holdfast init makes a repository of the format that is asked for', async () => {
  expect(await holdfast('init --format 3')).toMatchObject(
    failure('E_USAGE', "--format is '3'; allowed are 1 and 2"),
  );
  expect(await holdfast('init --format 2')).toMatchObject({ status: 0 });
  await holdfast('backup daily --source data.txt');
  expect(await versions()).toEqual([2]);
  expect((await holdfast('upgrade --json')).json()).toMatchObject({ isChanged: false });
});
