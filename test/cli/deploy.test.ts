import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { resolveConfig } from '../../shared/config/config.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(3);

const SECRET = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop-AbCdEf';

const FIREBASE = '--firebase https://game.firebaseio.com --account 111122223333 --region eu-west-1'.split(
  ' ',
);

describe('holdfast deploy init', () => {
  const source = ['-s', 'shop', '--secret', SECRET];
  const refused = (args: readonly string[]) => {
    try {
      execFileSync(process.execPath, ['bin/holdfast.js', 'deploy', ...args], {
        encoding: 'utf8',
        stdio: 'pipe',
      });
      return { status: 0, stderr: '' };
    } catch (error) {
      const { status, stderr } = error as { readonly status: number; readonly stderr: string };
      return { status, stderr };
    }
  };

  it.each([
    [['now'], "no action 'now'"],
    [['init'], 'FOLDER is missing'],
    [['init', 'x', '--secret', SECRET], '--source is missing'],
    [['init', 'x', '-s', 'shop'], '--secret is missing'],
    [['init', 'x', '-s', 'shop', '--secret', 'shop-password'], "--secret is 'shop-password'"],
    [['init', 'x', '-s', 'the shop', '--secret', SECRET], "--source is 'the shop'"],
    [['init', 'x', '-s', 'game', '--firebase', 'https://game.firebaseio.com'], '--account is missing'],
    [['init', 'x', ...source, '--vpc', 'vpc-1'], '--subnets is missing'],
    [['init', 'x', '-s', 'game', ...FIREBASE, '--continuous'], '--continuous is not for firebase-rtdb'],
    [['init', 'x', ...source, '--region', 'Ireland'], "--region is 'Ireland'"],
  ])('refuses %j', (args, message) => {
    const { status, stderr } = refused(args);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });

  it.each([
    [[], undefined],
    [['--continuous'], { everyMs: 60_000 }],
  ])('with %j stores changes as that says', async (args, continuous) => {
    const place = await newFolder();
    expect(refused(['init', place, ...source, ...args]).status).toBe(0);
    const file = path.join(place, 'holdfast.config.ts');
    const text = await readFile(file, 'utf8');
    const itself = '(config) => config';
    await writeFile(file, text.replace(/^import .*$/m, `const defineConfig = ${itself};`));
    const { default: written } = await import(file);
    const { sources } = resolveConfig({ file: written, fileName: file, env: {}, flags: {} });
    expect(sources).toHaveLength(1);
    if (continuous) expect(sources[0]?.continuous).toMatchObject(continuous);
    else expect(sources[0]?.continuous).toBeUndefined();
    const readme = await readFile(path.join(place, 'README.md'), 'utf8');
    expect(readme.includes('holdfast pitr setup')).toBe(continuous !== undefined);
  });

  it('writes over nothing', async () => {
    const place = await newFolder();
    await writeFile(path.join(place, 'package.json'), '{}');
    const { status, stderr } = refused(['init', place, ...source]);
    expect([status, stderr]).toEqual([11, expect.stringContaining('package.json already exists')]);
    expect(readdirSync(place)).toEqual(['package.json']);
  });
});
