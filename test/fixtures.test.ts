import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { runBackup } from '../shared/jobs/backup/backup.ts';
import { rekeyRepository } from '../shared/jobs/keys/rekey.ts';
import { restoreBackup } from '../shared/jobs/restore/restore.ts';
import { verifyBackups } from '../shared/jobs/verify/verify.ts';
import { HexKeyProvider } from '../shared/keys/hex-key-provider.ts';
import { FilesSource } from '../shared/sources/files/source.ts';
import { FilesTarget } from '../shared/sources/files/target.ts';
import { FolderStore } from '../shared/store/folder-store.ts';
import { describeWithPart } from './support/parts.ts';
import { initRepository, never, openRepository, TEST_KEY } from './support/repository/engine.ts';
import { backUpInShares, sharedSource } from './support/repository/shares.ts';
import { turns } from './support/repository/torture.ts';
import { newFolder } from './support/temporary.ts';

const it = turns(2);

const run = promisify(execFile);
const LINES = path.resolve('test/fixtures/lines');
/** Repositories as releases wrote them. They are never made again: what they hold must be read for ever. */
const FIXTURES = ['format-1', 'format-2'];

describe.each(FIXTURES)('the repository %s', (name) => {
  const folder = path.resolve('test/fixtures/repositories', name);

  it('is whole, and restores to what was backed up', async () => {
    await using repository = await openRepository(new FolderStore(folder));
    const keys = (await repository.backupKeys(never)).toReversed();
    const report = await verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: never });
    expect(report.findings).toEqual([]);
    for (const [i, key] of keys.entries()) {
      const target = await newFolder();
      await restoreBackup(repository, key, new FilesTarget(target), { signal: never });
      for (const file of ['rows.txt', 'empty.txt', 'no newline.txt']) {
        const wanted = await readFile(path.join(LINES, String(i + 1), file));
        expect(wanted.equals(await readFile(path.join(target, file))), file).toBe(true);
      }
    }
  });

  it('takes a further backup, which stores nothing new of unchanged data', async () => {
    const copy = await newFolder();
    await cp(folder, copy, { recursive: true });
    await using repository = await openRepository(new FolderStore(copy), { packBytes: undefined });
    const source = new FilesSource(path.join(LINES, '2'));
    const same = {
      kind: 'files' as const,
      name: 'files:lines',
      capabilities: source.capabilities,
      open: source.open.bind(source),
    };
    expect(await runBackup(repository, same, { signal: never })).toMatchObject({ newChunks: 0 });
  });
});

describeWithPart('python-reader', 'the reader in Python, written from docs/reference/format.md alone', () => {
  const read = (...args: string[]) => readWith(TEST_KEY, ...args);
  const readWith = (key: string, ...args: string[]) =>
    run('/usr/bin/python3', ['tools/read-repository.py', ...args], {
      env: { BACKUP_ENCRYPTION_KEY: key },
      maxBuffer: 2 ** 26,
      encoding: 'buffer',
    });

  it.each(FIXTURES)('lists %s and writes its records out', async (name) => {
    const folder = path.resolve('test/fixtures/repositories', name);
    expect((await read(folder)).stdout.toString()).toContain('rows.txt 3000 records');
    for (const version of [1, 2]) {
      await using repository = await openRepository(new FolderStore(folder));
      const key = (await repository.backupKeys(never)).toReversed()[version - 1]!;
      const { stdout } = await read(folder, key, 'rows.txt');
      expect((await readFile(path.join(LINES, String(version), 'rows.txt'))).equals(stdout)).toBe(true);
    }
  });

  it.each(FIXTURES)('opens %s with the newest key alone, after its key was changed twice', async (name) => {
    const folder = await newFolder();
    await cp(path.resolve('test/fixtures/repositories', name), folder, { recursive: true });
    const store = new FolderStore(folder);
    const open = (key: string) => openRepository(store, { keys: new HexKeyProvider(key) });
    const newKey = (of: string) => createHash('sha256').update(of).digest('hex');
    await rekeyRepository(open, { key: TEST_KEY, newKey: newKey('two'), signal: never });
    await rekeyRepository(open, { key: newKey('two'), newKey: newKey('three'), signal: never });
    for (const key of [newKey('two'), newKey('three')]) {
      const { stdout } = await readWith(key, folder, 'backup_', 'rows.txt');
      expect((await readFile(path.join(LINES, '2', 'rows.txt'))).equals(stdout)).toBe(true);
    }
    await expect(readWith(newKey('four'), folder)).rejects.toMatchObject({ code: 1 });
  });

  it('reads what was backed up in shares, the second time with differences', async () => {
    const folder = await newFolder();
    const store = new FolderStore(folder);
    await initRepository(store);
    await using repository = await openRepository(store);
    for (const version of ['1', '2']) {
      const parts = await Promise.all(
        ['1', '2'].map((of) => readFile(path.join(LINES, of === '1' ? version : of, 'rows.txt'), 'utf8')),
      );
      const { key } = await backUpInShares(repository, sharedSource({ rows: parts }), { shareBytes: 1 });
      const { stdout } = await read(folder, key, 'rows');
      expect(stdout.toString()).toBe(parts.join(''));
    }
  });

  it('says that the key is wrong', async () => {
    const folder = path.resolve('test/fixtures/repositories/format-1');
    const wrong = run('/usr/bin/python3', ['tools/read-repository.py', folder], {
      env: { BACKUP_ENCRYPTION_KEY: 'cd'.repeat(32) },
    });
    await expect(wrong).rejects.toMatchObject({ stderr: expect.stringContaining('wrong key') });
  });

  it('is no longer than 200 lines', async () => {
    expect(
      (await readFile('tools/read-repository.py', 'utf8')).trimEnd().split('\n').length,
    ).toBeLessThanOrEqual(200);
  });
});
