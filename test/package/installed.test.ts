import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { it as always, describe, expect } from 'vitest';
import { HOLDFAST, install, run, runNode, TSC, tarball } from '../support/package.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { itInFull as it } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const ENTRIES = ['', '/config', '/cdk', '/express', '/fetch', '/testing'];

it('is small: what functions have in common is there once, and no declarations but the public ones', () => {
  expect(statSync(tarball()).size).toBeLessThan(3e6);
  const listed = execFileSync('tar', ['tzf', tarball()], { encoding: 'utf8' }).split('\n');
  expect(listed.filter((name) => name.endsWith('.wasm'))).toEqual(['package/dist/pg_dump.wasm']);
  expect(listed.filter((name) => name.endsWith('.d.ts')).map((name) => name.replace(/\d/, ''))).toEqual(
    expect.arrayContaining(
      ['cdk', 'config', 'express', 'library', 'testing'].map((name) => `package/dist/types/${name}.d.ts`),
    ),
  );
  expect(
    listed.filter((name) => /\.d\.ts$/.test(name) && !/dist\/types\/[a-z]+\d*\.d\.ts$/.test(name)),
  ).toEqual([]);
  const licenses = execFileSync('tar', ['xzOf', tarball(), 'package/dist/third-party-licenses.txt'], {
    encoding: 'utf8',
  });
  for (const name of ['@electric-sql/pglite-tools', 'pg', 'zod', '@smithy/core', 'preact'])
    expect(licenses).toMatch(new RegExp(`^${name} \\d+\\.`, 'm'));
}, 240_000);

it('takes 45 MB at most when it is installed, and none of its packages runs a script or is deprecated', async () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    readonly packages: Readonly<Record<string, Locked>>;
  };
  // Optional peers are what the program has itself.
  const needed = Object.entries(packages).filter(([place, { dev, peer }]) => place !== '' && !dev && !peer);
  expect(needed.length).toBeGreaterThan(20);
  for (const [place, { hasInstallScript, deprecated }] of needed)
    expect([place, hasInstallScript, deprecated]).toEqual([place, undefined, undefined]);
  const folder = await newFolder();
  install(folder);
  let bytes = await sizeOf(path.join(folder, 'node_modules/holdfast'));
  for (const [place] of needed) bytes += await sizeOf(place);
  expect(bytes).toBeLessThan(45e6);
});

always('a clone installs without a warning: somebody has decided on every install script', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    readonly packages: Readonly<Record<string, Locked>>;
  };
  const { allowScripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  const withScripts = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript);
  const names = withScripts.map(([place]) =>
    place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length),
  );
  expect(names.filter((name) => !(name in allowScripts))).toEqual([]);
  expect(names).toContain('node');
});

interface Locked {
  readonly dev?: boolean;
  readonly peer?: boolean;
  readonly hasInstallScript?: boolean;
  readonly deprecated?: string;
}

/** Of all files, each in blocks of a file system; packages within others count by themselves. */
async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== 'node_modules') bytes += await sizeOf(file);
    if (entry.isFile()) bytes += Math.ceil((await stat(file)).size / 4096) * 4096;
  }
  return bytes;
}

it('works as npm installs it: bundled, with its workers and its types', async () => {
  const folder = await newFolder();
  install(folder);
  const program = path.join(folder, 'node_modules', HOLDFAST);
  const call = (...args: readonly string[]) =>
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
  call('init');
  call('backup', '--source', 'rows');
  expect(JSON.parse(call('verify', '--json'))).toMatchObject({ records: 20_000, findings: [] });
  call('restore', 'latest', '--to', path.join(folder, 'restored'), '--yes');
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
}, 60_000);

const CONSUMER = `
import { HoldfastError, openRepository, type OpenOptions } from 'holdfast';
import { defineConfig } from 'holdfast/config';
import { DatabaseBackups } from 'holdfast/cdk';
import { adminRouter } from 'holdfast/express';
import { adminFetch } from 'holdfast/fetch';
import { storeChecks } from 'holdfast/testing';
const options: OpenOptions = { repository: './backups', encryptionKey: 'ab' };
defineConfig({ sources: { shop: { kind: 'postgres', secret: 'arn:aws:secretsmanager:eu-west-1:1:secret:a' } } });
// @ts-expect-error: there is no such setting
defineConfig({ source: {} });
export const all = [HoldfastError, openRepository(options), DatabaseBackups, adminRouter, adminFetch, storeChecks];
`;

it('has types for modules and for CommonJS, which need no package but those of the program', async () => {
  const folder = await newFolder();
  install(folder, ['typescript', '@types/node', 'aws-cdk-lib', 'constructs']);
  await writeFile(path.join(folder, 'program.mts'), CONSUMER);
  await writeFile(path.join(folder, 'program.cts'), CONSUMER);
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: 'node16',
    target: 'es2024',
    lib: ['esnext'],
    types: ['node'],
  };
  await writeFile(
    path.join(folder, 'tsconfig.json'),
    // With the declarations themselves: what they refer to must be there.
    JSON.stringify({
      compilerOptions: { ...compilerOptions, skipLibCheck: false },
      files: ['program.mts', 'program.cts'],
    }),
  );
  expect(run(folder, TSC, '-p', '.')).toBe('');
}, 120_000);

it('is loaded by require as by import, as one and the same', async () => {
  const folder = await newFolder();
  install(folder, ['aws-cdk-lib', 'constructs']);
  const both = ENTRIES.map(
    (name) => `names.push(require('holdfast${name}') === undefined);
for (const [name, value] of Object.entries(await import('holdfast${name}')))
  names.push(value === require('holdfast${name}')[name]);`,
  ).join('\n');
  await writeFile(
    path.join(folder, 'both.cjs'),
    `(async () => { const names = []; ${both} console.log(names.length > 30, names.filter((same) => !same).length); })();`,
  );
  expect(runNode(folder, ['both.cjs'])).toBe(`true ${ENTRIES.length}\n`);
}, 60_000);

describe('on another release of Node', () => {
  const older = ['/usr/bin/node', '/usr/local/bin/node'].find(
    (file) => existsSync(file) && /^v(20|22)\./.test(execFileSync(file, ['--version'], { encoding: 'utf8' })),
  );
  const says = (program: string, args: readonly string[], cwd: string) => {
    const { stderr, status } = spawnSync(program, [...args], {
      cwd,
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin' },
    });
    return { said: stderr.split('\n').filter((line) => line.includes('needs Node 24')), status };
  };

  it.skipIf(!older).each(ENTRIES)('holdfast%s says in one line that it is too old', async (name) => {
    const folder = await newFolder();
    install(folder, ['aws-cdk-lib', 'constructs']);
    const line = [
      expect.stringMatching(/^\[Error: holdfast needs Node 24 or newer, this is v2\d\.\d+\.\d+\.\]$/),
    ];
    await writeFile(path.join(folder, 'program.mjs'), `import * as all from 'holdfast${name}';`);
    expect(says(older ?? '', ['program.mjs'], folder)).toEqual({ said: line, status: 1 });
    await writeFile(path.join(folder, 'program.cjs'), `require('holdfast${name}');`);
    expect(says(older ?? '', ['program.cjs'], folder)).toEqual({ said: line, status: 1 });
  });

  it.skipIf(!older)('the command says it, and ends with 2', async () => {
    const folder = await newFolder();
    install(folder);
    const { said, status } = says(older ?? '', [path.join('node_modules', HOLDFAST), 'version'], folder);
    expect({ lines: said.length, status }).toEqual({ lines: 1, status: 2 });
  });
});

it('holdfast/cdk says in one line which packages it needs beside it', async () => {
  const folder = await newFolder();
  install(folder);
  await writeFile(path.join(folder, 'app.mjs'), `import { DatabaseBackups } from 'holdfast/cdk';`);
  const { stderr } = spawnSync(process.execPath, ['app.mjs'], { cwd: folder, encoding: 'utf8' });
  const lines = stderr.split('\n').filter((line) => /Error|aws-cdk-lib|constructs/.test(line));
  expect(lines).toEqual([
    '[Error: holdfast/cdk needs two packages beside it, run: npm install aws-cdk-lib constructs]',
  ]);
});

it('holdfast/testing runs in any test runner, and notices a store that breaks a promise', async () => {
  const folder = await newFolder();
  install(folder);
  await writeFile(path.join(folder, 'store.test.mjs'), STORE_TEST);
  const { stdout } = spawnSync(process.execPath, ['--test', '--test-reporter=tap', 'store.test.mjs'], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] },
  });
  const failed = [...stdout.matchAll(/^ *not ok \d+ - (.*)$/gm)].map(([, name]) => name);
  expect(failed).toEqual(['deletes, and deletes what is not there', 'a store that deletes nothing']);
  expect(stdout).toMatch(/^ *ok \d+ - refuses a second put and keeps the first body$/m);
}, 60_000);

/** The folder of a command's repository is the only store that a program can open; so this one is its own. */
const STORE_TEST = `
import { describe, it } from 'node:test';
import { storeChecks } from 'holdfast/testing';
import { HoldfastError } from 'holdfast';
const fail = (code) => { throw new HoldfastError(code, 'refused'); };
class MapStore {
  objects = new Map();
  deletes;
  constructor(deletes) { this.deletes = deletes; }
  #check(key, signal) {
    if (signal?.aborted) fail('E_ABORTED');
    if (!/^(?:[a-z0-9][a-z0-9~.-]*\\/)*[a-z0-9][a-z0-9~.-]*$/i.test(key)) fail('E_INTERNAL');
  }
  async put(key, body, { signal } = {}) {
    this.#check(key, signal);
    if (this.objects.has(key)) fail('E_OBJECT_EXISTS');
    this.objects.set(key, { body: Uint8Array.from(body), at: new Date() });
  }
  #at(key, signal) { this.#check(key, signal); return this.objects.get(key) ?? fail('E_OBJECT_NOT_FOUND'); }
  async get(key, { range, signal } = {}) {
    const { body } = this.#at(key, signal);
    if (!range) return body.slice();
    const end = range.offsetBytes + range.lengthBytes;
    if (end > body.length || range.offsetBytes > body.length) fail('E_RANGE');
    return body.slice(range.offsetBytes, end);
  }
  async head(key, { signal } = {}) {
    const { body, at } = this.#at(key, signal);
    return { key, sizeBytes: body.length, modifiedAt: at };
  }
  async *list(prefix, { after = '', most = Infinity, signal } = {}) {
    if (signal?.aborted) fail('E_ABORTED');
    if (/^\\/|\\.\\.|\\/\\/|^\\./.test(prefix)) fail('E_INTERNAL');
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    for (const key of keys.slice(0, most)) yield this.head(key);
  }
  async delete(key, { signal } = {}) {
    this.#check(key, signal);
    if (this.deletes) this.objects.delete(key);
  }
}
for (const [title, deletes] of [['a sound store', true], ['a store that deletes nothing', false]])
  describe(title, () => {
    for (const { name, skip, run } of storeChecks(async () => new MapStore(deletes))) it(name, { skip }, run);
  });
`;
