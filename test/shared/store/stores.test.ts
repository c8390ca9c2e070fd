import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { HoldfastError } from '../../../shared/core/errors.ts';
import { fromFileError } from '../../../shared/store/file-errors.ts';
import { FolderStore } from '../../../shared/store/folder-store.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { MeteredStore } from '../../../shared/store/metered-store.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import { RetryingStore } from '../../../shared/store/retrying-store.ts';
import { describeObjectStore } from '../../contract/object-store.contract.ts';
import { FaultyStore } from '../../support/faulty-store.ts';

const folders: string[] = [];
const newFolder = async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-store-'));
  folders.push(folder);
  return folder;
};
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

describeObjectStore('memory', async () => new MemoryStore());
describeObjectStore('folder', async () => new FolderStore(await newFolder()));
describeObjectStore('retrying', async () => new RetryingStore(new MemoryStore()));
describeObjectStore('metered', async () => new MeteredStore(new MemoryStore()));

describe('RetryingStore', () => {
  const outage = new HoldfastError('E_STORE_UNAVAILABLE', 'slow down');
  const policy = { maxAttempts: 4, firstDelayMs: 0 };
  const body = new Uint8Array([1, 2, 3]);

  it.each([
    { outages: 3, outcome: 'stored' },
    { outages: 4, outcome: 'E_STORE_UNAVAILABLE' },
  ])('after $outages outages in a row: $outcome', async ({ outages, outcome }) => {
    const faulty = new FaultyStore(new MemoryStore()).failNext('put', outage, outages);
    const put = new RetryingStore(faulty, policy).put('data/a', body);
    expect(
      await put.then(
        () => 'stored',
        (error) => error.code,
      ),
    ).toBe(outcome);
  });

  it('takes a put whose answer was lost as done', async () => {
    const faulty = new FaultyStore(new MemoryStore()).loseNextAnswer('put', outage);
    await new RetryingStore(faulty, policy).put('data/a', body);
    expect(await faulty.get('data/a')).toEqual(body);
  });

  it('does not take another body under the key for its own', async () => {
    const inner = new MemoryStore();
    await inner.put('data/a', new Uint8Array([9, 9, 9]));
    const faulty = new FaultyStore(inner).failNext('put', outage);
    const put = new RetryingStore(faulty, policy).put('data/a', body);
    await expect(put).rejects.toMatchObject({ code: 'E_OBJECT_EXISTS' });
  });

  it('does not make again a call that was refused', async () => {
    const refused = new HoldfastError('E_STORE_DENIED', 'no');
    const faulty = new FaultyStore(new MemoryStore()).failNext('get', refused);
    await expect(new RetryingStore(faulty, policy).get('data/a')).rejects.toBe(refused);
    expect(faulty.calls).toBe(1);
  });

  it('stops waiting when it is told to', async () => {
    const faulty = new FaultyStore(new MemoryStore()).failNext('get', outage, 9);
    const stop = new AbortController();
    const get = new RetryingStore(faulty, { firstDelayMs: 60_000, random: () => 1 }).get('data/a', {
      signal: stop.signal,
    });
    setImmediate(() => stop.abort());
    await expect(get).rejects.toMatchObject({ code: 'E_ABORTED' });
  });
});

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

  it.runIf(process.getuid?.() !== 0)('says that it may not write', async () => {
    const root = await newFolder();
    await chmod(root, 0o500);
    await expect(new FolderStore(root).put('data/a', Buffer.from('a'))).rejects.toMatchObject({
      code: 'E_STORE_DENIED',
    });
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

  it.each(['', 's3://', 's3://Bucket', 's3://b/a b', 's3://my-bucket/../x', 'ftp://host/x', 'gs://bucket'])(
    'refuses %o',
    async (repository) => {
      await expect(openStore({ repository })).rejects.toMatchObject({ code: 'E_CONFIG' });
    },
  );
});
