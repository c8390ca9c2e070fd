import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { GetObjectCommand, ListObjectsV2Command, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { copyBackups } from '../../../../shared/jobs/copy/copy.ts';
import { FilesSource } from '../../../../shared/sources/files/source.ts';
import { RetryingStore } from '../../../../shared/store/retrying-store.ts';
import { S3Store } from '../../../../shared/store/s3-store.ts';
import { newBucket, RGW_CREDENTIALS, rgwOptions } from '../../../support/aws/ceph-rgw.ts';
import { StsRgw } from '../../../support/aws/sts-rgw.ts';
import { describeWithParts } from '../../../support/parts.ts';
import { initRepository, never, openRepository, TEST_KEY } from '../../../support/repository/engine.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import { turnOfAll } from '../../../support/repository/torture.ts';
import { newFolder } from '../../../support/temporary.ts';

const it = turnOfAll(4);

const run = promisify(execFile);
const FILES = {
  'orders.txt': seededRows(3000, 1).join(''),
  'below/customers.txt': seededRows(500, 2).join('').slice(0, -1),
  'photo.bin': Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * i) % 251)),
};

/** All objects of a bucket as files, by plain requests. */
async function download(client: S3Client, bucket: string): Promise<string> {
  const folder = await newFolder();
  const { Contents = [], IsTruncated } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
  expect(IsTruncated).toBe(false);
  for (const { Key = '' } of Contents) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
    await mkdir(path.dirname(path.join(folder, Key)), { recursive: true });
    await writeFile(path.join(folder, Key), (await Body?.transformToByteArray()) ?? '');
  }
  return folder;
}

async function python(...args: string[]): Promise<Buffer> {
  const { stdout } = await run('/usr/bin/python3', ['tools/read-repository.py', ...args], {
    env: { BACKUP_ENCRYPTION_KEY: TEST_KEY },
    maxBuffer: 2 ** 26,
    encoding: 'buffer',
  });
  return stdout;
}

describeWithParts(['ceph-rgw', 'python-reader'], 'a copy between two gateways', () => {
  it('is all that it takes: the first is destroyed, and a reader that is not ours gives back every byte', async () => {
    const source = await newFolder();
    for (const [name, content] of Object.entries(FILES)) {
      await mkdir(path.dirname(path.join(source, name)), { recursive: true });
      await writeFile(path.join(source, name), content);
    }
    const second = await newBucket();
    const to = new RetryingStore(new S3Store(rgwOptions(second)));
    {
      await using gateway = await StsRgw.start();
      await gateway.makeBucket('first');
      const { endpoint } = gateway;
      const place = { bucket: 'first', prefix: 'shop', endpoint, credentials: RGW_CREDENTIALS };
      const from = new RetryingStore(new S3Store({ ...place, region: 'us-east-1' }));
      await initRepository(from);
      await using repository = await openRepository(from);
      for (const type of ['weekly', 'daily'])
        await runBackup(repository, new FilesSource(source), { type, signal: never });
      await using keyless = await openRepository(from, { keys: undefined });
      expect(await copyBackups(keyless, to, { signal: never })).toMatchObject({ passedOver: [] });
      expect((await copyBackups(keyless, to, { signal: never })).present).toBe(2);
    }
    // The first gateway is gone, with all that it had.
    const { bucket: _, prefix: __, ...settings } = rgwOptions(second);
    const folder = await download(new S3Client(settings as S3ClientConfig), second);
    const listed = (await python(folder)).toString();
    const keys = [...new Set(listed.match(/backup_[a-z]+_\d+_\d+/g))];
    expect(keys).toHaveLength(2);
    for (const key of keys)
      for (const [name, content] of Object.entries(FILES))
        expect((await python(folder, key, name)).equals(Buffer.from(content)), `${key} ${name}`).toBe(true);
  }, 120_000);
});
