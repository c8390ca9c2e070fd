import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  type ObjectVersion,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, expect, inject } from 'vitest';
import { newBucket, newLockedBucket, RGW_CREDENTIALS, rgwClient } from '../support/aws/ceph-rgw.ts';
import { failure, runCommand } from '../support/command-line.ts';
import { expectDocumented } from '../support/documented-json.ts';
import { describeWithPart } from '../support/parts.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(3);

const DAY_MS = 86_400_000;

describeWithPart('ceph-rgw', 'holdfast lock', () => {
  let owner: S3Client;
  let cwd: string;
  let bucket: string;
  let env: Record<string, string>;
  const holdfast = (line: string, given: Record<string, string> = {}) =>
    runCommand(line, { env: { ...env, ...given }, cwd });
  const configure = (config: object) =>
    writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(config));
  const use = (name: string) => {
    bucket = name;
    env['HOLDFAST_REPOSITORY'] = `s3://${name}/shop`;
  };
  const versions = async (): Promise<readonly ObjectVersion[]> =>
    (await owner.send(new ListObjectVersionsCommand({ Bucket: bucket }))).Versions ?? [];
  /** What the owner of the bucket can remove for good, lifting what locks he may. */
  async function removeAll(): Promise<string[]> {
    const removed: string[] = [];
    for (const { Key = '', VersionId } of await versions()) {
      const which = { Bucket: bucket, Key, VersionId, BypassGovernanceRetention: true };
      const gone = await owner.send(new DeleteObjectCommand(which)).then(
        () => true,
        () => false,
      );
      // Notes of runs are not locked: no backup needs them.
      if (gone && !Key.includes('/history/')) removed.push(Key.replace('shop/', ''));
    }
    return removed;
  }

  beforeAll(() => {
    owner = rgwClient(inject('rgwEndpoint'));
  });
  afterAll(() => owner.destroy());
  beforeEach(async () => {
    cwd = await newFolder();
    env = {
      BACKUP_ENCRYPTION_KEY: TEST_KEY,
      AWS_ENDPOINT_URL_S3: inject('rgwEndpoint'),
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: RGW_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: RGW_CREDENTIALS.secretAccessKey,
    };
    // The SDK's own chain reads them there.
    process.env['AWS_ACCESS_KEY_ID'] = RGW_CREDENTIALS.accessKeyId;
    process.env['AWS_SECRET_ACCESS_KEY'] = RGW_CREDENTIALS.secretAccessKey;
    await writeFile(path.join(cwd, 'data.txt'), 'one\ntwo\n');
    await configure({ lock: { mode: 'compliance' }, retention: { daily: 30 } });
  });

  it('without a key makes a backup that nobody can remove, and status says until when', async () => {
    use(await newLockedBucket({ mode: 'COMPLIANCE', days: 0 }));
    await holdfast('init');
    await holdfast('backup daily --source data.txt');
    expect((await holdfast('status')).stdout).toMatch(/locked +NO: somebody could remove what it needs/);
    const dry = await holdfast('lock --dry-run --json', { BACKUP_ENCRYPTION_KEY: '' });
    expect(dry.json()).toMatchObject({ dryRun: true, extended: dry.json().objects });
    const { status, stdout } = await holdfast('lock --json', { BACKUP_ENCRYPTION_KEY: '' });
    const document = JSON.parse(stdout);
    expect({ status, document }).toMatchObject({
      status: 0,
      document: { missing: [], unread: [], weaker: 0 },
    });
    expectDocumented('lock', document);
    const { backups, locked } = (await holdfast('status --json')).json();
    const days =
      (Date.parse(locked[0].until) -
        Date.parse((await holdfast('list --json')).json().backups[0].startedAt)) /
      DAY_MS;
    expect([backups, locked[0].mode, Math.round(days)]).toEqual([1, 'compliance', 30]);
    expect((await holdfast('status')).stdout).toMatch(/locked +nobody can remove it before 20/);
    expect(await removeAll()).toEqual([]);
    expect((await holdfast('lock')).stdout).toMatch(/: 0 locked for longer/);
    expect(await holdfast('verify latest --full')).toMatchObject({ status: 0 });
  });

  it('is what keeps it: without, the owner removes every object', async () => {
    use(await newLockedBucket({ mode: 'COMPLIANCE', days: 0 }));
    await holdfast('init');
    await holdfast('backup daily --source data.txt');
    const kinds = (await removeAll()).map((key) => key.split('/')[0]);
    expect(new Set(kinds)).toEqual(new Set(['repository.json', 'data', 'backups']));
  });

  it('in governance mode says that a right to lift locks is enough to remove it', async () => {
    use(await newLockedBucket({ mode: 'GOVERNANCE', days: 0 }));
    await configure({ lock: { mode: 'governance' } });
    await holdfast('init');
    await holdfast('backup daily --source data.txt');
    await holdfast('lock');
    expect((await holdfast('status')).stdout).toMatch(/nobody without a right to lift locks \(governance\)/);
    expect((await removeAll()).length).toBeGreaterThan(0);
  });

  it('puts legal holds on what is held, and with the key takes those off again that no hold needs', async () => {
    use(await newLockedBucket({ mode: 'GOVERNANCE', days: 0 }));
    await configure({ lock: { mode: 'governance' } });
    await holdfast('init');
    await holdfast('backup daily --source data.txt');
    expect((await holdfast('hold latest --reason audit')).stdout).toContain('holdfast lock\n');
    const { held } = (await holdfast('lock --json', { BACKUP_ENCRYPTION_KEY: '' })).json();
    expect(held).toBeGreaterThan(3);
    // A legal hold is lifted by no right to lift locks.
    expect(await removeAll()).toEqual([]);
    expect((await holdfast('lock --end-holds --json')).json().ended).toMatchObject({ ended: 0 });
    expect((await holdfast('release latest --reason over')).stdout).toContain('holdfast lock --end-holds\n');
    expect(await holdfast('lock --end-holds', { BACKUP_ENCRYPTION_KEY: '' })).toMatchObject({ status: 12 });
    const { ended } = (await holdfast('lock --end-holds --json')).json();
    expect(ended.ended).toBe(held);
    expect((await removeAll()).length).toBeGreaterThan(held);
  });

  it('says where there is nothing to lock with', async () => {
    use(await newBucket());
    await holdfast('init');
    await holdfast('backup daily --source data.txt');
    expect(await holdfast('lock')).toMatchObject(
      failure('E_CONFIG', `the bucket ${bucket} has no Object Lock`),
    );
    await configure({});
    expect(await holdfast('lock')).toMatchObject(
      failure('E_CONFIG', '`lock` is not set in the configuration'),
    );
    await configure({ lock: { mode: 'governance' } });
    env['HOLDFAST_REPOSITORY'] = path.join(cwd, 'folder');
    await holdfast('init');
    expect(await holdfast('lock')).toMatchObject(failure('E_CONFIG', 'is a folder, which has no locks'));
    expect(await holdfast('status')).toMatchObject({ status: 42 });
  });

  it.each([
    [{ lock: { mode: 'strict' } }, 'lock.mode'],
    [{ lock: { mode: 'compliance', mostDays: 0 } }, 'lock.mostDays'],
    [{ lock: { mode: 'compliance', mostDay: 9 } }, 'lock.mostDay is not a setting; did you mean mostDays?'],
  ])('takes no wrong configuration: %j', async (config, text) => {
    await configure(config);
    expect(await holdfast('lock')).toMatchObject(failure('E_CONFIG', text));
  });
});
