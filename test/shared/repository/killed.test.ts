import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, inject } from 'vitest';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { FolderStore } from '../../../shared/store/folder-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { S3Store } from '../../../shared/store/s3-store.ts';
import { newBucket, RGW_CREDENTIALS, rgwOptions } from '../../support/aws/ceph-rgw.ts';
import { describeWithPart } from '../../support/parts.ts';
import { digests, never, openRepository, TEST_KEY } from '../../support/repository/engine.ts';
import { seededRandom, seededRows } from '../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs, turns } from '../../support/repository/torture.ts';
import { newFolder } from '../../support/temporary.ts';

const it = turns(4);

const KILLS = cases(2, 10, 200);
const ROWS = 60_000;
const TIMEOUT_MS = 10 * tortureTimeoutMs;

/** Where a killed process wrote to, and how the command line is told of it. */
interface Place {
  readonly store: ObjectStore;
  readonly env: Readonly<Record<string, string>>;
}

function suite(open: () => Promise<Place>): void {
  it(
    `leaves every listed backup whole, ${KILLS} times over, and the next one succeeds`,
    async () => {
      const { store, env } = await open();
      const file = path.join(await newFolder(), 'rows.txt');
      expect(await runFor(60_000, 'init', env)).toBe(0);
      const random = seededRandom(testSeed);
      const known = new Set<string>();
      let rows = seededRows(ROWS, 5);
      await writeFile(file, rows.join(''));
      known.add(await hashOf(file));
      const wholeMs = await msOf(`backup --source ${file} --quiet`, env);
      let killed = 0;
      for (let round = 0; round < KILLS; round++) {
        rows = rows.map((row) =>
          random() < 0.05 ? row.replace(/\t\w+/, `\t${Math.floor(random() * 1e9).toString(36)}`) : row,
        );
        await writeFile(file, rows.join(''));
        known.add(await hashOf(file));
        const ended = await runFor(random() * wholeMs, `backup --source ${file} --quiet`, env);
        if (ended === 'killed') killed++;
      }
      expect(killed).toBeGreaterThan(KILLS / 4);
      expect(await runFor(60_000, `backup --source ${file} --quiet`, env)).toBe(0);
      await using repository = await openRepository(store, { packBytes: undefined });
      const keys = await repository.backupKeys(never);
      expect(keys.length).toBeGreaterThan(0);
      for (const key of keys) expect(known).toContain((await digests(repository, key))['rows.txt']);
      const { findings } = await verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: never });
      expect(findings).toEqual([]);
    },
    TIMEOUT_MS,
  );
}

describe('a backup to a folder that is killed at random moments', () =>
  suite(async () => {
    const folder = path.join(await newFolder(), 'repository');
    return { store: new FolderStore(folder), env: { HOLDFAST_REPOSITORY: folder } };
  }));

describeWithPart('ceph-rgw', 'a backup to S3 that is killed at random moments', () =>
  suite(async () => {
    const bucket = await newBucket();
    const env = {
      HOLDFAST_REPOSITORY: `s3://${bucket}/some/prefix`,
      AWS_ENDPOINT_URL_S3: inject('rgwEndpoint'),
      AWS_ACCESS_KEY_ID: RGW_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: RGW_CREDENTIALS.secretAccessKey,
    };
    return { store: new S3Store(rgwOptions(bucket, 'some/prefix')), env };
  }),
);

describe('a restore that is killed at random moments', () => {
  it(
    'leaves the file that it replaces as it was, or replaced as a whole, and the next one succeeds',
    async () => {
      const folder = await newFolder();
      const [file, out] = [path.join(folder, 'rows.txt'), path.join(folder, 'out')];
      const restored = path.join(out, 'rows.txt');
      const env = { HOLDFAST_REPOSITORY: path.join(folder, 'repository') };
      await writeFile(file, seededRows(ROWS, 7).join(''));
      for (const line of ['init', `backup --source ${file} --quiet`])
        expect(await runFor(60_000, line, env)).toBe(0);
      const wholeMs = await msOf(`restore latest --to ${out} --quiet`, env);
      const wanted = await hashOf(file);
      const random = seededRandom(testSeed);
      for (let round = 0; round < cases(1, 5, 100); round++) {
        await writeFile(restored, 'mine\n');
        const ended = await runFor(
          random() * wholeMs,
          `restore latest --to ${out} --replace --yes --quiet`,
          env,
        );
        const found = await hashOf(restored);
        if (ended === 0) expect(found).toBe(wanted);
        else expect([wanted, createHash('sha256').update('mine\n').digest('hex')]).toContain(found);
      }
      expect(await runFor(60_000, `restore latest --to ${out} --replace --yes --quiet`, env)).toBe(0);
      expect(await hashOf(restored)).toBe(wanted);
    },
    TIMEOUT_MS,
  );
});

/** Runs `holdfast` and kills it after `ms`; its exit status, or that it was killed before it was done. */
async function runFor(ms: number, line: string, env: Place['env']): Promise<number | null | 'killed'> {
  const child = spawn(process.execPath, ['bin/holdfast.js', ...line.split(' ')], {
    env: { ...process.env, ...env, BACKUP_ENCRYPTION_KEY: TEST_KEY },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), ms);
  const [status, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.once('close', (code, name) => resolve([code, name])),
  );
  clearTimeout(timer);
  if (signal !== null) return 'killed';
  expect(status).toBe(0);
  return status;
}

/** How long a run takes that nobody kills; this machine may have other things to do. */
async function msOf(line: string, env: Place['env']): Promise<number> {
  const began = performance.now();
  expect(await runFor(60_000, line, env)).toBe(0);
  return performance.now() - began;
}

async function hashOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}
