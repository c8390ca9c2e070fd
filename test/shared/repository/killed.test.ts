import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { initRepository as initAt } from '../../../shared/jobs/open-repository.ts';
import { verifyBackups } from '../../../shared/jobs/verify.ts';
import { FolderStore } from '../../../shared/store/folder-store.ts';
import { digests, never, openRepository, TEST_KEY } from '../../support/engine.ts';
import { seededRandom, seededRows } from '../../support/rows.ts';
import { newFolder } from '../../support/temporary.ts';
import { cases, tortureSeed, tortureTimeoutMs } from '../../support/torture.ts';

const KILLS = cases(20, 200);
const ROWS = 60_000;

describe('a backup that is killed at random moments', () => {
  it(
    `leaves every listed backup whole, ${KILLS} times over, and the next one succeeds`,
    async () => {
      const folder = await newFolder();
      const repositoryFolder = path.join(folder, 'repository');
      const file = path.join(folder, 'rows.txt');
      await initAt({ repository: repositoryFolder, encryptionKey: TEST_KEY }, never);
      const random = seededRandom(tortureSeed);
      const known = new Set<string>();
      let rows = seededRows(ROWS, 5);
      let killed = 0;
      for (let round = 0; round < KILLS; round++) {
        rows = rows.map((row) =>
          random() < 0.05 ? row.replace(/\t\w+/, `\t${Math.floor(random() * 1e9).toString(36)}`) : row,
        );
        await writeFile(file, rows.join(''));
        known.add(
          createHash('sha256')
            .update(await readFile(file))
            .digest('hex'),
        );
        if (await killAfter(60 + random() * 400, { repositoryFolder, file })) killed++;
      }
      expect(killed).toBeGreaterThan(KILLS / 4);
      expect(await killAfter(60_000, { repositoryFolder, file })).toBe(false);
      await using repository = await openRepository(new FolderStore(repositoryFolder), {
        packBytes: undefined,
      });
      const keys = await repository.backupKeys(never);
      expect(keys.length).toBeGreaterThan(0);
      for (const key of keys) expect(known).toContain((await digests(repository, key))['rows.txt']);
      const { findings } = await verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: never });
      expect(findings).toEqual([]);
    },
    10 * tortureTimeoutMs,
  );
});

/** Runs `holdfast backup` and kills it; whether it was killed before it was done. */
async function killAfter(
  ms: number,
  { repositoryFolder, file }: { readonly repositoryFolder: string; readonly file: string },
): Promise<boolean> {
  const child = spawn(process.execPath, ['bin/holdfast.js', 'backup', '--source', file, '--quiet'], {
    env: { ...process.env, HOLDFAST_REPOSITORY: repositoryFolder, BACKUP_ENCRYPTION_KEY: TEST_KEY },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), ms);
  const [status, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.once('close', (code, name) => resolve([code, name])),
  );
  clearTimeout(timer);
  if (signal === null) expect(status).toBe(0);
  return signal !== null;
}
