import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, inject, vi } from 'vitest';
import { S3Store } from '../../shared/store/s3-store.ts';
import { newBucket, RGW_CREDENTIALS, rgwOptions } from '../support/aws/ceph-rgw.ts';
import { startKms } from '../support/aws/kms-double.ts';
import { runArguments, runCommand } from '../support/command-line.ts';
import { describeWithPart } from '../support/parts.ts';
import { seededRows } from '../support/repository/rows.ts';
import { turnOfAll } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turnOfAll(3);

describeWithPart('ceph-rgw', 'a repository in S3 under a KMS key, copied to another bucket', () => {
  it('restores from the copy with the sheet alone, when bucket and KMS key are destroyed', async () => {
    const kms = await startKms();
    // The double of KMS takes any credentials, the gateway only its own.
    vi.stubEnv('AWS_ACCESS_KEY_ID', RGW_CREDENTIALS.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', RGW_CREDENTIALS.secretAccessKey);
    const cwd = await newFolder();
    const [first, second] = [await newBucket(), await newBucket()];
    const s3 = { AWS_ENDPOINT_URL_S3: inject('rgwEndpoint'), AWS_REGION: 'us-east-1' };
    vi.stubEnv('AWS_REGION', s3.AWS_REGION);
    const env = { ...s3, HOLDFAST_REPOSITORY: `s3://${first}/live`, HOLDFAST_KMS_KEY: kms.keyArn };
    const holdfast = (line: string) => runCommand(line, { env, cwd });
    const texts = [1, 2].map((seed) => seededRows(300, seed).join(''));
    await writeFile(path.join(cwd, 'data.txt'), texts[0] ?? '');
    for (const line of [
      'init',
      'backup daily --source ./data.txt',
      'rekey --add-recovery --sheet sheet.html',
    ])
      expect(await holdfast(line), line).toMatchObject({ status: 0 });
    await writeFile(path.join(cwd, 'data.txt'), texts.join(''));
    for (const line of ['backup daily --source ./data.txt', `copy --to s3://${second}/copy`])
      expect(await holdfast(line), line).toMatchObject({ status: 0 });

    const gone = new S3Store(rgwOptions(first));
    for await (const { key } of gone.list('')) await gone.delete(key);
    kms.refuse('NotFoundException', 10_000);
    const asked = kms.requests.length;

    const page = await readFile(path.join(cwd, 'sheet.html'), 'utf8');
    for (const text of [`s3://${first}/live`, 'us-east-1', s3.AWS_ENDPOINT_URL_S3])
      expect(page).toContain(text);
    const words = [...page.matchAll(/<li>([a-z]+)<\/li>/g)].map(([, word = '']) => word);
    await writeFile(path.join(cwd, 'words.txt'), words.join(' '), { mode: 0o600 });
    const recover = (...more: string[]) => {
      const place = ['--repository', `s3://${second}/copy`, '--recovery-key-file', 'words.txt'];
      return runArguments(['recover', ...more, ...place], { env: s3, cwd });
    };
    expect(await recover('--check')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('opens 2 of 2 backups'),
    });
    expect(await recover('good', '--to', './newest')).toMatchObject({ status: 0 });
    expect(await readFile(path.join(cwd, 'newest/data.txt'), 'utf8')).toBe(texts.join(''));
    const { stdout } = await recover('--check', '--json');
    const oldest = JSON.parse(stdout).backups.at(-1).key as string;
    expect(await recover(oldest, '--to', './oldest')).toMatchObject({ status: 0 });
    expect(await readFile(path.join(cwd, 'oldest/data.txt'), 'utf8')).toBe(texts[0]);
    expect(kms.requests).toHaveLength(asked);
  });
});
