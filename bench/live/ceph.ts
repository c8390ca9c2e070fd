import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

const SCRIPT = path.resolve('test/rig/ceph-rgw.sh');
const PROGRAMS = ['radosgw', 'ceph-mon', 'ceph-osd', 'radosgw-admin'];
const REGION = 'us-east-1';
const BUCKET = 'bench';
/** How long the gateway's log is quiet before its lines are counted. */
const QUIET_MS = 500;

/** A Ceph RGW of our own, its data in memory. */
export interface Ceph {
  /** Environment of a program that uses it. */
  readonly env: Readonly<Record<string, string>>;
  readonly bucket: string;
  /** HTTP requests that the gateway has answered, as it logs them. */
  requests(): Promise<number>;
  stop(): void;
}

export function hasCeph(): boolean {
  return PROGRAMS.every((program) => existsSync(`/usr/bin/${program}`));
}

export async function startCeph(folder: string): Promise<Ceph> {
  const port = 20_000 + (process.pid % 10_000);
  const endpoint = `http://127.0.0.1:${port}`;
  const credentials = { accessKeyId: 'AKIABENCHBENCHBENCH1', secretAccessKey: 'benchsecretbenchsecret' };
  execFileSync(SCRIPT, ['start', folder, String(port)], {
    env: { ...process.env, RGW_AK: credentials.accessKeyId, RGW_SK: credentials.secretAccessKey },
    stdio: 'ignore',
  });
  const client = new S3Client({ endpoint, region: REGION, forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  client.destroy();
  return {
    env: {
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    bucket: BUCKET,
    requests: () => countRequests(path.join(folder, 'client.rgw.log')),
    stop: () => execFileSync(SCRIPT, ['stop', folder]),
  };
}

async function countRequests(log: string): Promise<number> {
  for (let last = -1; ; ) {
    const count = readFileSync(log, 'utf8').split(' beast: ').length - 1;
    if (count === last) return count;
    last = count;
    await delay(QUIET_MS);
  }
}
