import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import { failure, runCommand } from '../support/command-line.ts';
import { expectDocumented } from '../support/documented-json.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(3);

describe('holdfast prune, hold and release', () => {
  let template: string;
  let cwd: string;
  let env: Record<string, string>;

  const holdfast = (line: string, given: Record<string, string> = {}) =>
    runCommand(line, { env: { ...env, ...given }, cwd });
  const configure = (config: object) =>
    writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(config));
  const listed = async (): Promise<string[]> =>
    (await holdfast('list --json')).json().backups.map(({ key }: { readonly key: string }) => key);

  beforeAll(async () => {
    template = await mkdtemp(path.join(tmpdir(), 'holdfast-test-'));
    const world = {
      cwd: template,
      env: { HOLDFAST_REPOSITORY: 'repository', BACKUP_ENCRYPTION_KEY: TEST_KEY },
    };
    const hourly = JSON.stringify({ retention: { hourly: 1 } });
    await writeFile(path.join(template, 'holdfast.config.json'), hourly);
    await runCommand('init', world);
    for (const text of ['one\n', 'two\n', 'three\n']) {
      await writeFile(path.join(template, 'data.txt'), text);
      await runCommand('backup hourly --source data.txt', world);
    }
    // Names of backups count seconds, and what is dated in the future stays.
    const { backups } = (await runCommand('list --json', world)).json();
    await delay(Math.max(0, Date.parse(backups[0].startedAt) + 100 - Date.now()));
  });

  afterAll(() => rm(template, { recursive: true, force: true }));

  beforeEach(async () => {
    cwd = await newFolder();
    env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
    await cp(template, cwd, { recursive: true });
  });

  it('say what stays and why, and remove what goes only where that is wanted', async () => {
    await configure({ retention: { '*': 0 }, keep: { last: 2 } });
    const before = await listed();
    const dry = await holdfast('prune --dry-run');
    expect(dry).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/stays .*last 2[\s\S]*goes .*none of the counts/),
    });
    expect(await holdfast('prune')).toMatchObject(failure('E_USAGE', 'Remove 1 backup, and 0 packs of 0 B?'));
    expect(await listed()).toEqual(before);
    const done = await holdfast('prune --yes');
    expect(done).toMatchObject({ status: 0, stdout: 'Removed 1 backup, and 0 packs: 0 B freed\n' });
    for (const line of dry.stdout.split('\n').filter((each) => /stays|goes/.test(each)))
      expect(done.stderr).toContain(line);
    expect(await listed()).toEqual(before.slice(0, 2));
    expect(await holdfast('verify --all')).toMatchObject({ status: 0 });
    expect(await holdfast('prune --quiet')).toMatchObject({ status: 0, stderr: '' });
  });

  it('refuse to remove more than a share, with exit status 11', async () => {
    await configure({ retention: { '*': 0 }, keep: { last: 1 } });
    const before = await listed();
    expect(await holdfast('prune --dry-run')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('It would refuse: this would remove 2 of 3 backups'),
    });
    expect(await holdfast('prune --yes --quiet')).toMatchObject(
      failure('E_PRUNE_TOO_MUCH', '2 of 3 backups'),
    );
    expect(await listed()).toEqual(before);
    expect(await holdfast('prune --yes --max-share 100')).toMatchObject({ status: 0 });
    expect(await listed()).toEqual(before.slice(0, 1));
  });

  it('keep what is held until it is released', async () => {
    await configure({ retention: { '*': 0 }, keep: { last: 1 }, prune: { maxSharePercent: 100 } });
    const [newest = '', , oldest = ''] = await listed();
    expect(await holdfast(`hold ${oldest} --reason audit`)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(': audit\nPrune keeps it until: holdfast release'),
    });
    await holdfast('prune --yes');
    expect(await listed()).toEqual([newest, oldest]);
    expect(await holdfast(`release ${oldest} --reason over`)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/It was held since .*: audit\n/),
    });
    expect(await holdfast(`release ${oldest} --reason over`)).toMatchObject(
      failure('E_NO_HOLD', 'is not held'),
    );
    await holdfast('prune --yes');
    expect(await listed()).toEqual([newest]);
    expect(await holdfast('hold 1999 --reason audit')).toMatchObject(failure('E_NO_BACKUP', "'1999'"));
    expect(await holdfast('hold latest --reason=')).toMatchObject(failure('E_USAGE', '--reason is empty'));
    expect(await holdfast('hold latest --reason x', { BACKUP_ENCRYPTION_KEY: '' })).toMatchObject(
      failure('E_NO_KEY', 'no encryption key'),
    );
  });

  it('tell by exit status 20 that a manifest cannot be read', async () => {
    await configure({ retention: { '*': 0 }, keep: { last: 9 } });
    const [newest = ''] = await listed();
    await writeFile(path.join(cwd, 'repository', newest), 'x');
    expect(await holdfast('prune --yes --quiet')).toMatchObject({
      status: 20,
      stdout: expect.stringContaining(`No pack was removed: ${newest} cannot be read`),
    });
  });

  it('free at once where no grace is set, and warn of it', async () => {
    const prune = { unsafeNoGrace: true, maxSharePercent: 100 };
    await configure({ retention: { '*': 0 }, keep: { last: 1 }, prune });
    expect(await holdfast('prune --yes')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^Removed 2 backups, and [1-9]\d* packs: /),
      stderr: expect.stringContaining('prune.unsafeNoGrace'),
    });
    expect(await holdfast('verify --all')).toMatchObject({ status: 0 });
    expect((await holdfast('status --json')).json().unreferencedBytes).toBe(0);
  });

  it('print the documented members with --json', async () => {
    await configure({ retention: { '*': 0 }, keep: { last: 2 } });
    const check = expectDocumented;
    check('prune', (await holdfast('prune --dry-run --json')).json());
    check('prune', (await holdfast('prune --yes --json')).json());
    check('hold', (await holdfast('hold latest --reason audit --json')).json());
    check('release', (await holdfast('release latest --reason over --json')).json());
  });

  it.each([
    [{ keep: { lastt: 3 } }, 'keep.lastt is not a setting; did you mean last?'],
    [{ keep: { daily: 0 } }, 'keep.daily'],
    [{ retention: { daily: 0 } }, 'retention.daily is 0, and keep has no count'],
    [{ retention: { 'Every Day': 3 } }, "or is '*' for all others"],
    [{ prune: { graceDays: 0 } }, 'prune.graceDays'],
    [{ prune: { grace: 7 } }, 'prune.grace is not a setting'],
    [{ prune: { maxSharePercent: 101 } }, 'prune.maxSharePercent'],
  ])('take no wrong configuration: %j', async (config, text) => {
    await configure(config);
    expect(await holdfast('prune --yes')).toMatchObject(failure('E_CONFIG', text));
  });
});
