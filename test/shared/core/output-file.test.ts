import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { writePieces } from '../../../shared/core/file-place.ts';
import { OutputFile, writeOutputFile } from '../../../shared/core/output-file.ts';
import { restoreBackup } from '../../../shared/jobs/restore/restore.ts';
import { FilesTarget } from '../../../shared/sources/files/target.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { backUp, initRepository, never, openRepository } from '../../support/repository/engine.ts';
import { newFolder } from '../../support/temporary.ts';

/** A device that takes everything and gives nothing back. */
const BLACK_HOLE = '/dev/null';

it('writes pieces where they belong, and reads them back', async () => {
  const folder = await newFolder();
  await writeOutputFile(path.join(folder, 'out'), { replace: false }, async (output) => {
    await output.write(Buffer.from('one\n'));
    writePieces(output.end, [Buffer.from('two, longer\n'), Buffer.from(''), Buffer.from('3\n')]);
    output.grown(14);
    await output.write(Buffer.from('four\n'));
  });
  expect(await readFile(path.join(folder, 'out'), 'utf8')).toBe('one\ntwo, longer\n3\nfour\n');
});

it('tells when a file does not hold what was written', () => {
  const place = { path: BLACK_HOLE, name: 'orders.copy', at: 0 };
  expect(() => writePieces(place, [Buffer.from('one\n')])).toThrow(
    expect.objectContaining({
      code: 'E_RESTORE_DIFFERS',
      message: 'orders.copy does not read back as it was written',
    }),
  );
});

it('names a file that is not there any more', async () => {
  const gone = path.join(await newFolder(), 'gone');
  expect(() => writePieces({ path: gone, name: gone, at: 0 }, [])).toThrow(
    expect.objectContaining({ code: 'E_USAGE' }),
  );
});

it('makes a restore to a folder fail, and leaves nothing', async () => {
  const end = vi.spyOn(OutputFile.prototype, 'end', 'get');
  end.mockReturnValueOnce({ path: BLACK_HOLE, name: 'rows', at: 0 });
  onTestFinished(() => void vi.restoreAllMocks());
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
