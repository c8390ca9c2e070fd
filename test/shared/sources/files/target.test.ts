import {
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  symlink,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { contentsOf } from '../../../../shared/jobs/restore/contents.ts';
import { restoreBackup } from '../../../../shared/jobs/restore/restore.ts';
import type { BackupContents } from '../../../../shared/sources/contents.ts';
import { FilesTarget } from '../../../../shared/sources/files/target.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { backUp, type Data, initRepository, never, openCheaply } from '../../../support/repository/engine.ts';
import { newFolder } from '../../../support/temporary.ts';

/** What a restore is to write to, beside a folder that is none of its business. */
let root: string;
let out: string;
let outside: string;

beforeEach(async () => {
  root = await newFolder();
  [out, outside] = [path.join(root, 'out'), path.join(root, 'outside')];
  for (const folder of [out, outside]) await mkdir(folder);
});

async function repositoryWith(data: Data) {
  const store = new MemoryStore();
  await initRepository(store);
  const repository = await openCheaply(store);
  return { repository, key: (await backUp(repository, data)).key };
}

async function restore(data: Data, options: { readonly replace?: boolean; readonly to?: string } = {}) {
  const { repository, key } = await repositoryWith(data);
  await using _ = repository;
  const { to = out, replace = false } = options;
  return restoreBackup(repository, key, new FilesTarget(to), { replace, signal: never });
}

/** All that lies below the test's own folder, with what each file holds. */
async function everything(): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return Object.fromEntries(
    await Promise.all(
      files.map(async (entry) => {
        const file = path.join(entry.parentPath, entry.name);
        const text = entry.isSymbolicLink() ? `-> ${await readlink(file)}` : await readFile(file, 'utf8');
        return [path.relative(root, file), text] as const;
      }),
    ),
  );
}

describe('a restore into a folder', () => {
  it.each([false, true])(
    'writes nothing through a link to a folder, replacing or not (%s)',
    async (replace) => {
      await writeFile(path.join(outside, 'a.txt'), 'mine');
      await symlink(outside, path.join(out, 'sub'));
      const before = await everything();
      await expect(restore({ 'sub/a.txt': 'theirs\n', b: 'b\n' }, { replace })).rejects.toMatchObject({
        code: 'E_TARGET_NOT_EMPTY',
        message: `${path.join(out, 'sub')} is a symbolic link; a restore writes no file through one`,
      });
      await expect(restore({ 'sub/deeper/a.txt': 'theirs\n' }, { replace })).rejects.toMatchObject({
        code: 'E_TARGET_NOT_EMPTY',
      });
      expect(await everything()).toEqual(before);
    },
  );

  it('writes nothing outside where a folder becomes a link while it is written', async () => {
    const { repository, key } = await repositoryWith({ 'sub/a.txt': 'a\n', 'sub/b.txt': 'b\n' });
    await using _ = repository;
    const contents = contentsOf(await repository.openBackup(key, never));
    const swapping: BackupContents = {
      ...contents,
      async *copy(...args) {
        yield* contents.copy(...args);
        if (args[0].name !== 'sub/a.txt') return;
        await rename(path.join(out, 'sub'), path.join(outside, 'sub'));
        await symlink(path.join(outside, 'sub'), path.join(out, 'sub'));
      },
    };
    const target = new FilesTarget(out);
    const plan = await target.plan(contents, {}, never);
    const restored = target.restore(swapping, plan, { jobs: 1, onProgress: () => {}, signal: never });
    await expect(restored).rejects.toMatchObject({ code: 'E_TARGET_NOT_EMPTY' });
    expect(await readdir(path.join(outside, 'sub'))).toEqual(['a.txt']);
  });

  it('follows a link that is the target itself', async () => {
    const linked = path.join(root, 'linked');
    await symlink(out, linked);
    await restore({ 'sub/a.txt': 'a\n' }, { to: linked });
    expect(await readFile(path.join(out, 'sub/a.txt'), 'utf8')).toBe('a\n');
  });

  it('replaces a link in the place of a file, and leaves alone what it leads to', async () => {
    await writeFile(path.join(outside, 'a.txt'), 'mine');
    await symlink(path.join(outside, 'a.txt'), path.join(out, 'a.txt'));
    await symlink('nowhere', path.join(out, 'b.txt'));
    const data = { 'a.txt': 'a\n', 'b.txt': 'b\n' };
    await expect(restore(data)).rejects.toMatchObject({ code: 'E_TARGET_NOT_EMPTY' });
    await restore(data, { replace: true });
    expect(await everything()).toEqual({ 'out/a.txt': 'a\n', 'out/b.txt': 'b\n', 'outside/a.txt': 'mine' });
    expect((await lstat(path.join(out, 'a.txt'))).isFile()).toBe(true);
  });

  it('changes no other name of a file that it replaces', async () => {
    await writeFile(path.join(outside, 'a.txt'), 'mine');
    await link(path.join(outside, 'a.txt'), path.join(out, 'a.txt'));
    await restore({ 'a.txt': 'a\n' }, { replace: true });
    expect(await everything()).toEqual({ 'out/a.txt': 'a\n', 'outside/a.txt': 'mine' });
  });

  it.each([
    ['a file in the place of a folder', { 'sub/a.txt': 'a\n' }, (place: string) => writeFile(place, 'mine')],
    ['a folder in the place of a file', { sub: 'a\n' }, (place: string) => mkdir(place)],
  ])('leaves %s as it was', async (_, data, make) => {
    await make(path.join(out, 'sub'));
    const before = await everything();
    for (const replace of [false, true])
      await expect(restore(data, { replace })).rejects.toMatchObject({
        code: 'E_TARGET_NOT_EMPTY',
        message: expect.stringContaining(path.join(out, 'sub')),
      });
    expect(await everything()).toEqual(before);
  });

  it.each([
    ['a dataset that is a folder of another', { a: 'a\n', 'a/b': 'b\n' }, "'a' and 'a/b'"],
    ['a name that climbs', { 'a/../b': 'b\n', b: 'c\n' }, "'a/../b'"],
    ['a name that leaves', { '../b': 'b\n' }, "'../b'"],
    ['an empty part', { 'a//b': 'b\n' }, "'a//b'"],
    ['a zero byte', { 'a\0b': 'b\n' }, "'a\0b'"],
    ['a part of more than 255 bytes', { ['é'.repeat(130)]: 'b\n' }, '260 bytes'],
  ])('refuses %s before anything is written', async (_, data: Data, said) => {
    await expect(restore(data)).rejects.toMatchObject({
      code: 'E_SOURCE_UNSUPPORTED',
      message: expect.stringContaining(said),
    });
    expect(await readdir(out)).toEqual([]);
  });
});
