import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect } from 'vitest';
import { failure, runCommand } from '../support/command-line.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(3);

describe('holdfast verify --all', () => {
  let cwd: string;
  let env: Record<string, string>;
  const holdfast = (line: string) => runCommand(line, { env, cwd });
  const backUp = async () => (await holdfast('backup daily --source data.txt --json')).json();
  beforeEach(async () => {
    cwd = await newFolder();
    env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
    await writeFile(path.join(cwd, 'data.txt'), 'one\ntwo\n');
    await holdfast('init');
  });

  it('says which is the newest, and misses it when it is gone, if it was told where to keep that', async () => {
    await backUp();
    const { key, head } = await backUp();
    expect(head.number).toBe(2);
    const whole = await holdfast('verify --all --quick --heads heads.json');
    expect(whole).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(`number 2, SHA-256 ${head.sha256}`),
    });
    expect((await holdfast('status')).stdout).toContain(`2, SHA-256 ${head.sha256}`);
    await rm(path.join(cwd, 'repository', key));
    expect(await holdfast('verify --all --quick')).toMatchObject({ status: 0 });
    const kept = await readFile(path.join(cwd, 'heads.json'), 'utf8');
    for (let again = 0; again < 2; again++)
      expect(await holdfast('verify --all --quick --heads heads.json')).toMatchObject({
        status: 20,
        stdout: expect.stringContaining('no prune removed it'),
      });
    expect(await readFile(path.join(cwd, 'heads.json'), 'utf8')).toBe(kept);
  });

  it('takes what status says as what it has seen', async () => {
    const { key } = await backUp();
    await backUp();
    const status = await holdfast('status --json');
    await writeFile(path.join(cwd, 'heads.json'), status.stdout);
    await rm(path.join(cwd, 'repository', key));
    const found = await holdfast('verify --all --quick --heads heads.json --json');
    expect(found).toMatchObject({ status: 20 });
    expect(found.json()).toMatchObject({
      findings: [{ object: key, backups: [] }],
      sequence: { heads: [{ number: 2 }], breaks: [{ object: key }] },
    });
    expect(await holdfast('verify --all --quick --copy')).toMatchObject({ status: 0 });
  });

  it.each([
    ['verify latest --heads x', 'E_USAGE', '--heads needs --all'],
    ['verify --since 7d --copy', 'E_USAGE', '--copy needs --all'],
    ['verify --all --heads data.txt', 'E_USAGE', 'is not JSON'],
    ['verify --all --heads .', 'E_USAGE', 'cannot be read'],
    ['verify --all --heads empty.json', 'E_USAGE', 'names no heads'],
  ] as const)('refuses %s', async (line, code, problem) => {
    await writeFile(path.join(cwd, 'empty.json'), '{"heads":[{"number":1}]}');
    expect(await holdfast(line)).toMatchObject(failure(code, problem));
  });
});
