import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { install, run, TSC } from '../support/package.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { itInFull as it } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

it('examples/library: it type-checks strictly, backs up, drills and prunes', async () => {
  const folder = await newFolder();
  install(folder, ['typescript', '@types/node']);
  await copyFile('examples/library/nightly.ts', path.join(folder, 'nightly.ts'));
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }');
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: 'nodenext',
    target: 'es2024',
    lib: ['esnext'],
  };
  await writeFile(
    path.join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compilerOptions, types: ['node'] }, files: ['nightly.ts'] }),
  );
  expect(run(folder, TSC, '-p', '.')).toBe('');
  mkdirSync(path.join(folder, 'scratch'));
  await writeFile(path.join(folder, 'rows.txt'), 'one\ntwo\n');
  const said = execFileSync(process.execPath, ['nightly.ts', './backups', './rows.txt', './scratch'], {
    cwd: folder,
    env: { PATH: process.env['PATH'], BACKUP_ENCRYPTION_KEY: TEST_KEY },
    encoding: 'utf8',
  });
  expect(said).toMatch(/2 records.*\ndrill: equal, .*\nprune: 0 backups went, 0 bytes freed\n$/);
}, 60_000);
