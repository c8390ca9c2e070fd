import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, beforeEach, describe, expect } from 'vitest';
import { failure, runCommand } from '../support/command-line.ts';
import { OTHER_KEY, TEST_KEY } from '../support/repository/engine.ts';
import { seededRows } from '../support/repository/rows.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(3);

const run = promisify(execFile);

let cwd: string;
let env: Record<string, string>;
const holdfast = (line: string, more: Record<string, string> = {}) =>
  runCommand(line, { env: { ...env, ...more }, cwd });
const repository = () => path.join(cwd, 'repository');

/** A repository with one backup of data.txt, made once. */
let template: string;

beforeAll(async () => {
  template = await mkdtemp(path.join(tmpdir(), 'holdfast-test-'));
  const world = {
    env: { HOLDFAST_REPOSITORY: 'repository', BACKUP_ENCRYPTION_KEY: TEST_KEY },
    cwd: template,
  };
  await writeFile(path.join(template, 'data.txt'), seededRows(800, 1).join(''));
  for (const line of ['init', 'backup daily --source data.txt'])
    expect(await runCommand(line, world)).toMatchObject({ status: 0 });
  return () => rm(template, { recursive: true, force: true });
});

beforeEach(async () => {
  cwd = await newFolder();
  await cp(template, cwd, { recursive: true });
  env = { HOLDFAST_REPOSITORY: repository(), BACKUP_ENCRYPTION_KEY: TEST_KEY };
});

/** All files of the repository, by path. */
/** But for the notes of runs, which tell of what failed too. */
async function stored(): Promise<Map<string, string>> {
  const entries = await readdir(repository(), { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => !file.includes('/history/'));
  return new Map(
    await Promise.all(files.map(async (file) => [file, await readFile(file, 'base64')] as const)),
  );
}

describe('a key', () => {
  const COMMANDS = [
    'list',
    'show latest',
    'status',
    'verify latest',
    'restore latest --to ./out',
    'export latest',
    'test',
    'backup --source data.txt',
  ];

  it.each(COMMANDS)('that is another one is told apart from damage: %s', async (command) => {
    const before = await stored();
    expect(await holdfast(command, { BACKUP_ENCRYPTION_KEY: OTHER_KEY })).toMatchObject(
      failure('E_WRONG_KEY', 'this was sealed under key hex:'),
    );
    expect(await stored()).toEqual(before);
  });

  it.each(['show latest', 'verify latest', 'restore latest --to ./out', 'test', 'backup --source data.txt'])(
    'that is missing is asked for, and none is made up: %s',
    async (command) => {
      const before = await stored();
      const result = await holdfast(command, { BACKUP_ENCRYPTION_KEY: '' });
      expect(result).toMatchObject(failure('E_NO_KEY', /key/));
      expect(await stored()).toEqual(before);
    },
  );

  it.each(['ab', `${TEST_KEY}00`, TEST_KEY.slice(1), `${TEST_KEY.slice(1)}g`])(
    'that has the wrong form is not used, and not shown (%#)',
    async (key) => {
      const result = await holdfast('list', { BACKUP_ENCRYPTION_KEY: key });
      expect(result).toMatchObject(failure('E_BAD_KEY', '64 hex digits'));
      if (key.length > 2) expect(result.stderr).not.toContain(key);
      await writeFile(path.join(cwd, 'key'), key, { mode: 0o600 });
      const fromFile = { BACKUP_ENCRYPTION_KEY: '', HOLDFAST_KEY_FILE: 'key' };
      expect(await holdfast('list', fromFile)).toMatchObject(failure('E_BAD_KEY', '64 hex digits'));
    },
  );
});

describe('a repository', () => {
  it.each(['list', 'status', 'verify latest', 'backup --source data.txt', 'test'])(
    'that is not there is not made: %s',
    async (command) => {
      const place = path.join(cwd, 'nowhere');
      expect(await holdfast(`${command} -r ${place}`)).toMatchObject(
        failure('E_NO_REPOSITORY', `there is no repository at ${place}`),
      );
      await expect(readdir(place)).rejects.toThrow('ENOENT');
    },
  );

  it('of another program is left alone', async () => {
    const place = path.join(cwd, 'foreign');
    await mkdir(place);
    await writeFile(path.join(place, 'repository.json'), '{"tool": "another", "version": 3}\n');
    const refused = failure('E_FOREIGN_REPOSITORY', 'was not written by Holdfast');
    expect(await holdfast(`list -r ${place}`)).toMatchObject(refused);
    await rm(path.join(place, 'repository.json'));
    await writeFile(path.join(place, 'config'), 'x');
    expect(await holdfast(`init -r ${place}`)).toMatchObject(
      failure('E_FOREIGN_REPOSITORY', 'such as config'),
    );
    expect(await readdir(place)).toEqual(['config']);
  });

  it('that is there is not made again', async () => {
    const before = await stored();
    expect(await holdfast('init')).toMatchObject(failure('E_REPOSITORY_EXISTS', repository()));
    expect(await stored()).toEqual(before);
  });

  it('of a newer format is not read, with or without the key', async () => {
    const file = path.join(repository(), 'repository.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace(/"version":\d/, '"version":3'));
    for (const key of [TEST_KEY, ''])
      expect(await holdfast('list', { BACKUP_ENCRYPTION_KEY: key })).toMatchObject(
        failure('E_NEWER_FORMAT', 'format version 3; this release reads up to 2'),
      );
  });

  it('that is full takes no backup, and is as it was', async () => {
    const before = await stored();
    await writeFile(path.join(cwd, 'data.txt'), seededRows(80_000, 2).join(''));
    const result = await withSmallFiles(`backup --source ${cwd}/data.txt -q`);
    expect(result).toMatchObject(failure('E_STORE_FULL', 'has no room left'));
    expect(await stored()).toEqual(before);
    expect(await holdfast('verify --all')).toMatchObject({ status: 0 });
    expect(await holdfast('backup --source data.txt')).toMatchObject({ status: 0 });
  });
});

it('a target that is full gets nothing half written', async () => {
  await writeFile(path.join(cwd, 'data.txt'), seededRows(20_000, 2).join(''));
  await holdfast('backup --source data.txt');
  expect(await withSmallFiles(`restore latest:files:${cwd}/data.txt --to ${cwd}/out -q`)).toMatchObject(
    failure('E_TARGET_FULL', 'out/data.txt'),
  );
  expect(await readdir(path.join(cwd, 'out'))).toEqual([]);
});

/** In a process that may write files of 512 KiB at most: to it the disk is full. */
async function withSmallFiles(line: string) {
  const command = `ulimit -f 512; exec "$0" bin/holdfast.js ${line}`;
  const ended = await run('bash', ['-c', command, process.execPath], {
    env: { ...process.env, ...env, NODE_DISABLE_COMPILE_CACHE: '1' },
  }).catch((error: unknown) => error as { code: number; stdout: string; stderr: string });
  return { stdout: ended.stdout, stderr: ended.stderr, status: 'code' in ended ? ended.code : 0 };
}

describe('a KEY', () => {
  it('that fits none, or several, is named with what there is', async () => {
    await holdfast('backup daily --source data.txt');
    expect(await holdfast('show 1999')).toMatchObject(
      failure('E_NO_BACKUP', "no backup's name contains '1999'"),
    );
    expect(await holdfast('show latest --type weekly')).toMatchObject(
      failure('E_NO_BACKUP', "of type 'weekly'"),
    );
    expect(await holdfast('restore backup_daily --to ./out')).toMatchObject(
      failure('E_AMBIGUOUS_KEY', /'backup_daily' fits 2 backups: backup_daily_\d+_\d+, backup_daily_/),
    );
    expect(await holdfast('show')).toMatchObject(failure('E_USAGE', 'KEY is missing'));
  });
});

describe('damage through the command line', () => {
  const KINDS = { repository: /repository\.json$/, manifest: /backups\//, pack: /data\// };
  const HARMS = {
    'has one bit flipped': (bytes: Buffer) => {
      const at = bytes.length >> 1;
      bytes[at] = (bytes[at] ?? 0) ^ 4;
      return bytes;
    },
    'is cut short': (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1),
    'is gone': () => undefined,
  };

  it.each(
    Object.entries(KINDS).flatMap(([kind, pattern]) =>
      Object.entries(HARMS).map(([what, harm]) => ({ kind, what, pattern, harm })),
    ),
  )(
    'where a $kind $what: nothing wrong is restored, and it is said',
    async ({ kind, what, pattern, harm }) => {
      const files = [...(await stored()).keys()].filter((file) => pattern.test(file));
      expect(files.length).toBe(kind === 'pack' ? 2 : 1);
      for (const file of files) {
        const whole = await readFile(file);
        const harmed = harm(Buffer.from(whole));
        if (harmed) await writeFile(file, harmed);
        else await rm(file);
        const verified = await holdfast('verify');
        const restored = await holdfast('restore latest --to ./out');
        const isMissing = what === 'is gone' && kind !== 'pack';
        expect([verified.status, restored.status]).toEqual(isMissing ? [10, 10] : [20, 20]);
        expect(restored.stderr).toMatch(/hint: .+\ncode: E_(DAMAGED|NO_REPOSITORY|NO_BACKUP)\n$/);
        expect(await readdir(path.join(cwd, 'out')).catch(() => [])).toEqual([]);
        await rm(path.join(cwd, 'out'), { recursive: true, force: true });
        await writeFile(file, whole);
      }
      expect(await holdfast('verify')).toMatchObject({ status: 0 });
    },
  );

  it('takes nothing away that a restore was to replace', async () => {
    const pack = [...(await stored()).keys()].filter((file) => file.includes('/data/'));
    await mkdir(path.join(cwd, 'out'));
    await writeFile(path.join(cwd, 'out/data.txt'), 'mine');
    for (const file of pack) {
      const bytes = await readFile(file);
      bytes[100] = (bytes[100] ?? 0) ^ 1;
      await writeFile(file, bytes);
    }
    expect(await holdfast('restore latest --to ./out --replace --yes')).toMatchObject({ status: 20 });
    expect(await readFile(path.join(cwd, 'out/data.txt'), 'utf8')).toBe('mine');
    expect(await readdir(path.join(cwd, 'out'))).toEqual(['data.txt']);
  });

  it('leaves the other backups, and the next one, alone', async () => {
    const manifest = [...(await stored()).keys()].find((file) => file.includes('backups/')) ?? '';
    await writeFile(manifest, 'x');
    expect(await holdfast('list')).toMatchObject({ status: 0, stdout: expect.stringContaining('damaged: ') });
    expect(await holdfast('status')).toMatchObject({ status: 20 });
    expect(await holdfast('backup --source data.txt')).toMatchObject({ status: 0 });
    expect(await holdfast('verify latest')).toMatchObject({ status: 0 });
  });
});
