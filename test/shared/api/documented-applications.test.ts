import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { TEST_KEY } from '../../support/repository/engine.ts';
import { turns } from '../../support/repository/torture.ts';

const it = turns(3);

/** Applications as docs/reference/api.md has them, beside the packages that they import. */
describe('the applications of docs/reference/api.md', () => {
  const ENTRY = path.resolve('shared/api/express.ts');
  let folder: string;
  let programs: readonly string[];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-documented-'));
    await symlink(path.resolve('node_modules'), path.join(folder, 'node_modules'));
    await writeFile(path.join(folder, 'package.json'), '{"type":"module"}');
    const text = await readFile('docs/reference/api.md', 'utf8');
    const blocks = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);
    programs = blocks.filter((code) => code.includes("from 'holdfast/"));
    for (const [i, code] of programs.entries()) await writeFile(path.join(folder, `${i}.ts`), code);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('type-check as strictly as this project', async () => {
    expect(programs).toHaveLength(3);
    const paths = Object.fromEntries(['express', 'fetch'].map((name) => [`holdfast/${name}`, [ENTRY]]));
    const config = {
      extends: path.resolve('tsconfig.json'),
      compilerOptions: { paths },
      include: ['*.ts'],
      exclude: [],
    };
    await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify(config));
    const done = promisify(execFile)('node_modules/.bin/tsc', ['-p', folder]).then(
      () => '',
      ({ stdout }: { readonly stdout: string }) => stdout,
    );
    expect(await done).toBe('');
  });

  it.each(['express', 'fastify'])(
    'start without a repository, answer, and end on SIGTERM: %s',
    async (kind) => {
      const program = programs.find((code) => code.includes(`from '${kind}'`)) ?? '';
      // On a port of its own, which it tells.
      const told = program
        .replace(/'holdfast\/\w+'/, `'${ENTRY}'`)
        .replace(
          /const server = app\.listen\(3000\);/,
          'const server = app.listen(0, () => console.log(JSON.stringify(server.address())));',
        )
        .replace(
          /await app\.listen\(\{ port: 3001 \}\);/,
          'await app.listen({ port: 0 }); console.log(JSON.stringify(app.server.address()));',
        )
        .replace("'s3://my-backups/shop'", "'./backups'");
      const file = path.join(folder, `run-${kind}.ts`);
      await writeFile(file, told);
      const child = spawn(process.execPath, [file], {
        cwd: folder,
        env: {
          PATH: process.env['PATH'],
          BACKUP_ENCRYPTION_KEY: TEST_KEY,
          DATABASE_URL: 'postgres://127.0.0.1:1/shop',
        },
      });
      let said = '';
      child.stderr.on('data', (bytes: Buffer) => {
        said += bytes.toString();
      });
      const [line] = await Promise.race([
        once(child.stdout, 'data') as Promise<Buffer[]>,
        once(child, 'exit').then(() => [Buffer.from(JSON.stringify({ said }))]),
      ]);
      const { port } = JSON.parse(String(line)) as { readonly port: number };
      const health = await fetch(`http://localhost:${port}/api/admin/backup/health`);
      expect([health.status, said.includes('SyntaxError')]).toEqual([503, false]);
      await health.body?.cancel();
      child.kill('SIGTERM');
      expect(await once(child, 'exit')).toEqual([0, null]);
    },
  );
});
