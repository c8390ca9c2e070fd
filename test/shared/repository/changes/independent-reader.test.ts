import { execFile } from 'node:child_process';
import { rename } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { changesFolder, segmentKey } from '../../../../shared/format/change-keys.ts';
import { compactChanges } from '../../../../shared/jobs/changes/compact-changes.ts';
import { FolderStore } from '../../../../shared/store/folder-store.ts';
import { describeWithPart } from '../../../support/parts.ts';
import { chainOf, LOGGED, pollOnce } from '../../../support/repository/change-chains.ts';
import { initRepository, never, openRepository, TEST_KEY } from '../../../support/repository/engine.ts';
import { ChangeLog } from '../../../support/sources/change-log.ts';
import { newFolder } from '../../../support/temporary.ts';

const run = promisify(execFile);

/** `tools/read_changes.py`, which shares nothing with Holdfast. */
async function python(...args: string[]): Promise<Buffer> {
  const env = { ...process.env, BACKUP_ENCRYPTION_KEY: TEST_KEY };
  const options = { env, encoding: 'buffer', maxBuffer: 2 ** 28 } as const;
  return (await run('/usr/bin/python3', ['tools/read_changes.py', ...args], options)).stdout;
}

describeWithPart('python-reader', 'the segments of a source', () => {
  it('are what its writer wrote, by a reader made from the page alone', async () => {
    const folder = await newFolder();
    const store = new FolderStore(folder);
    await initRepository(store);
    const log = await ChangeLog.make();
    await using repository = await openRepository(store);
    for (const text of ['a', 'y'.repeat(3_000_000), 'b', 'ü']) {
      log.write(text, `${text.length}`);
      await pollOnce(repository, log.open());
    }
    const all = log.written.map(({ line }) => line);
    expect((await python(folder, 'files', 'logged')).toString()).toBe(all.join(''));
    expect((await python(folder, 'files', 'logged', '2')).toString()).toBe(all.slice(2, 4).join(''));
    const listed = (await python(folder)).toString().trimEnd().split('\n');
    const heads = (await chainOf(repository)).map(({ head }) => head);
    expect(listed.map((line) => JSON.parse(line.slice('logged '.length)))).toEqual(heads);
    // In bundles alone, but for the newest.
    await compactChanges(store, LOGGED, { tiers: [2], signal: never });
    for (const number of [1, 2]) await store.delete(segmentKey(changesFolder(LOGGED), number));
    expect((await python(folder, 'files', 'logged')).toString()).toBe(all.join(''));
    expect((await python(folder)).toString().trimEnd().split('\n')).toEqual(listed);
    const gone = path.join(folder, segmentKey(changesFolder(LOGGED), 3));
    await rename(gone, `${gone}x`);
    await expect(python(folder)).rejects.toThrow('segment 3 is missing');
  });
});
