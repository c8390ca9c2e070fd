import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type CommandWorld, runCommand } from '../support/command-line.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turns } from '../support/repository/torture.ts';
import { startServing } from '../support/serving.ts';
import { AGE_DAYS, makeStaleScene } from '../support/stores/stale-scene.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(2);

const NEVER = /Unprotected: game and crm were never backed up; /;
const OLD = new RegExp(
  `the newest good backup of shop is ${AGE_DAYS} days old \\(at most 7 days by its schedule\\)`,
);
const FAILED = /the last backup of shop failed .* \(E_SOURCE_[A-Z]+\)/;

describe('an old backup, sources without any, and a last run that failed', () => {
  let folder: string;
  let world: CommandWorld;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-stale-'));
    world = await makeStaleScene(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('are unprotected by the command line, which names them', async () => {
    const { status, stdout } = await runCommand('status', world);
    expect(status).toBe(42);
    for (const said of [NEVER, OLD, FAILED]) expect(stdout).toMatch(said);
    expect(stdout).toMatch(/Checked 1 manifest and the reports about them, the last 1 run; \d{4}-/);
    expect(stdout).toMatch(/game was never backed up\. Back it up\. Run: holdfast backup --source game/);
    const document = (await runCommand('status --json', world)).json();
    expect(document.verdict).toMatchObject({
      level: 'unprotected',
      findings: [
        { rule: 'no-backup', source: 'game' },
        { rule: 'no-backup', source: 'crm' },
        { rule: 'too-old', source: 'shop' },
        { rule: 'run-failed', source: 'shop' },
      ],
    });
  });

  it('are unprotected by the API, in status and in health', async () => {
    await using serving = await startServing('', world);
    const status = await serving.json('GET', '/status');
    expect(status.verdict.level).toBe('unprotected');
    const text = JSON.stringify(status.verdict);
    for (const said of [NEVER, OLD, FAILED]) expect(text).toMatch(said);
    expect(status.sources).toMatchObject([
      { source: { name: 'shop' }, level: 'unprotected', backups: 1, lastRun: { outcome: 'failed' } },
      { source: { name: 'game' }, level: 'unprotected', backups: 0, newestGood: null },
      { source: { name: 'crm' }, level: 'unprotected', backups: 0, newestGood: null },
    ]);
    const health = await serving.json('GET', '/health', undefined, 503);
    expect(health).toMatchObject({ status: 'failing', verdict: { level: 'unprotected' } });
    const { runs } = await serving.json('GET', '/runs');
    expect(runs).toMatchObject(
      [
        { kind: 'backup', source: 'shop', type: 'weekly', state: 'failed', error: { code: /^E_SOURCE_/ } },
      ].map(({ error: _, ...run }) => run),
    );
    expect(runs[0].error.code).toMatch(/^E_SOURCE_/);
    const { id } = runs[0];
    expect(await serving.json('GET', `/runs/${id}`)).toMatchObject({ id, state: 'failed', log: [] });
  });
});

describe('names', () => {
  it('of the configuration are those of backups, old ones too; unknown ones are refused at once', async () => {
    const cwd = await newFolder();
    const world = { env: { BACKUP_ENCRYPTION_KEY: TEST_KEY }, cwd };
    const holdfast = (line: string) => runCommand(line, world);
    await writeFile(path.join(cwd, 'shop.txt'), 'one\n');
    await holdfast('init -r ./r -q');
    // As a release of before: by its location.
    await holdfast('backup -r ./r --source ./shop.txt -q');
    const config = {
      repository: './r',
      sources: {
        shop: { kind: 'files', url: './shop.txt' },
        shop_old: { kind: 'files', url: './other.txt' },
      },
    };
    await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(config));
    const second = (await holdfast('backup --source shop --json -q')).json();
    expect(second).toMatchObject({ source: { kind: 'files', name: 'shop' } });
    expect(second.parent).toMatch(/^backups\/manual\//);
    const third = (await holdfast('backup --source ./shop.txt --json -q')).json();
    expect(third.source.name).toBe('shop');
    const { backups } = (await holdfast('list --json --source shop')).json();
    expect(backups.map(({ source }: { source: { name: string } }) => source.name)).toEqual([
      'shop',
      'shop',
      'shop',
    ]);
    expect((await holdfast('list --json --source shop_old')).json().backups).toEqual([]);
    const unknown = await holdfast('list --source sho');
    expect(unknown).toMatchObject({ status: 10, stdout: '' });
    expect(unknown.stderr).toMatch(
      /there is no source 'sho'.*Did you mean shop\? There are: shop, shop_old\./s,
    );

    await using serving = await startServing('', world);
    for (const [method, target, body] of [
      ['GET', '/list?source=sho', undefined],
      ['POST', '/drill', { source: 'sho' }],
      ['POST', '/create', { source: 'sho' }],
    ] as const) {
      const problem = await serving.json(method, target, body, 404);
      expect(problem).toMatchObject({ code: 'E_UNKNOWN_NAME', fields: [{ field: 'source' }] });
    }
    // Nothing was begun, and nothing is occupied.
    const { runs } = await serving.json('GET', '/runs');
    expect(runs.map(({ state, kind }: Record<string, string>) => [kind, state])).toEqual(
      Array.from({ length: 3 }, () => ['backup', 'succeeded']),
    );
    expect((await serving.json('GET', '/list?source=shop')).backups).toHaveLength(3);
  });
});

describe('the history of runs', () => {
  it('has failed ones too, survives a restart, and fails no backup', async () => {
    const cwd = await newFolder();
    const world = { env: { BACKUP_ENCRYPTION_KEY: TEST_KEY }, cwd };
    const holdfast = (line: string) => runCommand(line, world);
    const config = { repository: './r', sources: { notes: { kind: 'files', url: './notes.txt' } } };
    await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(config));
    await holdfast('init -q');
    await holdfast('backup daily -q');
    await writeFile(path.join(cwd, 'notes.txt'), 'one\n');
    await holdfast('backup daily -q');
    await holdfast('verify latest -q');
    {
      await using serving = await startServing('', world);
      const { run } = await serving.json('POST', '/create', { type: 'daily' }, 202);
      await serving.over(run);
    }
    await using serving = await startServing('', world);
    const { runs } = await serving.json('GET', '/runs');
    expect(runs).toMatchObject(
      [
        { kind: 'backup', state: 'succeeded', source: 'notes', plainBytes: 4, by: /serve/ },
        { kind: 'verify', state: 'succeeded', error: null },
        { kind: 'backup', state: 'succeeded', storedBytes: expect.any(Number), by: null },
        { kind: 'backup', state: 'failed', error: { code: expect.stringMatching(/^E_/) } },
      ].map((run) => ({ ...run, ...(run.by ? { by: expect.stringMatching(run.by) } : {}) })),
    );
    const { stdout } = await holdfast('runs --failed');
    expect(stdout).toMatch(/^STARTED +RUN +SOURCE +STATE/);
    expect(stdout.trim().split('\n')).toHaveLength(2);
    expect((await holdfast('runs backup --json --source notes')).json().runs).toHaveLength(3);
    expect((await holdfast('runs prune')).status).toBe(2);

    // What cannot be written down keeps no backup from being made.
    const folder = path.join(cwd, 'r', 'history', 'backup');
    const [day = ''] = await readdir(folder);
    expect(day).toMatch(/^\d{8}$/);
    await mkdir(path.join(cwd, 'q'));
    await holdfast('init -r ./q -q');
    await writeFile(path.join(cwd, 'q', 'history'), 'in the way');
    const made = await holdfast('backup -r ./q');
    expect(made.status).toBe(0);
    expect(made.stderr).toMatch(/warning: the history lacks this run/);
  });
});
