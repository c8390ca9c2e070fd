import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { newFolder } from '../support/temporary.ts';

type Work = { readonly work: string; readonly bytes: number; readonly cpuMs: number | null };

async function world() {
  const cwd = await newFolder();
  const env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
  const rows = Array.from({ length: 30_000 }, (_, i) => `${i}\ta row of the number ${i % 977}\n`).join('');
  await writeFile(path.join(cwd, 'rows.txt'), rows);
  const holdfast = (line: string) => runCommand(line, { env, cwd });
  await holdfast('init');
  return { holdfast, plainBytes: Buffer.byteLength(rows) };
}

function bytesOf(profile: { readonly work: readonly Work[] }): Record<string, number> {
  return Object.fromEntries(profile.work.map(({ work, bytes }) => [work, bytes]));
}

it('says where the time of a backup and of a restore went, and nothing unless it is asked', async () => {
  const { holdfast, plainBytes } = await world();
  const { profile, ...first } = (await holdfast('backup --source ./rows.txt --profile --json')).json();
  expect(first.plainBytes).toBe(plainBytes);
  expect(profile.phases.map(({ phase }: { phase: string }) => phase)).toEqual([
    'start',
    'connect',
    'read',
    'commit',
  ]);
  const backedUp = bytesOf(profile);
  // Every byte once; what is not cut yet is looked at again with what follows it.
  expect(backedUp).toMatchObject({
    read: plainBytes,
    hash: plainBytes,
    count: plainBytes,
    compress: plainBytes,
  });
  expect(backedUp['cut']).toBeGreaterThanOrEqual(plainBytes);
  expect(backedUp['put']).toBeGreaterThanOrEqual(first.storedBytes);
  const waits = profile.work.filter(({ cpuMs }: Work) => cpuMs === null).map(({ work }: Work) => work);
  expect(waits).toEqual(['read', 'put', 'get']);

  const restored = (await holdfast('restore latest --to ./there --profile --json')).json();
  expect(bytesOf(restored.profile)).toMatchObject({
    hash: plainBytes,
    decompress: plainBytes,
    write: plainBytes,
  });
  expect((await holdfast('backup --source ./rows.txt --json')).json()).not.toHaveProperty('profile');
});

it('prints a profile for people after the result, also when quiet', async () => {
  const { holdfast } = await world();
  const { stdout } = await holdfast('backup --source ./rows.txt --profile --quiet');
  expect(stdout).toMatch(/^backup_manual_.*\n\nPHASE +SECONDS +CPU\nstarting +[\d.]+ +[\d.]+\n/s);
  expect(stdout).toMatch(/\nWORK +SECONDS +CPU +TIMES +BYTES\nread +[\d.]+ +- /);
  expect(stdout).toMatch(/\nall else +- +[\d.]+ /);
});

it('compares folders whatever --compare says, and refuses other words', async () => {
  const { holdfast } = await world();
  await holdfast('backup --source ./rows.txt');
  const restored = await holdfast('restore latest --to ./there --compare none --json');
  expect(restored.json()).toMatchObject({ isCompared: true, comparison: [{ equal: true }] });
  expect(restored.stderr).not.toContain('was not compared');
  expect(await holdfast('restore latest --to ./here --compare some')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("--compare is 'some'"),
  });
});
