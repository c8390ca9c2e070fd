import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { describeWithPart } from '../support/parts.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { seededRows } from '../support/repository/rows.ts';
import { turns } from '../support/repository/torture.ts';

const it = turns(3);

const run = promisify(execFile);

describeWithPart('gcc', 'a repository on a disk with bad sectors', () => {
  let cwd: string;
  let shim: string;
  let keys: readonly string[];
  const env = { HOLDFAST_REPOSITORY: 'repository', BACKUP_ENCRYPTION_KEY: TEST_KEY };

  beforeAll(async () => {
    cwd = await mkdtemp(path.join(tmpdir(), 'holdfast-test-'));
    shim = path.join(cwd, 'bad-sectors.so');
    await run('gcc', ['-shared', '-fPIC', '-O1', '-o', shim, 'test/rig/bad-sectors.c', '-ldl']);
    expect(await runCommand('init', { env, cwd })).toMatchObject({ status: 0 });
    for (const day of [1, 2, 3]) {
      await writeFile(path.join(cwd, 'rows.txt'), seededRows(800, day).join(''));
      const made = await runCommand('backup daily --source rows.txt --json', { env, cwd });
      expect(made).toMatchObject({ status: 0 });
    }
    const { backups } = (await runCommand('list --json', { env, cwd })).json();
    keys = backups.map(({ key }: { key: string }) => key);
    return () => rm(cwd, { recursive: true, force: true });
  });

  /** In a process that gets EIO for reads of files whose path contains `bad`. */
  async function withBad(bad: string, line: string) {
    const ended = await run(process.execPath, [path.resolve('bin/holdfast.js'), ...line.split(' ')], {
      cwd,
      env: { ...process.env, ...env, LD_PRELOAD: shim, BAD_SECTORS: bad, NODE_DISABLE_COMPILE_CACHE: '1' },
    }).catch((error: unknown) => error as { code: number; stdout: string; stderr: string });
    return { stdout: ended.stdout, stderr: ended.stderr, status: 'code' in ended ? ended.code : 0 };
  }

  it('under a manifest: it is named, and passed over by everything else', async () => {
    const [newest = '', bad = ''] = keys;
    const said = `${bad} cannot be read: the disk gives an error (EIO)`;
    const list = await withBad(bad, 'list');
    expect(list).toMatchObject({ status: 0, stdout: expect.stringContaining(`damaged: ${said}`) });
    expect(list.stdout).toContain(path.basename(newest, '.json'));
    expect(await withBad(bad, 'status --json')).toMatchObject({ status: 20 });
    const verified = await withBad(bad, 'verify --all --json');
    expect(verified.status).toBe(20);
    expect(JSON.parse(verified.stdout)).toMatchObject({
      backups: keys,
      findings: [{ object: bad, code: 'E_OBJECT_UNREADABLE', problem: said, backups: [bad] }],
      interrupted: null,
    });
    const prune = await withBad(bad, 'prune --dry-run --json');
    expect(prune.status).toBe(20);
    expect(JSON.parse(prune.stdout)).toMatchObject({
      sweep: { packs: 0 },
      blockedBy: expect.stringContaining(bad),
    });
    expect(await withBad(bad, `restore ${newest} --to ./out`)).toMatchObject({ status: 0 });
    expect(await readFile(path.join(cwd, 'out/rows.txt'), 'utf8')).toBe(seededRows(800, 3).join(''));
    expect(await withBad(bad, 'backup --source rows.txt')).toMatchObject({ status: 0 });
    expect(await withBad(bad, `restore ${bad} --to ./other`)).toMatchObject({
      status: 20,
      stderr: expect.stringContaining(`error: ${said}\nhint: Check the disk`),
    });
  });

  it('under a pack: the backups that need it are named, and no other', async () => {
    const oldest = keys.at(-1) ?? '';
    const manifest = JSON.parse(await readFile(path.join(cwd, 'repository', oldest), 'utf8'));
    const bad: string = manifest.catalog.pack;
    const verified = await withBad(bad, 'verify --all --json');
    expect(verified.status).toBe(20);
    const { findings } = JSON.parse(verified.stdout);
    expect(findings).toMatchObject([{ object: `data/${bad.slice(0, 2)}/${bad}`, backups: [oldest] }]);
  });
});
