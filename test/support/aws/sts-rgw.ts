import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { RGW_CREDENTIALS } from './ceph-rgw.ts';

const run = promisify(execFile);
const SCRIPT = path.resolve('test/rig/ceph-rgw.sh');
const REGION = 'us-east-1';
const LIMIT_MS = 60_000;

/** A Ceph RGW of its own with roles: what a role may do is RGW's decision. */
export class StsRgw implements AsyncDisposable {
  readonly #folder = path.join(tmpdir(), `holdfast-sts-${process.pid}`);
  readonly #port = 31_000 + (process.pid % 1000);

  /** @param daySeconds how long a day of lifecycle rules lasts. @default a day */
  static async start({ daySeconds }: { readonly daySeconds?: number } = {}): Promise<StsRgw> {
    const rgw = new StsRgw();
    await run(SCRIPT, ['start', rgw.#folder, String(rgw.#port)], {
      env: {
        ...process.env,
        RGW_STS: '1',
        ...(daySeconds === undefined ? {} : { RGW_LC_DAY_SECONDS: String(daySeconds) }),
      },
      timeout: LIMIT_MS,
    });
    return rgw;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  owner(): S3Client {
    return this.#client(RGW_CREDENTIALS);
  }

  async makeBucket(bucket: string): Promise<void> {
    const owner = this.owner();
    await owner.send(new CreateBucketCommand({ Bucket: bucket }));
    owner.destroy();
  }

  /** Does what lifecycle rules say is due. */
  async processLifecycle(): Promise<void> {
    await this.#admin('lc', 'process');
  }

  /** A client that may do what the policy's statements say. */
  async assume(role: string, policy: object): Promise<S3Client> {
    const trust = {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: { AWS: ['arn:aws:iam:::user/test'] }, Action: ['sts:AssumeRole'] },
      ],
    };
    await this.#admin(
      'role',
      'create',
      '--role-name',
      role,
      '--assume-role-policy-doc',
      JSON.stringify(trust),
    );
    await this.#admin(
      'role-policy',
      'put',
      '--role-name',
      role,
      '--policy-name',
      'job',
      '--policy-doc',
      JSON.stringify(policy),
    );
    const body = `Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam:::role/${role}&RoleSessionName=test`;
    const { accessKeyId, secretAccessKey } = RGW_CREDENTIALS;
    const { stdout } = await run('curl', [
      '-sS',
      '--aws-sigv4',
      `aws:amz:${REGION}:sts`,
      '--user',
      `${accessKeyId}:${secretAccessKey}`,
      '-d',
      body,
      `${this.endpoint}/`,
    ]);
    const member = (name: string) => {
      const value = new RegExp(`<${name}>([^<]+)</${name}>`).exec(stdout)?.[1];
      if (value === undefined) throw new Error(`no ${name} in ${stdout}`);
      return value;
    };
    return this.#client({
      accessKeyId: member('AccessKeyId'),
      secretAccessKey: member('SecretAccessKey'),
      sessionToken: member('SessionToken'),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(SCRIPT, ['stop', this.#folder]);
    await rm(this.#folder, { recursive: true, force: true });
  }

  #client(credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }): S3Client {
    return new S3Client({
      endpoint: this.endpoint,
      region: REGION,
      forcePathStyle: true,
      credentials,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      maxAttempts: 1,
    });
  }

  async #admin(...args: readonly string[]): Promise<void> {
    await run('radosgw-admin', args, {
      env: { ...process.env, CEPH_CONF: path.join(this.#folder, 'ceph.conf') },
      timeout: LIMIT_MS,
    });
  }
}
