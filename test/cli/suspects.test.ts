import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect } from 'vitest';
import type { JsonObject } from '../../shared/core/json.ts';
import { openConfiguredRepository } from '../../shared/jobs/open-repository.ts';
import { failure, runCommand } from '../support/command-line.ts';
import { never, OTHER_KEY, TEST_KEY } from '../support/repository/engine.ts';
import { seededRows } from '../support/repository/rows.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(3);

let cwd: string;
let env: Record<string, string>;
const holdfast = (line: string, more: Record<string, string> = {}) =>
  runCommand(line, { env: { ...env, ...more }, cwd });
const backUp = (options = '') => holdfast(`backup daily --source ./tables -q ${options}`);
const newest = async () => (await holdfast('list --json')).json().backups[0];
/** Words are joined by what is no blank: a blank would end the argument. */
const because = (key: string) => holdfast(`accept ${key} --reason on\u00a0purpose`);

/** Files with this many lines; 0: an empty one, undefined: none. */
async function tables(lines: Readonly<Record<string, number | undefined>>): Promise<void> {
  for (const [name, count] of Object.entries(lines)) {
    const file = path.join(cwd, 'tables', name);
    if (count === undefined) await rm(file);
    else await writeFile(file, seededRows(count, 1).join(''));
  }
}

beforeEach(async () => {
  cwd = await newFolder();
  env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
  await mkdir(path.join(cwd, 'tables'));
  await tables({ customers: 300, orders: 1000, regions: 200, settings: 3 });
  for (const line of ['init', 'backup daily --source ./tables -q'])
    expect(await holdfast(line)).toMatchObject({ status: 0, stderr: '' });
});

describe('a backup that lost much', () => {
  let good: string;
  let suspect: string;
  beforeEach(async () => {
    good = (await newest()).key;
    await tables({ customers: 0, orders: 400, regions: undefined, settings: 1 });
    const made = await backUp('--json');
    expect(made.status).toBe(40);
    suspect = made.json().key;
    expect(made.json().suspect).toEqual({
      against: good,
      findings: [
        { code: 'empty-read', dataset: 'customers', before: 300, now: 0 },
        { code: 'records-down', dataset: 'orders', before: 1000, now: 400 },
        { code: 'dataset-vanished', dataset: 'regions', before: 200, now: 0 },
        { code: 'records-down', dataset: null, before: 1503, now: 401 },
      ],
    });
    expect(made.stderr).toMatch(/^warning: backup_daily_\w+ is SUSPECT, compared with backup_daily_/);
    expect(made.stderr).toContain('- customers reads empty; it had 300 records (empty-read)');
    expect(made.stderr).toContain('- orders has 400 records; it had 1,000 (records-down)');
    expect(made.stderr).toContain('- regions is gone; it had 200 records (dataset-vanished)');
    expect(made.stderr).toContain('holdfast accept backup_daily_');
  });

  it('is shown as suspect, with names only to whoever has the key', async () => {
    expect((await holdfast('show latest --json')).json()).toMatchObject({
      findings: { against: good, findings: { length: 4 } },
    });
    expect((await holdfast('show latest')).stdout).toMatch(
      /state +whole, suspect\n[\s\S]*Suspect, compared with backup_daily_\w+:\n[\s\S]*regions is gone/,
    );
    const keyless = await holdfast('list --json', { BACKUP_ENCRYPTION_KEY: '' });
    expect(keyless.json().backups[0].suspect).toEqual([
      { code: 'empty-read', datasets: 1, before: 300, now: 0 },
      { code: 'records-down', datasets: 1, before: 1000, now: 400 },
      { code: 'dataset-vanished', datasets: 1, before: 200, now: 0 },
      { code: 'records-down', datasets: 0, before: 1503, now: 401 },
    ]);
    expect(keyless.stdout).not.toContain('regions');
    expect((await holdfast('list')).stdout).toMatch(/ whole, suspect +never .*\n.* whole +never /);
    const status = await holdfast('status');
    expect(status).toMatchObject({ status: 40 });
    expect(status.stdout).toMatch(
      /newest good +backup_daily[\s\S]*suspect +backup_daily[\s\S]*holdfast accept/,
    );
    expect((await holdfast('status --json')).json().sources).toMatchObject([
      { backups: 2, newestGood: { key: good }, waiting: [suspect], failed: [], held: [] },
    ]);
  });

  it('stays so night after night, until it is accepted', async () => {
    const again = await backUp('--json');
    expect(again.status).toBe(40);
    expect(again.json()).toMatchObject({ parent: suspect, suspect: { against: good } });
    expect(await because(`latest ${suspect}`)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^Accepted backup_daily_\w+, backup_daily_\w+; kept as reports\/accept/),
    });
    expect((await holdfast('list')).stdout).toMatch(/(whole, suspect \(accepted\) .*\n.*){2}whole +never/);
    expect((await holdfast('show latest')).stdout).toMatch(/accepted +"on\u00a0purpose", just now/);
    expect(await holdfast('status')).toMatchObject({ status: 0 });
    expect(await backUp()).toMatchObject({ status: 0, stderr: '' });
  });

  it('is not accepted without a reason, a key, or where nothing is suspect', async () => {
    const refusals = [
      ['accept latest', 'E_USAGE', '--reason is missing'],
      ['accept latest --reason=\u00a0', 'E_USAGE', 'the reason is empty'],
      [`accept latest --reason ${'x'.repeat(1001)}`, 'E_USAGE', '1001 characters; allowed are 1000'],
      [`accept ${suspect} ${good} --reason x`, 'E_USAGE', `${good} is not suspect`],
      ['accept daily_1999 --reason x', 'E_NO_BACKUP', "no backup's name contains 'daily_1999'"],
      ['accept --reason x', 'E_USAGE', 'KEY is missing'],
    ] as const;
    for (const [line, code, text] of refusals)
      expect(await holdfast(line)).toMatchObject(failure(code, text));
    const keys = { E_NO_KEY: '', E_WRONG_KEY: OTHER_KEY } as const;
    for (const code of ['E_NO_KEY', 'E_WRONG_KEY'] as const)
      expect(await holdfast('accept latest --reason x', { BACKUP_ENCRYPTION_KEY: keys[code] })).toMatchObject(
        failure(code, 'key'),
      );
    expect(await newest()).toMatchObject({ key: suspect, marks: {} });
    expect((await newest()).marks).toEqual({});
  });

  it('is followed by a good one when the data is back, and still waits', async () => {
    await tables({ customers: 300, orders: 1000, regions: 200, settings: 3 });
    expect(await backUp()).toMatchObject({ status: 0, stderr: '' });
    expect((await holdfast('status --json')).json().sources).toMatchObject([
      { newestGood: { key: (await newest()).key }, waiting: [suspect] },
    ]);
  });
});

it('a source that was emptied is an error, and a suspect backup where that is asked for', async () => {
  await tables({ customers: 0, orders: 0, regions: 0, settings: 0 });
  const refused = failure('E_EMPTY_READ', 'returned no records; its last good backup has 1503');
  expect(await backUp()).toMatchObject(refused);
  expect((await holdfast('list --json')).json().backups).toHaveLength(1);
  const empty = await backUp('--allow-empty --json');
  expect(empty.status).toBe(40);
  expect(empty.json().suspect.findings).toContainEqual({
    code: 'empty-read',
    dataset: null,
    before: 1503,
    now: 0,
  });
  expect(await backUp()).toMatchObject(refused);
  expect(await because('latest')).toMatchObject({ status: 0 });
  expect(await backUp()).toMatchObject({ status: 0, stderr: '' });
  await tables({ customers: undefined, orders: undefined, regions: undefined, settings: undefined });
  expect(await backUp()).toMatchObject(failure('E_EMPTY_READ', 'returned nothing to back up'));
  expect(await backUp('--allow-empty')).toMatchObject({ status: 0 });
  expect(await holdfast('verify --all')).toMatchObject({ status: 0 });
});

it('list, show and status say what is held, verified and drilled', async () => {
  const { key } = await newest();
  const config = { repository: env['HOLDFAST_REPOSITORY'] ?? '', encryptionKey: TEST_KEY, workers: 1 };
  await using repository = await openConfiguredRepository(config, never);
  const write = (kind: 'hold' | 'verify' | 'drill', body: JsonObject) =>
    repository.reports.write(kind, { backups: [key], body }, never);
  await write('hold', { reason: 'audit' });
  await write('drill', { outcome: 'equal', restoreMs: 61_000, records: 1503 });
  const verified = { damagedPacks: [], findings: 0, damaged: [] };
  await write('verify', { ...verified, depth: { kind: 'full' } });
  expect((await holdfast('list')).stdout).toMatch(/whole, held +full, just now +files:/);
  const { stdout } = await holdfast('status');
  expect(stdout).toMatch(
    /verified +full, just now\n +drilled +just now, equal, 1,503 records restored in 1 min 01 s\n/,
  );
  expect(stdout).toMatch(/held +backup_daily_\w+\n\nNext:\n {2}- Nothing\.\n$/);
  await write('verify', {
    ...verified,
    depth: { kind: 'subset', part: 1, of: 7 },
    damaged: [key],
    findings: 1,
  });
  expect((await holdfast('show latest')).stdout).toMatch(
    /state +whole, held\nverified +DAMAGED: part 1 of 7, just now\nheld +"audit", just now\ndrilled +equal, restored in 1 min 01 s/,
  );
  const failed = await holdfast('status');
  expect(failed).toMatchObject({ status: 20, stdout: expect.stringContaining('has no good backup') });
});

it('thresholds come from the configuration, and mistakes in them are named', async () => {
  const configure = (suspects: object) =>
    writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify({ suspects }));
  await configure({ recordDownBy: 0.5, minRecords: 0, recordsDownBy: 1.5, ignoreDatasets: [''] });
  const { status, stderr } = await holdfast('list');
  expect(status).toBe(2);
  expect(stderr).toContain('suspects.recordDownBy is not a setting; did you mean recordsDownBy?');
  for (const name of ['minRecords', 'recordsDownBy', 'ignoreDatasets.0'])
    expect(stderr).toContain(`suspects.${name}: `);
  await tables({ customers: 0, orders: 450 });
  await configure({ recordsDownBy: 0.6, ignoreDatasets: ['cust*'] });
  expect(await backUp()).toMatchObject({ status: 0, stderr: '' });
});
