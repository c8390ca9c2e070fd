import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import * as library from '../../../shared/library/index.ts';
import { OTHER_KEY, TEST_KEY } from '../../support/repository/engine.ts';
import { turns } from '../../support/repository/torture.ts';
import { newFolder } from '../../support/temporary.ts';

const it = turns(2);

const {
  backup,
  diff,
  drill,
  history,
  initRepository,
  list,
  openRepository,
  planPrune,
  planRestore,
  prune,
  queryBackup,
  readBackupRows,
  restore,
  verify,
} = library;

async function world() {
  const folder = await newFolder();
  const at = (name: string) => path.join(folder, name);
  const rows = Array.from({ length: 5000 }, (_, i) => `${i}\ta row of the number ${i}\n`).join('');
  await writeFile(at('rows.txt'), rows);
  return { at, rows, options: { repository: at('repository'), encryptionKey: TEST_KEY } };
}

it('has these names, and no others', () => {
  expect(Object.keys(library).toSorted()).toEqual([
    'HoldfastError',
    'OpenRepository',
    'backup',
    'bisect',
    'checkMaskRules',
    'diff',
    'diffSql',
    'drill',
    'history',
    'initRepository',
    'isHoldfastError',
    'list',
    'openRepository',
    'planMaskedRestore',
    'planPrune',
    'planRestore',
    'planRestoreRows',
    'planRestoreSubset',
    'planUndo',
    'prune',
    'queryBackup',
    'readBackupRows',
    'restore',
    'restoreMasked',
    'restoreRows',
    'restoreSubset',
    'suggestMaskRules',
    'undoTransaction',
    'verify',
  ]);
});

it('backs up, lists, verifies, restores, drills and prunes, as the command line tells of it', async () => {
  const { at, rows, options } = await world();
  await using repository = await initRepository(options);
  const events: string[] = [];
  const onProgress = ({ kind }: library.ProgressEvent) => events.push(kind);
  const made = await backup(repository, at('rows.txt'), { name: 'rows', type: 'daily', onProgress });
  expect(made).toMatchObject({ records: 5000, type: 'daily', suspect: undefined });
  expect(new Set(events)).toContain('done');

  expect(await list(repository, { source: 'rows' })).toMatchObject([{ key: made.key, state: 'whole' }]);
  expect(await list(repository, { source: 'row' })).toEqual([]);
  expect(await verify(repository)).toMatchObject({ findings: [], records: 5000 });
  expect(await verify(repository, 'all', { depth: 'quick' })).toMatchObject({ findings: [] });

  const plan = await planRestore(repository, 'latest:rows', at('copy'));
  expect(plan.conflicts).toEqual([]);
  await expect(readFile(at('copy/rows.txt'))).rejects.toThrow('ENOENT');
  await restore(repository, 'good:rows', at('copy'));
  expect(await readFile(at('copy/rows.txt'), 'utf8')).toBe(rows);
  await expect(restore(repository, made.key, at('copy'))).rejects.toMatchObject({
    code: 'E_TARGET_NOT_EMPTY',
  });

  await mkdir(at('scratch'));
  expect(await drill(repository, 'good', at('scratch'))).toMatchObject({ outcome: 'equal', records: 5000 });
  const { decisions } = await planPrune(repository, { retention: { daily: 1 } });
  expect(decisions).toMatchObject([{ key: made.key, keep: true }]);
  expect(await prune(repository, { retention: { daily: 1 } })).toMatchObject({
    expired: [],
    removedPacks: 0,
  });

  const env = { PATH: process.env['PATH'], BACKUP_ENCRYPTION_KEY: TEST_KEY };
  const said = execFileSync(process.execPath, ['bin/holdfast.js', 'runs', '--json', '-r', at('repository')], {
    env,
    encoding: 'utf8',
  });
  const kinds = JSON.parse(said).runs.map((run: { kind: string }) => run.kind);
  expect(kinds.toSorted()).toEqual(['backup', 'drill', 'restore', 'restore', 'verify', 'verify']);
}, 60_000);

it('stops clean', async () => {
  const { at, options } = await world();
  await using repository = await initRepository(options);
  const stop = new AbortController();
  const work = backup(repository, at('rows.txt'), {
    signal: stop.signal,
    onProgress: ({ kind }) => kind === 'done' && stop.abort(),
  });
  await expect(work).rejects.toMatchObject({ code: 'E_ABORTED' });
  expect(await list(repository)).toEqual([]);
});

it('refuses what it does not know, in words that help, without secrets', async () => {
  const { at, options } = await world();
  const wrong = { ...options, encryptionkey: TEST_KEY } as never;
  await expect(openRepository(wrong)).rejects.toMatchObject({
    code: 'E_CONFIG',
    message: "openRepository has no option 'encryptionkey'",
    hint: "Did you mean 'encryptionKey'?",
  });
  await expect(openRepository({} as never)).rejects.toMatchObject({ code: 'E_CONFIG' });
  await expect(openRepository({ ...options, kmsKey: 'alias/a' })).rejects.toMatchObject({ code: 'E_CONFIG' });
  await expect(openRepository(options)).rejects.toMatchObject({ code: 'E_NO_REPOSITORY' });
  await (await initRepository(options))[Symbol.asyncDispose]();
  await expect(openRepository({ ...options, encryptionKey: OTHER_KEY })).rejects.toMatchObject({
    code: 'E_WRONG_KEY',
  });
  await using repository = await openRepository(options);
  const refused = await backup(repository, 'mongodb://root:hunter2@db/shop').catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'E_USAGE', message: expect.stringContaining('mongodb://') });
  expect(JSON.stringify(refused) + String(refused)).not.toContain('hunter2');
  await expect(restore(repository, 'latest', at('copy'))).rejects.toMatchObject({ code: 'E_NO_BACKUP' });
  await expect(list({} as never)).rejects.toMatchObject({ code: 'E_USAGE' });
});

it('compresses as hard as it is told, by name or by level, and refuses both and others', async () => {
  const { at, options } = await world();
  await using made = await initRepository({ ...options, compression: 'fast' });
  const storedBytes = async (compression: library.Compression) => {
    await using repository = await openRepository({ ...options, compression });
    return (await backup(repository, at('rows.txt'), { name: compression, noParent: true })).storedBytes;
  };
  expect(made.id).toMatch(/^[0-9a-f]{32}$/);
  // Rows that compress the better the longer one looks.
  const rows = Array.from(
    { length: 20_000 },
    (_, i) =>
      `${i}\t${createHash('md5')
        .update(String(i % 5000))
        .digest('base64')}\n`,
  );
  await writeFile(at('rows.txt'), rows.join(''));
  expect(await storedBytes('small')).toBeLessThan(await storedBytes('fast'));
  await expect(
    openRepository({ ...options, compression: 'small', compressionLevel: 3 }),
  ).rejects.toMatchObject({
    code: 'E_CONFIG',
    message: expect.stringContaining('keep one of them'),
  });
  const huge = { ...options, compression: 'huge' as library.Compression };
  await expect(openRepository(huge)).rejects.toMatchObject({ code: 'E_CONFIG' });
});

it('looks into backups', async () => {
  const { at, rows, options } = await world();
  await using repository = await initRepository(options);
  const first = await backup(repository, at('rows.txt'), { name: 'rows' });
  await writeFile(at('rows.txt'), `${rows}one more\n`);
  const second = await backup(repository, at('rows.txt'), { name: 'rows' });
  const found = await readBackupRows(repository, first.key, { where: ['record ~ number 4711'] });
  expect(found).toMatchObject({ dataset: 'rows.txt', columns: [{ name: 'record' }] });
  expect(await Array.fromAsync(found.rows())).toEqual([['4711\ta row of the number 4711']]);
  for await (const { dataset, changes } of diff(repository, first.key, second.key)) {
    expect(dataset).toBe('rows.txt');
    expect(await Array.fromAsync(changes())).toEqual([
      { change: 'added', before: null, after: ['one more'] },
    ]);
  }
  const sql =
    'SELECT a.record, length(a.record)::bigint AS n FROM a."rows.txt" a WHERE record LIKE \'%4711\'';
  expect(await Array.fromAsync(queryBackup(repository, [first.key, second.key], sql))).toEqual([
    { record: '4711\ta row of the number 4711', n: 29n },
  ]);
  await expect(queryBackup(repository, [], sql).next()).rejects.toMatchObject({ code: 'E_USAGE' });
  const versions = Array.fromAsync(history(repository, { dataset: 'rows.txt', key: ['one more'] }));
  await expect(versions).rejects.toMatchObject({
    code: 'E_USAGE',
    message: expect.stringContaining('no primary key'),
  });
});
