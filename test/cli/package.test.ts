import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { installHoldfast } from '../../tools/installed.ts';
import { TEST_KEY } from '../support/engine.ts';
import { newFolder } from '../support/temporary.ts';

it('works as npm installs it: bundled, with its workers and its types', async () => {
  const folder = await newFolder();
  const program = installHoldfast(folder);
  const run = (...args: readonly string[]) =>
    execFileSync(process.execPath, [program, ...args, '-r', path.join(folder, 'repository'), '-q'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], BACKUP_ENCRYPTION_KEY: TEST_KEY },
      encoding: 'utf8',
    });
  const rows = Array.from({ length: 20_000 }, (_, i) => `${i}\ta row of the number ${i}\n`).join('');
  await writeFile(path.join(folder, 'rows.txt'), rows);
  await writeFile(
    path.join(folder, 'holdfast.config.ts'),
    `import { defineConfig } from 'holdfast/config';
export default defineConfig({ sources: { rows: { kind: 'files', url: './rows.txt' } } });`,
  );
  run('init');
  run('backup', '--source', 'rows');
  expect(JSON.parse(run('verify', '--json'))).toMatchObject({ records: 20_000, findings: [] });
  run('restore', 'latest', '--to', path.join(folder, 'restored'), '--yes');
  expect(await readFile(path.join(folder, 'restored', 'rows.txt'), 'utf8')).toBe(rows);
  const started = `import { adminRouter, startBackups } from 'holdfast/express';
const backups = await startBackups({ config: { repository: './repository' }, env: process.env });
console.log(typeof adminRouter(backups, { caller: () => undefined }), String(backups.problem()?.code));
await backups[Symbol.asyncDispose]();`;
  await writeFile(path.join(folder, 'application.mjs'), started);
  const application = execFileSync(process.execPath, [path.join(folder, 'application.mjs')], {
    cwd: folder,
    env: { PATH: process.env['PATH'], BACKUP_ENCRYPTION_KEY: TEST_KEY },
    encoding: 'utf8',
  });
  expect(application).toBe('function undefined\n');
  expect(await readFile('dist/types/shared/api/express.d.ts', 'utf8')).toContain('startBackups');
  expect(await readFile('dist/types/shared/core/config.d.ts', 'utf8')).toContain('defineConfig');
}, 60_000);
