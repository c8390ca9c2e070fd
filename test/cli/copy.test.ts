import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect } from 'vitest';
import { FolderStore } from '../../shared/store/folder-store.ts';
import { runCommand } from '../support/command-line.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { sample, turns } from '../support/repository/torture.ts';
import { faultsOf } from '../support/stores/second-place.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(3);

let cwd: string;

const holdfast = (line: string, env: Readonly<Record<string, string>> = {}) =>
  runCommand(line, {
    cwd,
    env: { HOLDFAST_REPOSITORY: 'first', BACKUP_ENCRYPTION_KEY: TEST_KEY, ...env },
  });

async function configure(copy: object): Promise<void> {
  const sources = { shop: { kind: 'files', url: 'shop' } };
  await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify({ sources, copy }));
}

const listed = async (place: string) => (await holdfast(`list -r ${place} --json`)).json().backups;

beforeEach(async () => {
  cwd = await newFolder();
  await mkdir(path.join(cwd, 'shop'));
  await writeFile(path.join(cwd, 'shop', 'orders.txt'), 'one\ntwo\n');
  await holdfast('init');
  await holdfast('backup daily --source ./shop');
  await holdfast('backup weekly --source ./shop');
});

describe('holdfast copy', () => {
  it('brings all backups to a folder, without the key, and they restore when the first is gone', async () => {
    const copied = await holdfast('copy --to second', { BACKUP_ENCRYPTION_KEY: '' });
    expect(copied).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Copied 2 backups to /) });
    await rm(path.join(cwd, 'first'), { recursive: true });
    expect((await holdfast('verify --all -r second')).status).toBe(0);
    expect((await holdfast('restore latest --to ./back -r second --yes')).status).toBe(0);
    const back = await readdir(path.join(cwd, 'back'));
    expect(back).toEqual(['orders.txt']);
  });

  it('says in JSON what it brought, and the second time that nothing was missing', async () => {
    const first = (await holdfast('copy --to second --json')).json().copies[0];
    expect(first).toMatchObject({ isNewPlace: true, present: 0, passedOver: [], others: 0 });
    expect(first.copied).toHaveLength(2);
    const again = (await holdfast('copy --to second --json')).json().copies[0];
    expect(again).toMatchObject({ isNewPlace: false, copied: [], present: 2, packs: 0, bytes: 0 });
  });

  it('brings chosen types to configured places, and a dry run says what is missing and makes nothing', async () => {
    await configure({ away: { to: './away', types: ['weekly'], sources: ['shop'] }, all: { to: './all' } });
    const dry = await holdfast('copy --dry-run --json');
    expect(dry.json().copies.map(({ name, wanted }: never) => [name, wanted])).toEqual([
      ['away', 1],
      ['all', 2],
    ]);
    expect(await readdir(cwd)).not.toContain('away');
    expect((await holdfast('copy')).status).toBe(0);
    expect((await listed('away')).map(({ type }: { type: string }) => type)).toEqual(['weekly']);
    expect(await listed('all')).toHaveLength(2);
    expect(await faultsOf(new FolderStore(path.join(cwd, 'away')))).toEqual([]);
    const none = await holdfast('copy other');
    expect(none).toMatchObject({ status: 2, stderr: expect.stringContaining('Configured are away, all') });
  });

  it('keeps to the retention of a place', async () => {
    await configure({
      few: { to: './few', retention: { daily: 0, weekly: 0, manual: 0 }, keep: { last: 1 } },
    });
    await holdfast('copy few');
    expect(await listed('few')).toHaveLength(1);
  });

  const REFUSED = [
    ['copy', 2, 'no second place is configured'],
    ['copy --to first', 2, 'is the repository itself'],
    ['copy --type daily', 2, 'need --to'],
    ['copy all --to second', 2, 'not both'],
    ['copy --to second --type Daily', 2, 'a backup type has'],
    ['copy --to ftp://x/y', 2, 'is not a place for a repository'],
  ] as const;

  it.each(sample(REFUSED, 2))('refuses `%s`', async (line, status, text) => {
    expect(await holdfast(line)).toMatchObject({ status, stderr: expect.stringContaining(text) });
  });

  it('refuses another repository, and a folder of other things', async () => {
    await holdfast('init -r second');
    const other = await holdfast('copy --to second');
    expect(other).toMatchObject({ status: 11, stderr: expect.stringMatching(/is another repository \(/) });
    expect((await holdfast('copy --to shop')).status).toBe(11);
  });

  it('ends with 20 where a backup is damaged, and says which', async () => {
    await cp(path.join(cwd, 'first'), path.join(cwd, 'broken'), { recursive: true });
    const [latest] = await listed('broken');
    await writeFile(path.join(cwd, 'broken', latest.key), '{}');
    const copied = await holdfast('copy --to second -r broken');
    expect(copied).toMatchObject({ status: 20, stdout: expect.stringContaining('is damaged: ') });
    expect(await listed('second')).toHaveLength(1);
  });

  it('shows in status how far each place is behind', async () => {
    await configure({ away: { to: './away' } });
    expect((await holdfast('status')).stdout).toMatch(/away +2 of 2 backups are missing/);
    await holdfast('copy');
    const { stdout } = await holdfast('status');
    expect(stdout).toMatch(/away +has all 2 backups/);
    await holdfast('backup daily --source ./shop');
    const { copies, nextSteps } = (await holdfast('status --json')).json();
    expect(copies).toMatchObject([{ name: 'away', wanted: 3, missing: [expect.stringContaining('daily')] }]);
    expect(nextSteps.join('\n')).toContain('holdfast copy away');
  });

  it('shows in status a place that cannot be reached, and the rest all the same', async () => {
    await configure({ away: { to: './shop/orders.txt' } });
    const { status, stdout } = await holdfast('status');
    expect([status, stdout]).toEqual([41, expect.stringMatching(/^Unknown: .*away +cannot be checked: /s)]);
  });
});
