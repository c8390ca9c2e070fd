import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import type { DoctorRow } from '../../shared/jobs/doctor/row.ts';
import { newBucket, RGW_CREDENTIALS, rgwOptions } from './aws/ceph-rgw.ts';
import { runArguments } from './command-line.ts';
import { TEST_KEY } from './repository/engine.ts';

/** What a doctor is asked to look at. */
export interface Patient {
  readonly config?: object;
  readonly env?: Readonly<Record<string, string>>;
  readonly argv?: readonly string[];
}

export interface Diagnosis {
  readonly status: number;
  readonly rows: readonly DoctorRow[];
  /** All that was printed. */
  readonly text: string;
}

/** Runs `holdfast doctor --json` in a folder of its own. */
export async function diagnose({ config = {}, env = {}, argv = [] }: Patient): Promise<Diagnosis> {
  const cwd = await mkdtemp(path.join(tmpdir(), 'holdfast-doctor-'));
  await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(config));
  const world = { cwd, env: { USER: 'nobody', ...env } };
  const { status, stdout, stderr, json } = await runArguments(['doctor', '--json', ...argv], world);
  const { checks } = json() as { readonly checks?: readonly DoctorRow[] };
  if (!checks) throw new Error(stdout + stderr);
  return { status, rows: checks, text: stdout + stderr };
}

export interface Fault {
  readonly name: string;
  readonly outcome?: 'failed' | 'warning';
  readonly code: string;
  readonly seen: RegExp;
  readonly fix: RegExp;
}

/** It is found, named, with what to do; and nothing else is blamed. */
export function expectFault({ rows, text, status }: Diagnosis, fault: Fault): void {
  const blamed = rows.filter(({ outcome }) => outcome === 'failed' || outcome === 'warning');
  const { name, outcome = 'failed', code, seen, fix } = fault;
  expect(blamed).toEqual([
    {
      name,
      outcome,
      code,
      seen: expect.stringMatching(seen),
      fix: expect.stringMatching(fix),
    },
  ]);
  expect(status).not.toBe(0);
  for (const secret of [RGW_CREDENTIALS.secretAccessKey, TEST_KEY, 'secret-word'])
    expect(text).not.toContain(secret);
}

/** Every check was made, and none found anything. */
export function expectHealth({ rows, status }: Diagnosis, notTried: readonly string[] = []): void {
  const others = rows.filter(({ outcome }) => outcome !== 'ok');
  expect(others.map(({ name, outcome }) => [name, outcome])).toEqual(
    notTried.map((name) => [name, 'not-tried']),
  );
  expect(rows.length).toBeGreaterThan(3);
  expect(status).toBe(0);
}

/** What owns the buckets of the tests. */
export function bucketOwner(): S3Client {
  const { endpoint = '', region = '', credentials } = rgwOptions('');
  return new S3Client({ endpoint, region, forcePathStyle: true, ...(credentials ? { credentials } : {}) });
}

/** A bucket as it should be: it keeps versions. */
export async function healthyBucket(): Promise<string> {
  const bucket = await newBucket();
  const versioning = { Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } } as const;
  await bucketOwner().send(new PutBucketVersioningCommand(versioning));
  return bucket;
}

export async function addExpiry(bucket: string, prefix: string): Promise<void> {
  const rule = {
    ID: 'tidy',
    Status: 'Enabled',
    Filter: { Prefix: prefix },
    Expiration: { Days: 30 },
  } as const;
  await bucketOwner().send(
    new PutBucketLifecycleConfigurationCommand({ Bucket: bucket, LifecycleConfiguration: { Rules: [rule] } }),
  );
}

export async function openToEverybody(bucket: string): Promise<void> {
  const statement = {
    Effect: 'Allow',
    Principal: '*',
    Action: 's3:GetObject',
    Resource: `arn:aws:s3:::${bucket}/*`,
  };
  const policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  await bucketOwner().send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: policy }));
}
