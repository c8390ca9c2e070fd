import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { CachingStore } from '../../../shared/store/caching-store.ts';
import { fromFileError, fromLinkError } from '../../../shared/store/file-errors.ts';
import { FolderStore } from '../../../shared/store/folder-store.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { MeteredStore } from '../../../shared/store/metered-store.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import { RetryingStore } from '../../../shared/store/retrying-store.ts';
import { describeObjectStore } from '../../contract/object-store.contract.ts';

const folders: string[] = [];
const newFolder = async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-store-'));
  folders.push(folder);
  return folder;
};
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

const run = promisify(execFile);

/** For root, permissions mean nothing. */
async function asNobody(work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.('nobody');
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

describeObjectStore('caching', async () => new CachingStore(new MemoryStore(), ['data/']));
describeObjectStore('memory', async () => new MemoryStore());
describeObjectStore('folder', async () => new FolderStore(await newFolder()));
describeObjectStore('retrying', async () => new RetryingStore(new MemoryStore()));
describeObjectStore('metered', async () => new MeteredStore(new MemoryStore()));

describe('FolderStore', () => {
  it('neither lists nor trips over what a killed writer left', async () => {
    const root = await newFolder();
    await mkdir(path.join(root, 'data'));
    await writeFile(path.join(root, 'data', '.tmp-1234'), 'half');
    const store = new FolderStore(root);
    await store.put('data/a', Buffer.from('whole'));
    const keys = [];
    for await (const { key } of store.list('')) keys.push(key);
    expect(keys).toEqual(['data/a']);
  });

  it('leaves nothing behind when a put fails', async () => {
    const root = await newFolder();
    const store = new FolderStore(root);
    await store.put('data/a', Buffer.from('a'));
    await expect(store.put('data/a', Buffer.from('b'))).rejects.toMatchObject({ code: 'E_OBJECT_EXISTS' });
    expect(await readdir(path.join(root, 'data'))).toEqual(['a']);
  });

  it('removes what killed writers left, and nothing of those that still write', async () => {
    const root = await newFolder();
    await mkdir(path.join(root, 'data'));
    for (const [name, ageHours] of [
      ['.tmp-killed', 25],
      ['.tmp-writing', 23],
      ['.other', 25],
    ] as const) {
      const file = path.join(root, 'data', name);
      await writeFile(file, 'half');
      const written = (await stat(file)).mtimeMs / 1000 - ageHours * 3600;
      await utimes(file, written, written);
    }
    await new FolderStore(root).put('data/a', Buffer.from('a'));
    expect((await readdir(path.join(root, 'data'))).toSorted()).toEqual(['.other', '.tmp-writing', 'a']);
  });

  it('lists no hidden file and nothing that is no file', async () => {
    const root = await newFolder();
    const store = new FolderStore(root);
    await store.put('data/a', Buffer.from('a'));
    await writeFile(path.join(root, 'data', '.nfs0001'), 'x');
    await mkdir(path.join(root, '.snapshot'));
    await writeFile(path.join(root, '.snapshot', 'a'), 'x');
    await mkdir(path.join(root, 'elsewhere'));
    await symlink(path.join(root, 'elsewhere'), path.join(root, 'data', 'link'));
    expect((await Array.fromAsync(store.list(''))).map(({ key }) => key)).toEqual(['data/a']);
  });

  it('reads only the folders that a prefix leads to', async () => {
    const root = await newFolder();
    const store = new FolderStore(root);
    await store.put('data/a', Buffer.from('a'));
    // A folder that leads to itself: reading it would fail.
    await symlink('loop', path.join(root, 'loop'));
    await writeFile(path.join(root, 'other'), 'x');
    expect((await Array.fromAsync(store.list('data/'))).map(({ key }) => key)).toEqual(['data/a']);
    await expect(Array.fromAsync(store.list('l'))).rejects.toMatchObject({ code: 'E_CONFIG' });
  });

  it('lists what lies behind a link to a folder, once', async () => {
    const [root, other] = [await newFolder(), await newFolder()];
    const store = new FolderStore(root);
    await symlink(other, path.join(root, 'backups'));
    await store.put('backups/daily/a.json', Buffer.from('a'));
    await symlink('..', path.join(other, 'daily', 'up'));
    await symlink('.', path.join(other, 'daily', 'here'));
    const listed = await Array.fromAsync(store.list(''));
    expect(listed.map(({ key }) => key)).toEqual(['backups/daily/a.json']);
  });

  it.each(['backups', 'backups/weekly'])(
    'does not take a link that leads nowhere for an empty folder: %s',
    async (place) => {
      const root = await newFolder();
      const store = new FolderStore(root);
      await mkdir(path.dirname(path.join(root, place)), { recursive: true });
      await symlink('/mnt/not/mounted', path.join(root, place));
      await expect(Array.fromAsync(store.list('backups/'))).rejects.toMatchObject({
        code: 'E_CONFIG',
        message: `${path.join(root, place)} is a symbolic link that points nowhere (ENOENT)`,
      });
    },
  );

  it.each([
    ['a link to itself', (file: string) => symlink(path.basename(file), file), 'points to itself (ELOOP)'],
    ['a link to nowhere', (file: string) => symlink('gone', file), 'points nowhere'],
    ['a pipe', (file: string) => run('mkfifo', [file]), 'it is not a file'],
  ])('lists %s in the place of an object, and says that it cannot be read', async (_, make, why) => {
    const root = await newFolder();
    const store = new FolderStore(root);
    await store.put('data/b.json', Buffer.from('b'));
    await make(path.join(root, 'data', 'a.json'));
    const listed = await Array.fromAsync(store.list(''));
    expect(listed.map(({ key }) => key)).toEqual(['data/a.json', 'data/b.json']);
    const said = { code: 'E_OBJECT_UNREADABLE', message: expect.stringContaining(why) };
    await expect(store.get('data/a.json')).rejects.toMatchObject(said);
    await expect(store.head('data/a.json')).rejects.toMatchObject(said);
    await expect(store.get('data/a.json')).rejects.toThrow(/^data\/a\.json cannot be read/);
    await expect(store.put('data/a.json', Buffer.from('a'))).rejects.toMatchObject({
      code: 'E_OBJECT_EXISTS',
    });
  });

  it('says which object it may not read, where it may read others', async () => {
    const root = await newFolder();
    const store = new FolderStore(root);
    for (const key of ['data/a', 'data/b']) await store.put(key, Buffer.from(key));
    await chmod(path.join(root, 'data', 'a'), 0o000);
    await chmod(root, 0o755);
    await asNobody(async () => {
      await expect(store.get('data/a')).rejects.toMatchObject({
        code: 'E_OBJECT_UNREADABLE',
        message: 'data/a cannot be read: access is refused (EACCES)',
      });
      expect(Buffer.from(await store.get('data/b')).toString()).toBe('data/b');
    });
  });

  it('says that it may not write, nor read', async () => {
    const root = await newFolder();
    const store = new FolderStore(root);
    await store.put('data/a', Buffer.from('a'));
    await chmod(root, 0o000);
    try {
      await asNobody(async () => {
        const calls = [store.put('data/b', Buffer.from('b')), store.get('data/a'), store.list('').next()];
        const codes = (await Promise.allSettled<unknown>(calls)).map(
          (call) => call.status === 'rejected' && call.reason.code,
        );
        expect(codes).toEqual(['E_STORE_DENIED', 'E_STORE_DENIED', 'E_STORE_DENIED']);
      });
    } finally {
      await chmod(root, 0o700);
    }
  });

  it('says that a file is in its place', async () => {
    const file = path.join(await newFolder(), 'file');
    await writeFile(file, 'x');
    for (const key of ['repository.json', 'data/a']) {
      const put = new FolderStore(file).put(key, Buffer.from('a'));
      await expect(put).rejects.toMatchObject({ code: 'E_CONFIG' });
    }
  });

  it.each(['EPERM', 'ENOTSUP'])('says that the file system has no hard links (%s)', (errno) => {
    const error = Object.assign(new Error('x'), { code: errno });
    expect(fromLinkError(error, '/backups')).toMatchObject({ code: 'E_CONFIG' });
  });

  it.each([
    ['ENOSPC', 'E_STORE_FULL'],
    ['EDQUOT', 'E_STORE_FULL'],
    ['EROFS', 'E_STORE_DENIED'],
    ['EACCES', 'E_STORE_DENIED'],
    ['EIO', 'E_STORE_UNAVAILABLE'],
  ])('calls %s %s', (errno, code) => {
    expect(fromFileError(Object.assign(new Error('x'), { code: errno }), '/backups')).toMatchObject({ code });
  });
});

describe('openStore', () => {
  it.each([
    ['./some/folder', path.resolve('some/folder')],
    ['file:///var/backups', '/var/backups'],
    ['s3://my-bucket/some/prefix/', 's3://my-bucket/some/prefix'],
    ['s3://my-bucket', 's3://my-bucket'],
  ])('opens %s', async (repository, location) => {
    expect((await openStore({ repository, s3: { region: 'eu-west-1' } })).location).toBe(location);
  });

  it.each([
    '',
    's3://',
    's3://Bucket',
    's3://b/a b',
    's3://my-bucket/../x',
    'ftp://host/x',
    'gs://bucket',
    'file:x',
    'file://host/x',
  ])('refuses %o', async (repository) => {
    await expect(openStore({ repository })).rejects.toMatchObject({ code: 'E_CONFIG' });
  });
});
