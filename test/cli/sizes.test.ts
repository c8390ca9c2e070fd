import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { newFolder } from '../support/temporary.ts';

let cwd: string;
const holdfast = (line: string) =>
  runCommand(line, {
    env: { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY },
    cwd,
  });
const backUp = async (text: string | Buffer) => {
  await writeFile(path.join(cwd, 'shop.txt'), text);
  return (await holdfast('backup daily --source ./shop.txt --allow-empty')).stdout;
};

beforeEach(async () => {
  cwd = await newFolder();
  expect(await holdfast('init')).toMatchObject({ status: 0 });
});

it('a backup of little is said to be larger than its source, and not smaller', async () => {
  expect(await backUp('a\n')).toMatch(/ stored [\d.,]+ (?:Ki)?B \(\d[\d.,]+x larger than the source\), /);
  const { stdout } = await holdfast('status');
  expect(stdout).toMatch(/ 2 B if every backup were a copy; what is stored is \d[\d.,]+x larger\n/);
  expect(stdout).not.toContain('smaller');
});

it('a backup that compresses well is said to be smaller', async () => {
  expect(await backUp('an order\n'.repeat(50_000))).toMatch(/ \(\d[\d.]+x smaller than the source\), /);
  expect((await holdfast('status')).stdout).toMatch(
    / if every backup were a copy; what is stored is \d[\d.]+x smaller\n/,
  );
});

it('a backup of what does not compress is said to be about as large', async () => {
  expect(await backUp(randomBytes(3_000_000))).toContain(' (about as large as the source), ');
  expect((await holdfast('status')).stdout).toContain('a copy; what is stored is about as large\n');
});

it('no size is compared if nothing was read', async () => {
  expect(await backUp('')).toMatch(/ stored [\d.,]+ (?:Ki)?B, /);
});
