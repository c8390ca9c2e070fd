import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, onTestFinished, vi } from 'vitest';
import { type FirebaseServer, startFirebaseServer } from '../../tools/firebase-server/server.ts';
import { failure, runCommand } from '../support/command-line.ts';
import { expectDocumented } from '../support/documented-json.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turns } from '../support/repository/torture.ts';
import { plainTree } from '../support/sources/importing.ts';
import { ORIGINAL_PASSPHRASE, originalFile } from '../support/sources/original.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(3);

// A server, a repository and worker threads: a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

const data = { users: { alice: { name: 'Alice' }, bob: { name: 'Bob' } }, version: 3 };
const OLD = '20240301_020000';

let cwd: string;
let env: Record<string, string>;
let server: FirebaseServer;
const holdfast = (line: string) => runCommand(line, { env, cwd });
const put = (name: string, content: string | Uint8Array) => writeFile(path.join(cwd, name), content);

beforeEach(async () => {
  cwd = await newFolder();
  server = await startFirebaseServer();
  onTestFinished(() => server[Symbol.asyncDispose]());
  await server.set('/', data);
  env = {
    HOLDFAST_REPOSITORY: path.join(cwd, 'repository'),
    BACKUP_ENCRYPTION_KEY: TEST_KEY,
    FIREBASE_DATABASE_URL: server.url,
  };
  await holdfast('init');
  await put('export.json', await plainTree(server.url));
});

describe('holdfast import', () => {
  it('imports an export with the date that is given, shows what it is, and gives it back', async () => {
    expect(await holdfast('import export.json')).toMatchObject(
      failure('E_USAGE', 'neither the file nor its name says when its data was read'),
    );
    const made = await holdfast('import export.json --at 2024-03-01T02:00:00Z --note old');
    expect(made).toMatchObject({ status: 0 });
    expect(made.stdout).toMatch(
      /^backup_imported_20240301_020000 of http.*: imported\n.*3 records in 2 datasets/,
    );
    expect(made.stdout).toContain('by --at\n  kept forever: no retention is set for type imported');
    const shown = (await holdfast('show latest')).stdout;
    expect(shown).toMatch(/dated +2024-0(2-29|3-01) .* according to its file or to who imported it\n/);
    expect(shown).toMatch(
      /imported +20.* from an export of Firebase, file of SHA-256 \w{64}; it was not read/,
    );
    expect(shown).toContain('nothing: it was imported');
    expect(shown).toContain('Security rules: the file does not hold them.');
    expect(JSON.parse((await holdfast('export latest -f json')).stdout)).toEqual(data);
    const again = await holdfast('import export.json --at 2024-03-01T02:00:00Z --json');
    expect(again.json()).toMatchObject({ isThereAlready: true, dateFrom: '--at', format: 'firebase' });
    expectDocumented('import', again.json());
    const listed = (await holdfast('list --json')).json().backups;
    expect(listed).toHaveLength(1);
    expect(listed[0]).toMatchObject({ note: 'old', imported: { format: 'firebase' } });
  });

  it('reads a file of the original, its date, and its passphrase from where it may be', async () => {
    const file = originalFile({ timestamp: 1709258400, type: 'daily' }, data);
    await put('any.json.gz', file);
    await put('passphrase', `${ORIGINAL_PASSPHRASE}\n`);
    expect(await holdfast('import any.json.gz')).toMatchObject(
      failure('E_IMPORT_REFUSED', 'with this passphrase'),
    );
    const made = await holdfast('import any.json.gz --passphrase-file passphrase');
    expect(made.stdout).toContain('backup_imported_20240301_020000');
    expect(made.stdout).toContain('by metadata.timestamp of the file');
    expect(made.stdout).toContain('the JSON is complete, nothing more can be checked');
    env = { ...env, HOLDFAST_IMPORT_PASSPHRASE: ORIGINAL_PASSPHRASE };
    expect((await holdfast('import any.json.gz')).stdout).toContain('was already imported from this file');
    env = { ...env, HOLDFAST_IMPORT_PASSPHRASE: '' };
    await put('backup_weekly_20240303_030000.json.gz', originalFile({}, data, TEST_KEY));
    const weekly = await holdfast('import backup_weekly_20240303_030000.json.gz --format original --as game');
    expect(weekly.stdout).toMatch(/^backup_imported_20240303_030000 of game: imported/);
    expect(weekly.stdout).toContain('by the name of the file, read as UTC');
    for (const wrong of [
      '--at 2024-03-01T02:00',
      '--at yesterday',
      '--format csv',
      '--passphrase-file none',
      '--source ./files',
    ])
      expect((await holdfast(`import any.json.gz ${wrong}`)).status).toBe(2);
    for (const { stdout, stderr } of [made, weekly])
      expect(stdout + stderr).not.toContain(ORIGINAL_PASSPHRASE);
  });

  it('never stands in for a backup that was read from the database', async () => {
    const real = (await holdfast('backup daily --json')).json();
    const today = new Date(Date.parse(real.startedAt) - 1000).toISOString();
    const newer = new Date(Date.parse(real.startedAt) + 60_000).toISOString();
    for (const at of ['2024-03-01', today, newer])
      expect(await holdfast(`import export.json --type daily --at ${at} --quiet`)).toMatchObject({
        status: 0,
      });
    const [source] = (await holdfast('status --json')).json().sources;
    expect(source).toMatchObject({ backups: 4, newestGood: { key: real.key } });
    expect((await holdfast('drill --server http://127.0.0.1:1')).stderr).not.toContain('imported');
    const next = (await holdfast('backup daily --json')).json();
    expect(next.parent).toBe(real.key);
    expect(next).not.toHaveProperty('suspect');
  });

  it('is kept as retention says for its type, by its date, and is told so', async () => {
    await put('holdfast.config.json', JSON.stringify({ retention: { daily: 30 } }));
    const real = (await holdfast('backup daily --json')).json();
    const old = await holdfast('import export.json --type daily --at 2024-03-01T02:00:00Z');
    expect(old.stdout).toContain('THE NEXT PRUNE REMOVES IT: it is older than the 30 days of type daily');
    await holdfast('import export.json --at 2024-03-01T02:00:00Z');
    await put(
      'holdfast.config.json',
      JSON.stringify({ retention: { daily: 30 }, keep: { last: 2, yearly: 5 } }),
    );
    const { backups } = (await holdfast('prune --dry-run --json')).json();
    const reasons = Object.fromEntries(
      backups.map(({ key, keep, reasons: all }: Record<string, unknown>) => [
        key,
        [keep, ...(all as string[])],
      ]),
    );
    expect(reasons[`backups/daily/20240301/backup_daily_${OLD}.json`]).toEqual([
      false,
      'older than 30 days, by the date of the file that it was imported from',
    ]);
    expect(reasons[`backups/imported/20240301/backup_imported_${OLD}.json`]).toEqual([
      true,
      'no retention is set for type imported',
    ]);
    expect(reasons[real.key]).toContain('last 2');
  });

  it('keeps the newest import where there is nothing else', async () => {
    const users = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`user${i}`, { id: i }]));
    await put('many.json', JSON.stringify({ ...data, users }));
    for (const at of ['2024-03-01', '2024-03-02'])
      await holdfast(`import many.json --type daily --at ${at} -q`);
    const status = await holdfast('status');
    expect(status.stdout).toContain('has only imported backups: it was never read itself');
    const { expire } = (await holdfast('prune --dry-run --json')).json();
    expect(expire).toEqual(['backups/daily/20240301/backup_daily_20240301_000000.json']);
    const first = (await holdfast('backup daily --json')).json();
    expect(first.parent).toMatch(/20240302/);
    expect(first).not.toHaveProperty('suspect');
  });
});
