import { open, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { OutputFile, writeOutputFile } from '../../../shared/core/output-file.ts';
import { restoreBackup } from '../../../shared/jobs/restore.ts';
import { FilesTarget } from '../../../shared/sources/files/files-target.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { backUp, initRepository, never, openRepository } from '../../support/engine.ts';
import { newFolder } from '../../support/temporary.ts';

it('tells when a file does not hold what was written', async () => {
  const folder = await newFolder();
  await writeOutputFile(path.join(folder, 'out'), { replace: false }, async (output) => {
    for (const text of ['one\n', 'two, longer\n']) {
      await output.write(Buffer.from(text));
      expect(await output.endsWith(Buffer.from(text))).toBe(true);
    }
    const [temporary = ''] = await readdir(folder);
    await using other = await open(path.join(folder, temporary), 'r+');
    await other.write('T', 4);
    expect(await output.endsWith(Buffer.from('two, longer\n'))).toBe(false);
    await other.truncate(6);
    expect(await output.endsWith(Buffer.from('two, longer\n'))).toBe(false);
  });
  expect(await readFile(path.join(folder, 'out'), 'utf8')).toBe('one\nTw');
});

it('makes a restore to a folder fail, and leaves nothing', async () => {
  vi.spyOn(OutputFile.prototype, 'endsWith').mockResolvedValueOnce(false);
  onTestFinished(() => vi.restoreAllMocks());
  const store = new MemoryStore();
  await initRepository(store);
  await using repository = await openRepository(store);
  const { key } = await backUp(repository, { rows: 'a row\n'.repeat(100) });
  const folder = await newFolder();
  const restore = () => restoreBackup(repository, key, new FilesTarget(folder), { signal: never });
  await expect(restore()).rejects.toMatchObject({ code: 'E_RESTORE_DIFFERS' });
  expect(await readdir(folder)).toEqual([]);
  expect(await restore()).toMatchObject({ comparison: [{ dataset: 'rows', equal: true }] });
});
