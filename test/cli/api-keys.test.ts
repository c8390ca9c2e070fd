import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { API_BASE } from '../../shared/core/api-names.ts';
import { runCommand } from '../support/command-line.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { startServing } from '../support/serving.ts';
import { newFolder } from '../support/temporary.ts';

describe('holdfast api-keys', () => {
  let cwd: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    cwd = await newFolder();
    env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
    await writeFile(path.join(cwd, 'data.txt'), 'one\n');
    const place = (url: string) => ({ kind: 'files', url });
    const sources = { shop: place('data.txt'), billing: place('.') };
    await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify({ sources }));
    expect((await holdfast('init')).status).toBe(0);
  });
  const holdfast = (line: string) => runCommand(line, { env, cwd });

  it('makes a key that is shown once, lists it, and a server takes it until it is revoked', async () => {
    expect((await holdfast('api-keys')).stdout).toBe(
      'There are no API keys. Make one with: holdfast api-keys create --name ci --role viewer\n',
    );
    const made = await holdfast('api-keys create --name ci --role operator --source shop --expires 30d');
    expect(made).toMatchObject({ status: 0, stderr: 'It is not shown again.\n' });
    const [token = '', about] = made.stdout.split('\n');
    const id = token.slice(3, 11);
    expect(token).toMatch(/^hf_[0-9a-f]{8}_[0-9a-f]{72}$/);
    expect(about).toMatch(new RegExp(`^API key ci \\(${id}\\): operator of shop. It expires \\d{4}-`));
    const asked = async (where: string) => {
      await using serving = await startServing('', { env, cwd });
      const headers = { authorization: `Bearer ${token}` };
      const answer = await fetch(`${serving.url}${API_BASE}${where}`, { headers });
      return { status: answer.status, json: (await answer.json()) as Record<string, never> };
    };
    expect(await asked('/status')).toMatchObject({
      status: 200,
      json: {
        caller: { name: `API key ci (${id})`, sources: ['shop'] },
        sources: [{ source: { name: 'shop' } }],
      },
    });
    const { keys } = (await holdfast('api-keys --json')).json();
    const today = new Date().toISOString().slice(0, 10);
    expect(keys).toMatchObject(
      [{ id, state: 'active', roles: ['operator'], sources: ['shop'], createdBy: /\(command line\)$/ }].map(
        (key) => ({ ...key, createdBy: expect.stringMatching(key.createdBy) }),
      ),
    );
    expect(keys[0].lastUsedOn <= today).toBe(true);
    const { stdout } = await holdfast('api-keys');
    expect(stdout).toMatch(new RegExp(`^${id} +ci +active +operator +shop `, 'm'));
    expect(stdout).not.toContain(token.slice(12));
    const revoked = await holdfast(`api-keys revoke ${id}`);
    expect(revoked).toMatchObject({ status: 0, stdout: expect.stringContaining(`Revoked: ci (${id}).`) });
    expect(await asked('/status')).toMatchObject({
      status: 401,
      json: { detail: `the API key ci (${id}) was revoked` },
    });
    expect((await holdfast('api-keys --json')).json().keys[0]).toMatchObject({
      state: 'revoked',
      revokedBy: expect.stringMatching(/\(command line\)$/),
    });
  });

  it('says in JSON what it made, and nothing else', async () => {
    const made = await holdfast(
      'api-keys create --name ci --role viewer --role restorer --expires never --json',
    );
    expect(made).toMatchObject({ status: 0, stderr: '' });
    expect(made.json()).toMatchObject({
      key: { name: 'ci', roles: ['viewer', 'restorer'], sources: null, expiresAt: null },
      token: expect.stringMatching(/^hf_/),
    });
  });

  it.each([
    ['api-keys list', 2, "api-keys has no action 'list'"],
    ['api-keys create --role viewer', 2, '--name is missing'],
    ['api-keys create --name ci', 2, '--role is missing'],
    [
      'api-keys create --name ci --role admin',
      2,
      'no API key can make others; allowed are viewer, operator, restorer',
    ],
    [
      'api-keys create --name ci --role viewer --expires 0d',
      2,
      "--expires is '0d'; allowed are 1d to 3650d, or never",
    ],
    [
      'api-keys create --name ci --role viewer --source shpo',
      10,
      'Did you mean shop? Allowed are: shop, billing.',
    ],
    ['api-keys create ci', 2, "'ci' is one argument too many"],
    ['api-keys revoke', 2, 'the ID of the key is missing'],
    ['api-keys revoke ci', 2, "'ci' is not the id of an API key, which has 8 hex digits"],
    ['api-keys revoke 00000000', 10, 'there is no API key 00000000'],
    ['api-keys --role viewer', 2, '--role needs create'],
  ])('refuses %s', async (line, status, message) => {
    const result = await holdfast(line);
    expect([result.status, result.stderr]).toEqual([status, expect.stringContaining(message)]);
  });
});
