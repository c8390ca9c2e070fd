import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect } from 'vitest';
import type { BackupKey } from '../../shared/core/ids.ts';
import { openConfiguredRepository } from '../../shared/jobs/open-repository.ts';
import { FolderStore } from '../../shared/store/folder-store.ts';
import { runCommand } from '../support/command-line.ts';
import { never, TEST_KEY } from '../support/repository/engine.ts';
import { listAgain } from '../support/repository/forged-manifest.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(3);

let cwd: string;
let env: Record<string, string>;
const holdfast = (line: string) => runCommand(line, { env, cwd });
const newest = async (): Promise<BackupKey> => (await holdfast('list --json')).json().backups[0].key;
const fill = (lines: number) => writeFile(path.join(cwd, 'tables', 'orders'), 'an order\n'.repeat(lines));

beforeEach(async () => {
  cwd = await newFolder();
  env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
  await mkdir(path.join(cwd, 'tables'));
  await fill(1000);
  for (const line of ['init', 'backup daily --source ./tables -q'])
    expect(await holdfast(line)).toMatchObject({ status: 0, stderr: '' });
});

describe('a restore says before it begins', () => {
  const ADVICE = /newest backup that nothing speaks against: holdfast restore good/;
  /** Where it writes does not exist: what it says, it said before it could write. */
  const SUSPECT = /^warning: backup_daily_\w+ is SUSPECT[^\n]*holdfast show backup_daily_/;

  it('that the backup is suspect, until it is accepted', async () => {
    await fill(10);
    expect(await holdfast('backup daily --source ./tables -q')).toMatchObject({ status: 40 });
    for (const flags of ['', '--dry-run', '--quiet']) {
      const { status, stderr } = await holdfast(`restore latest --to ./out${flags.length} ${flags}`);
      expect([status, stderr]).toEqual([0, expect.stringMatching(SUSPECT)]);
      expect(stderr).toMatch(ADVICE);
    }
    const planned = await holdfast('restore latest --to ./out --json --dry-run');
    expect(planned.json().warnings).toEqual([expect.stringContaining('is SUSPECT')]);
    const refused = await holdfast('restore latest --to ./out0');
    expect(refused).toMatchObject({ status: 11, stderr: expect.stringMatching(SUSPECT) });
    expect((await holdfast('restore good --to ./good')).stderr).not.toContain('warning');
    await holdfast('accept latest --reason on\u00a0purpose');
    expect((await holdfast('restore latest --to ./accepted')).stderr).not.toContain('warning');
  });

  it('that the backup is dated long after it was stored', async () => {
    const store = new FolderStore(path.join(cwd, 'repository'));
    await listAgain(store, await newest(), { type: 'daily', at: '2099-01-01T00:00:00.000Z' });
    const { status, stderr } = await holdfast('restore 20990101 --to ./out');
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/^warning: backup_daily_20990101_000000 claims to be from 2099[^\n]*long before/),
    ]);
    expect(stderr).toMatch(ADVICE);
    expect((await holdfast('restore latest --to ./latest')).stderr).not.toContain('warning');
  });

  it('that the newest verification of the backup found damage', async () => {
    const key = await newest();
    const config = { repository: env['HOLDFAST_REPOSITORY'] ?? '', encryptionKey: TEST_KEY, workers: 1 };
    await using repository = await openConfiguredRepository(config, never);
    const found = { damagedPacks: [], findings: 1, damaged: [key], depth: { kind: 'full' } };
    await repository.reports.write('verify', { backups: [key], body: found }, never);
    const { status, stderr } = await holdfast('restore latest --to ./out');
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/^warning: the newest verification of backup_daily_\w+ found damage/),
    ]);
  });
});
