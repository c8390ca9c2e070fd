import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startFirebaseServer } from '../../tools/firebase-server/server.ts';
import { failure, runCommand } from '../support/command-line.ts';
import { newFolder } from '../support/temporary.ts';

describe('holdfast test --source', () => {
  it('tells of a Firebase database what holds, what differs, what was not seen, and writes only if asked', async () => {
    const server = await startFirebaseServer({ etagOfSilent: 'none', tokens: ['hush-token'] });
    onTestFinished(() => server[Symbol.asyncDispose]());
    await server.set('/', { n: { a: { b: 1 }, c: 2 } });
    const cwd = await newFolder();
    const env = { FIREBASE_ACCESS_TOKEN: 'hush-token' };
    const looked = await runCommand(`test --source ${server.url}`, { env, cwd });
    expect(looked).toMatchObject({ status: 0, stderr: '' });
    expect(looked.stdout).toContain('  holds    shallow: `shallow=true` lists exactly the keys');
    expect(looked.stdout).toMatch(
      /DIFFERS {2}etag-silent: .*\n +Seen: it has none\n +The ETag of a shallow read is tried/,
    );
    expect(looked.stdout).toMatch(/skipped {2}write: .*\n +Not checked: it writes/);
    expect(looked.stdout).toMatch(/\d+ of \d+ hold; \d+ were not checked\.\n.*cost requests or bytes/);
    expect(server.stats.byKind['put']).toBeUndefined();
    const written = (await runCommand(`test --source ${server.url} --write --json`, { env, cwd })).json();
    expect(written).toMatchObject({ kind: 'firebase-rtdb', source: server.url });
    expect(written.checks).toContainEqual(
      expect.objectContaining({ name: 'left-nothing', outcome: 'holds' }),
    );
    expect(JSON.stringify(written)).not.toContain('hush-token');
    expect(await server.get('/')).toEqual({ n: { a: { b: 1 }, c: 2 } });
    const refused = await runCommand(`test --source ${server.url} --json`, { env: {}, cwd });
    expect(refused.status).toBe(30);
    expect(refused.json()).toMatchObject({ failure: 'E_SOURCE_DENIED' });
  });

  it('tells of files and folders', async () => {
    const cwd = await newFolder();
    await mkdir(path.join(cwd, 'data'));
    await writeFile(path.join(cwd, 'data/one.txt'), 'a\n');
    const whole = await runCommand('test --source ./data', { env: {}, cwd });
    expect(whole).toMatchObject({ status: 0, stdout: expect.stringMatching(/2 of 2 hold\./) });
    await symlink('one.txt', path.join(cwd, 'data/link'));
    const linked = await runCommand('test --source ./data', { env: {}, cwd });
    expect(linked.status).toBe(0);
    expect(linked.stdout).toMatch(/DIFFERS {2}only-files: .*\n.*1 of another kind: .*link/);
    await mkdir(path.join(cwd, 'empty'));
    expect((await runCommand('test --source ./empty', { env: {}, cwd })).status).toBe(30);
  });

  it('refuses --write without a source', async () => {
    const cwd = await newFolder();
    expect(await runCommand('test --write', { env: {}, cwd })).toMatchObject(
      failure('E_USAGE', '--write needs --source'),
    );
  });
});
