import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, onTestFinished, vi } from 'vitest';
import { CHECKSUMS } from '../../../../shared/jobs/doctor/write-checks.ts';
import { S3Store } from '../../../../shared/store/s3-store.ts';
import { newBucket, RGW_CREDENTIALS, rgwOptions } from '../../../support/aws/ceph-rgw.ts';
import { startKms } from '../../../support/aws/kms-double.ts';
import { runCommand } from '../../../support/command-line.ts';
import {
  addExpiry,
  type Diagnosis,
  diagnose,
  expectFault,
  expectHealth,
  healthyBucket,
  openToEverybody,
} from '../../../support/doctor.ts';
import { describeWithPart } from '../../../support/parts.ts';
import { never, TEST_KEY } from '../../../support/repository/engine.ts';
import { turns } from '../../../support/repository/torture.ts';
import { type StrictStore, strictStore } from '../../../support/stores/strict-store.ts';
import { newFolder } from '../../../support/temporary.ts';

const it = turns(3);

const NO_SOURCE = ['source'];
const MINUTE_MS = 60_000;
/** RGW heeds If-None-Match in a bucket with versions behind this alone. */
let strict: StrictStore;

describeWithPart('ceph-rgw', 'holdfast doctor, of a bucket', () => {
  let bucket: string;

  beforeAll(async () => {
    useCredentials(RGW_CREDENTIALS);
    strict = await strictStore();
    bucket = await healthyBucket();
    await init(bucket);
  });
  afterAll(async () => {
    await strict?.[Symbol.asyncDispose]();
    vi.unstubAllEnvs();
  });

  it('finds nothing where all is well, and leaves nothing', async () => {
    expectHealth(await look(bucket), NO_SOURCE);
    const left = await Array.fromAsync(new S3Store(rgwOptions(bucket, 'shop')).list(''));
    expect(left.map(({ key }) => key)).toEqual(['repository.json']);
  });

  it('that is not there', async () => {
    expectFault(await look('nobody-made-this'), {
      name: 'bucket',
      code: 'E_NO_REPOSITORY',
      seen: /there is no bucket nobody-made-this/,
      fix: /Check its name, region and endpoint/,
    });
  });

  it('with an access key that nobody knows', async () => {
    useCredentials({ ...RGW_CREDENTIALS, accessKeyId: 'AKIANOBODYNOBODYNOBO' });
    expectFault(await look(bucket), {
      name: 'credentials',
      code: 'E_STORE_DENIED',
      seen: /access key AKIA…NOBO is refused \(InvalidAccessKeyId\)/,
      fix: /AWS_ACCESS_KEY_ID/,
    });
  });

  it('with a secret that does not belong to the access key', async () => {
    useCredentials({ ...RGW_CREDENTIALS, secretAccessKey: 'secret-word' });
    expectFault(await look(bucket), {
      name: 'credentials',
      code: 'E_STORE_DENIED',
      seen: /SignatureDoesNotMatch/,
      fix: /AWS_SECRET_ACCESS_KEY/,
    });
  });

  it('without credentials', async () => {
    useCredentials({ accessKeyId: '', secretAccessKey: '' });
    for (const [name, value] of NO_OTHER_CREDENTIALS) vi.stubEnv(name, value);
    expectFault(await look(bucket), {
      name: 'credentials',
      code: 'E_STORE_DENIED',
      seen: /no AWS credentials were found/,
      fix: /AWS_PROFILE/,
    });
  });

  it('behind an endpoint where nothing listens', async () => {
    expectFault(await look(bucket, { endpoint: 'http://127.0.0.1:1' }), {
      name: 'store',
      code: 'E_STORE_UNAVAILABLE',
      seen: /cannot be reached, .*ECONNREFUSED/,
      fix: /Check network, endpoint and region/,
    });
  });

  it('by a machine whose clock is off', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 20 * MINUTE_MS });
    onTestFinished(() => void vi.useRealTimers());
    expectFault(await look(bucket), {
      name: 'clock',
      code: 'E_CLOCK_SKEW',
      seen: /this machine is (19|20) min .* ahead of the store/,
      fix: /Set this machine's clock/,
    });
  });

  it('by a machine whose clock goes wrong, and is believed yet', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3 * MINUTE_MS });
    onTestFinished(() => void vi.useRealTimers());
    expectFault(await look(bucket), {
      name: 'clock',
      outcome: 'warning',
      code: 'E_CLOCK_SKEW',
      seen: /behind the store/,
      fix: /Set this machine's clock/,
    });
  });

  it('that keeps no versions, that a rule empties, or that is open to everybody', async () => {
    const plain = await newBucket();
    await init(plain);
    expectFault(await look(plain), {
      name: 'versioning',
      outcome: 'warning',
      code: 'E_UNSAFE_BUCKET',
      seen: /off/,
      fix: new RegExp(`put-bucket-versioning --bucket ${plain} `),
    });
    const ruled = await healthyBucket();
    await init(ruled);
    await addExpiry(ruled, 'shop/data/');
    expectFault(await look(ruled), {
      name: 'lifecycle',
      code: 'E_UNSAFE_BUCKET',
      seen: /rule tidy removes what is below shop\/data\/ after 30 days/,
      fix: /Remove the rule/,
    });
    await addExpiry(ruled, 'else/');
    await openToEverybody(ruled);
    expectFault(await look(ruled), {
      name: 'policy',
      outcome: 'warning',
      code: 'E_UNSAFE_BUCKET',
      seen: /opens the bucket to everybody/,
      fix: /put-public-access-block/,
    });
  });

  it('that lacks the Object Lock that is asked for', async () => {
    expectFault(await look(bucket, { config: { lock: { mode: 'governance' } } }), {
      name: 'object-lock',
      code: 'E_CONFIG',
      seen: /off, but locks are configured/,
      fix: /put-object-lock-configuration/,
    });
  });

  it('of a store that writes over what is there', async () => {
    // As Ceph RGW 16.2 does by itself in a bucket with versions.
    expectFault(await look(bucket, { endpoint: inject('rgwEndpoint') }), {
      name: 'write-once',
      code: 'E_CONFIG',
      seen: /a second write replaced the first/,
      fix: /enforces If-None-Match/,
    });
  });

  it('of a store that gives back something else', async () => {
    const fresh = await healthyBucket();
    await using store = await strictStore({ changesBodies: true });
    const { rows } = await look(fresh, { endpoint: store.endpoint });
    expect(rows.find(({ name }) => name === 'write')).toMatchObject({
      outcome: 'failed',
      code: 'E_DAMAGED',
      seen: expect.stringContaining('reads back differently'),
      fix: expect.stringContaining('Do not use this store'),
    });
  });

  it('of a second place, that is well and not', async () => {
    const { s3 } = configOf(bucket);
    const second = await healthyBucket();
    const copy = (to: string) => ({ config: { copy: { elsewhere: { to, region: s3.region } } } });
    const place = copy(`s3://${second}/copies`);
    expectHealth(await look(bucket, place), NO_SOURCE);
    await addExpiry(second, '');
    expectFault(await look(bucket, place), {
      name: 'copy-elsewhere/lifecycle',
      code: 'E_UNSAFE_BUCKET',
      seen: /rule tidy removes everything/,
      fix: new RegExp(`--bucket ${second} shows it`),
    });
    expectFault(await look(bucket, copy('s3://nobody-made-this/copies')), {
      name: 'copy-elsewhere/bucket',
      code: 'E_NO_REPOSITORY',
      seen: /no bucket nobody-made-this/,
      fix: /Check its name/,
    });
  });

  it('without a repository', async () => {
    expectFault(await look(await healthyBucket()), {
      name: 'repository',
      outcome: 'warning',
      code: 'E_NO_REPOSITORY',
      seen: /there is no repository at/,
      fix: /holdfast init/,
    });
  });

  it('whose repository another key opens', async () => {
    expectFault(await look(bucket, { env: { BACKUP_ENCRYPTION_KEY: 'cd'.repeat(32) } }), {
      name: 'key-fits',
      code: 'E_WRONG_KEY',
      seen: /sealed under key hex:/,
      fix: /Configure the key of this repository/,
    });
  });

  it('with a key of another form, or none that can be read', async () => {
    expectFault(await look(bucket, { env: { BACKUP_ENCRYPTION_KEY: 'secret-word' } }), {
      name: 'key',
      code: 'E_BAD_KEY',
      seen: /must be 64 hex digits/,
      fix: /Look up the key/,
    });
    expectFault(await look(bucket, { env: { HOLDFAST_KEY_FILE: '/nowhere/key' } }), {
      name: 'key',
      code: 'E_NO_KEY',
      seen: /\/nowhere\/key cannot be read/,
      fix: /Restore the key file/,
    });
  });

  it('with a key of KMS that is as it should be, and one that is not', async () => {
    const kms = await startKms();
    useCredentials(RGW_CREDENTIALS);
    const sealed = await healthyBucket();
    const env = { HOLDFAST_KMS_KEY: kms.keyArn };
    await init(sealed, env);
    const examine = (): Promise<Diagnosis> => look(sealed, { env });
    expectHealth(await examine(), NO_SOURCE);
    kms.setState('Disabled');
    expectFault(await examine(), {
      name: 'key-state',
      code: 'E_KEY_DENIED',
      seen: /its state is Disabled/,
      fix: /aws kms enable-key --key-id arn:/,
    });
    kms.setState('PendingDeletion');
    expectFault(await examine(), {
      name: 'key-state',
      code: 'E_KEY_DENIED',
      seen: /scheduled for deletion on 2027-01-01/,
      fix: /cancel-key-deletion/,
    });
    kms.setState('Enabled');
    // What asks how the key is, and then what makes a data key.
    kms.refuse('AccessDeniedException', 2);
    expectFault(await examine(), {
      name: 'key-use',
      code: 'E_KEY_DENIED',
      seen: /did not generate a data key/,
      fix: /the role's policy/,
    });
  });
});

it('S3 that keeps no checksum deserves a look; another store need not keep one', async () => {
  const facts = { key: 'k', storedAt: new Date(0), isWrittenOnce: true, readsBack: true, left: undefined };
  const judged = (isChecked: boolean, endpoint?: string) => {
    const config = { repository: 's3://shop-backups', s3: { endpoint } };
    const look = { config, facts: { ...facts, isChecked } } as Parameters<typeof CHECKSUMS.look>[0];
    return CHECKSUMS.look(look, never);
  };
  expect(await judged(true)).toMatchObject({ outcome: 'holds' });
  expect(await judged(false, 'https://store.example')).toMatchObject({ outcome: 'holds' });
  const warning = {
    outcome: 'differs',
    isMinor: true,
    fix: expect.stringContaining('x-amz-checksum-sha256'),
  };
  expect(await judged(false)).toMatchObject(warning);
});

it('holdfast doctor, of a folder: finds what is wrong, and makes nothing', async () => {
  const cwd = await newFolder();
  const repository = path.join(cwd, 'backups');
  const env = { BACKUP_ENCRYPTION_KEY: TEST_KEY };
  expectFault(await diagnose({ config: { repository }, env }), {
    name: 'repository',
    outcome: 'warning',
    code: 'E_NO_REPOSITORY',
    seen: /there is no repository/,
    fix: /holdfast init/,
  });
  await runCommand(`init -r ${repository}`, { cwd, env });
  expectHealth(await diagnose({ config: { repository }, env }), NO_SOURCE);
  // What a role that may remove nothing has left is no damage, and in nobody's way.
  await mkdir(path.join(repository, 'runs/probe'), { recursive: true });
  await writeFile(path.join(repository, 'runs/probe/00'), 'left');
  expect(await runCommand(`verify --all -r ${repository}`, { cwd, env })).toMatchObject({ status: 0 });
  expectFault(await diagnose({ config: { repository: path.join(repository, 'repository.json') }, env }), {
    name: 'store',
    code: 'E_STORE_DENIED',
    seen: /ENOTDIR/,
    fix: /name another folder/,
  });
});

/** Nothing else on this machine gives credentials. */
const NO_OTHER_CREDENTIALS = [
  ['AWS_PROFILE', ''],
  ['AWS_SHARED_CREDENTIALS_FILE', '/nowhere'],
  ['AWS_CONFIG_FILE', '/nowhere'],
  ['AWS_EC2_METADATA_DISABLED', 'true'],
  ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', ''],
  ['AWS_CONTAINER_CREDENTIALS_FULL_URI', ''],
  ['AWS_WEB_IDENTITY_TOKEN_FILE', ''],
] as const;

function useCredentials({
  accessKeyId,
  secretAccessKey,
}: {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}): void {
  vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey);
}

interface Look {
  readonly endpoint?: string;
  readonly config?: object;
  readonly env?: Readonly<Record<string, string>>;
}

function configOf(bucket: string, endpoint = strict.endpoint) {
  return { repository: `s3://${bucket}/shop`, s3: { endpoint, region: 'us-east-1' } };
}

async function look(bucket: string, { endpoint, config = {}, env }: Look = {}): Promise<Diagnosis> {
  const made = await diagnose({
    config: { ...configOf(bucket, endpoint), ...config },
    env: env ?? { BACKUP_ENCRYPTION_KEY: TEST_KEY },
  });
  useCredentials(RGW_CREDENTIALS);
  return made;
}

async function init(
  bucket: string,
  env: Readonly<Record<string, string>> = { BACKUP_ENCRYPTION_KEY: TEST_KEY },
): Promise<void> {
  const { repository, s3 } = configOf(bucket);
  const world = { cwd: '/', env: { ...env, AWS_ENDPOINT_URL_S3: s3.endpoint, AWS_REGION: s3.region } };
  const { status, stderr } = await runCommand(`init -r ${repository}`, world);
  if (status !== 0) throw new Error(stderr);
}
