import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect } from 'vitest';
import { failure, runArguments, runCommand } from '../support/command-line.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { sample, turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(3);

/** A repository with two backups of `shop`, the older one daily, then one of `shop2`. */
let cwd: string;
let env: Record<string, string>;
const holdfast = (line: string, given: Record<string, string> = {}) =>
  runCommand(line, { env: { ...env, ...given }, cwd });
const configure = (config: object) =>
  writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(config));
const SOURCES = { shop: { kind: 'files', url: 'shop.txt' }, shop2: { kind: 'files', url: 'shop2.txt' } };
const TARGETS = { scratch: { kind: 'files', url: 'scratch' } };

beforeEach(async () => {
  cwd = await newFolder();
  env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
  await writeFile(path.join(cwd, 'shop.txt'), 'of shop\n');
  await writeFile(path.join(cwd, 'shop2.txt'), 'of shop2\n');
  await configure({ sources: SOURCES, targets: TARGETS });
  await holdfast('init');
});

describe('what is empty', () => {
  it.each(
    sample(
      [
        ['backup', '--source', ''],
        ['backup', '--source='],
        ['backup', ''],
        ['list', '-r', ''],
        ['list', '--config', ''],
        ['init', '--new-key', ''],
        ['restore', 'latest', '--to', ''],
        ['restore', '', '--to', './out'],
        ['restore', 'latest:', '--to', './out'],
        ['restore', 'latest', '--to', './out', '--dataset', ''],
        ['salvage', 'latest', '--to', ''],
        ['export', 'latest', '-o', ''],
        ['drill', '--server', ''],
        ['serve', '--source', ''],
        ['test', '-r', ''],
      ],
      5,
    ),
  )('picks nothing: %s %s %s', async (...argv) => {
    await holdfast('backup --source shop');
    const before = await readdir(cwd);
    expect(await runArguments(argv, { env, cwd })).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/is empty|names no source/),
    });
    expect(await readdir(cwd)).toEqual(before);
  });

  it.each(
    sample(
      [
        'HOLDFAST_REPOSITORY',
        'BACKUP_S3_BUCKET',
        'HOLDFAST_SOURCE',
        'FIREBASE_DATABASE_URL',
        'HOLDFAST_KEY_FILE',
      ],
      2,
    ),
  )('in the environment picks nothing either: %s', async (name) => {
    await configure({ repository: 'repository', sources: { shop: SOURCES.shop } });
    expect(await holdfast('backup', { [name]: '' })).toMatchObject(failure('E_CONFIG', `${name} is empty`));
  });

  it('may be a note', async () => {
    const argv = ['backup', '--source', 'shop', '--note', ''];
    expect(await runArguments(argv, { env, cwd })).toMatchObject({ status: 0 });
  });
});

describe('a name that is not configured', () => {
  it.each(
    sample(
      [
        ['restore latest --to scrach', 'Did you mean scratch?'],
        ['restore latest --to warehouse', 'Configured are shop, shop2, scratch.'],
        ['salvage latest --to scrach', 'Did you mean scratch?'],
        ['backup --source shpo', 'Did you mean shop?'],
        ['drill --server scrach', 'Did you mean scratch?'],
        ['serve --source shpo', 'Did you mean shop?'],
      ],
      2,
    ),
  )('is taken for no path: %s', async (line, hint) => {
    await holdfast('backup --source shop');
    const before = await readdir(cwd);
    const { status, stderr } = await holdfast(line);
    expect({ status, stderr }).toMatchObject({ status: 2, stderr: expect.stringContaining(hint) });
    expect(await readdir(cwd)).toEqual(before);
  });

  it('is taken for no path though there is such a folder; ./NAME and files:NAME are paths', async () => {
    await holdfast('backup --source shop');
    await mkdir(path.join(cwd, 'out'));
    expect(await holdfast('restore latest --to out')).toMatchObject({ status: 2 });
    expect(await readdir(path.join(cwd, 'out'))).toEqual([]);
    for (const to of ['./out', 'files:out2'])
      expect(await holdfast(`restore latest --to ${to}`)).toMatchObject({ status: 0 });
    expect(await readdir(path.join(cwd, 'out2'))).toEqual(['shop.txt']);
  });
});

it('plain data is for its owner alone, and called so in plan and result', async () => {
  await holdfast('backup --source shop');
  const plan = await holdfast('restore latest --to ./a/b --dry-run');
  expect(plan.stdout).toMatch(/as plain data[\s\S]*The files are plain data, not encrypted/);
  const done = await holdfast('restore latest --to ./a/b');
  expect(done.stdout).toContain('The files are plain data, not encrypted');
  const exported = await holdfast('restore latest --to ./a/c --json');
  expect(exported.json()).toMatchObject({ isPlain: true });
  const modeOf = async (file: string) => (await stat(path.join(cwd, file))).mode & 0o777;
  expect(await Promise.all(['a', 'a/b', 'a/b/shop.txt'].map(modeOf))).toEqual([0o700, 0o700, 0o600]);
});

describe('latest and good', () => {
  beforeEach(async () => {
    await holdfast('backup daily --source shop');
    await writeFile(path.join(cwd, 'shop.txt'), 'of shop, later\n');
    await holdfast('backup --source shop');
    await holdfast('backup --source shop2');
  });

  /** What a KEY gives back. */
  const restored = async (words: string) => {
    const name = `./out-${Math.random()}`;
    const { status, stderr } = await holdfast(`restore ${words} --to ${name}`);
    if (status !== 0) return stderr;
    const [file = ''] = await readdir(path.join(cwd, name));
    return readFile(path.join(cwd, name, file), 'utf8');
  };

  it.each(
    sample(
      [
        'restore latest --to ./out',
        'show latest',
        'verify',
        'export latest',
        'hold latest --reason x',
        'drill',
      ],
      2,
    ),
  )('do not cross sources: %s', async (line) => {
    await configure({ sources: SOURCES, drill: { files: { url: '.' } } });
    const ambiguous = failure('E_AMBIGUOUS_KEY', 'the backups are of several sources');
    expect(await holdfast(line)).toMatchObject(ambiguous);
  });

  it('are of the source that is named: as configured, or as backups call it', async () => {
    expect(await restored('latest:shop')).toBe('of shop, later\n');
    expect(await restored('latest --source shop')).toBe('of shop, later\n');
    expect(await restored('good:shop')).toBe('of shop, later\n');
    expect(await restored('latest:shop2')).toBe('of shop2\n');
    expect(await restored(`latest:files:${path.join(cwd, 'shop.txt')}`)).toBe('of shop, later\n');
    expect(await restored('latest --type daily')).toBe('of shop\n');
    expect(await restored('latest:shop --type daily')).toBe('of shop\n');
  });

  it('say which sources there are, and how a type is asked for', async () => {
    expect(await restored('latest:shpo')).toContain('Did you mean latest:shop?');
    expect(await restored('latest:sho')).toContain("no backup of the source 'sho'");
    expect(await restored('latest:daily')).toContain('give `latest` and --type daily');
    expect(await restored('latest:shop --source shop2')).toContain('contradict');
    expect(await restored('daily_ --source shop')).toContain("needs 'latest' or 'good'");
  });
});

it('a type of backups that nothing is configured for is refused', async () => {
  const dialy = failure(
    'E_USAGE',
    /'dialy' is not a backup type: no retention says how long to keep its backups/,
  );
  expect(await holdfast('backup dialy --source shop')).toMatchObject({
    ...dialy,
    stderr: expect.stringContaining('Did you mean daily?'),
  });
  expect(await holdfast('backup hourly --source shop')).toMatchObject({ status: 2 });
  await configure({ sources: SOURCES, retention: { hourly: 2 } });
  expect(await holdfast('backup hourly --source shop')).toMatchObject({ status: 0 });
  await configure({ sources: SOURCES, retention: { '*': 90 } });
  expect(await holdfast('backup before-the-move --source shop')).toMatchObject({ status: 0 });
});

describe('a setting of a source that nobody knows', () => {
  const URL = 'postgres://me@localhost/shop';

  it.each([
    ['sources', { shop: { kind: 'postgres', url: URL, raeders: 4 } }, 'sources.shop.raeders', 'readers'],
    ['targets', { to: { kind: 'postgres', url: URL, caFil: 'x' } }, 'targets.to.caFil', 'caFile'],
    ['drill', { postgres: { url: URL, raeders: 4 } }, 'drill.postgres.raeders', 'readers'],
    ['sources', { f: { kind: 'firebase-rtdb', url: 'https://x', rereds: 1 } }, 'sources.f.rereds', 'rereads'],
    [
      'drill',
      { 'firebase-rtdb': { url: 'https://x', raeders: 1 } },
      'drill.firebase-rtdb.raeders',
      'readers',
    ],
  ])('is refused when the configuration is read: %s %j', async (part, places, at, meant) => {
    await configure({ [part]: places });
    expect(await holdfast('list')).toMatchObject(
      failure('E_CONFIG', `${at} is not a setting; did you mean ${meant}?`),
    );
  });

  it.each(
    sample(
      [
        [{ readers: 0 }, 'readers: give a whole number from 1 to 64'],
        [{ readers: '4x' }, 'readers: give a whole number from 1 to 64'],
        [{ tls: 'off' }, 'tls: '],
        [{ auth: 'aim' }, 'auth: '],
        [{ partitionMiB: true }, 'partitionMiB: give a whole number'],
      ],
      2,
    ),
  )('or its value: %j', async (options, message) => {
    await configure({ sources: { shop: { kind: 'postgres', url: URL, ...options } } });
    expect(await holdfast('list')).toMatchObject(failure('E_CONFIG', `sources.shop.${message}`));
  });

  it('is not one that is known', async () => {
    const postgres = { tls: 'require', readers: '8', lockTimeoutSeconds: 0, partitionMiB: 64 };
    const firebase = { auth: 'none', readers: 2, usdPerGB: 0.5, timeoutSeconds: 30 };
    await configure({
      sources: {
        shop: { kind: 'postgres', url: URL, ...postgres },
        f: { kind: 'firebase-rtdb', url: 'https://x.firebaseio.com', ...firebase },
      },
    });
    expect(await holdfast('list')).toMatchObject({ status: 0 });
  });
});
