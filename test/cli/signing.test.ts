import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { FolderStore } from '../../shared/store/folder-store.ts';
import { failure, runCommand } from '../support/command-line.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { opensslSays } from '../support/repository/signing.ts';
import { newFolder } from '../support/temporary.ts';

describe('holdfast keys signing', () => {
  let cwd: string;
  let env: Record<string, string>;
  const holdfast = (line: string, more: Record<string, string> = {}) =>
    runCommand(line, { env: { ...env, ...more }, cwd });
  const configure = (signing: object) =>
    writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify({ signing }));
  beforeEach(async () => {
    cwd = await newFolder();
    env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
    await writeFile(path.join(cwd, 'data.txt'), 'one\ntwo\n');
    await holdfast('init');
  });

  it('makes a key that signs backups, which others check with its public half', async () => {
    const made = (await holdfast('keys signing new signing.pem --json')).json();
    expect((await stat(path.join(cwd, 'signing.pem'))).mode & 0o777).toBe(0o600);
    const { publicKey } = made;
    await configure({ keyFile: 'signing.pem', publicKeys: [publicKey], required: true });
    expect((await holdfast('keys signing --json')).json()).toMatchObject({ publicKey, algorithm: 'Ed25519' });
    const { key } = (await holdfast('backup daily --source data.txt --json')).json();
    const store = new FolderStore(path.join(cwd, 'repository'));
    expect(await opensslSays(await store.get(key), publicKey, 'Ed25519')).toBe(true);
    await configure({ publicKeys: [publicKey], required: true });
    const listed = (await holdfast('list --json', { BACKUP_ENCRYPTION_KEY: '' })).json();
    expect(listed.backups).toMatchObject([{ key, state: 'whole' }]);
    expect(await holdfast('backup --source data.txt')).toMatchObject(
      failure('E_NO_KEY', 'no signing key is configured'),
    );
    const pem = await readFile(path.join(cwd, 'signing.pem'), 'utf8');
    expect(await holdfast('keys signing new signing.pem')).toMatchObject({ status: 2 });
    expect(await readFile(path.join(cwd, 'signing.pem'), 'utf8')).toBe(pem);
  });

  it('signs for what was there before', async () => {
    await holdfast('backup daily --source data.txt');
    const { publicKey } = (await holdfast('keys signing new signing.pem --json')).json();
    await configure({ keyFile: 'signing.pem', publicKeys: [publicKey], required: true });
    expect((await holdfast('list --json')).json().backups).toMatchObject([{ state: 'damaged' }]);
    expect((await holdfast('keys signing adopt --reason begins --json')).json()).toMatchObject({
      backups: 1,
    });
    expect((await holdfast('list --json')).json().backups).toMatchObject([{ state: 'whole' }]);
    expect(await holdfast('restore latest --to ./out')).toMatchObject({ status: 0 });
  });

  it.each([
    [{ required: true }, 'signing.required needs signing.publicKeys'],
    [{ keyFile: 'a', kmsKey: 'b' }, 'are both set'],
    [{ publicKeys: ['no key'] }, 'not a public key'],
    [{ publickeys: [] }, 'did you mean publicKeys?'],
  ])('refuses the configuration %j', async (signing, problem) => {
    await configure(signing);
    expect(await holdfast('list')).toMatchObject({ status: 2, stderr: expect.stringContaining(problem) });
  });

  it.each([
    ['keys signing', 2, 'no signing key is configured'],
    ['keys signing new', 2, 'FILE is missing'],
    ['keys signing adopt', 2, '--reason is missing'],
    ['keys signing adopt --reason x', 12, 'no signing key is configured'],
    ['keys signing forge', 2, 'keys signing has no action'],
    ['keys check more', 2, 'one argument too many'],
  ])('says what is wrong with %s', async (line, status, problem) => {
    expect(await holdfast(line)).toMatchObject({ status, stderr: expect.stringContaining(problem) });
  });
});
