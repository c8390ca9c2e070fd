import dns from 'node:dns';
import { afterEach, describe, expect, vi } from 'vitest';
import { readSecret } from '../../../lambdas/runtime/secrets.ts';
import { KmsKeyProvider } from '../../../shared/keys/kms-key-provider.ts';
import { S3Locks } from '../../../shared/store/s3-locks.ts';
import { S3Store } from '../../../shared/store/s3-store.ts';
import { never } from '../../support/repository/engine.ts';
import { turns } from '../../support/repository/torture.ts';

const it = turns(2);

const KEY = 'arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555';
const CALLS: readonly (readonly [service: string, call: () => Promise<unknown>])[] = [
  [
    'kms',
    async () =>
      (await KmsKeyProvider.open({ keyId: KEY })).generateDataKey(
        { repository: 'a'.repeat(32), run: 'b'.repeat(32), purpose: 'data' },
        AbortSignal.timeout(2000),
      ),
  ],
  [
    's3',
    () =>
      new S3Store({ bucket: 'shop', prefix: '', region: 'us-east-1' }).get('repository.json', {
        signal: AbortSignal.timeout(2000),
      }),
  ],
  [
    's3',
    () =>
      new S3Locks({ bucket: 'shop', prefix: '', region: 'us-east-1' }).retention(
        'repository.json',
        AbortSignal.timeout(2000),
      ),
  ],
  [
    'secretsmanager',
    () => readSecret('arn:aws:secretsmanager:us-east-1:111122223333:secret:shop-AbCdEf', never),
  ],
];

/** Names that a call looks up; nothing is reached. */
async function namesOf(call: () => Promise<unknown>): Promise<string[]> {
  const names: string[] = [];
  vi.spyOn(dns, 'lookup').mockImplementation(((name: string, _: object, done: (error: Error) => void) => {
    names.push(name);
    done(Object.assign(new Error(`no ${name}`), { code: 'ENOTFOUND' }));
  }) as unknown as typeof dns.lookup);
  await call().catch(() => {});
  return [...new Set(names)];
}

describe('AWS_USE_FIPS_ENDPOINT, as functions are given it by aws.fips', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  });

  it.each(CALLS)(
    'has %s called by its endpoint for FIPS, and without it by the usual one',
    async (service, call) => {
      vi.stubEnv('AWS_ACCESS_KEY_ID', 'x');
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'x');
      const usual = new RegExp(`(^|\\.)${service}\\.us-east-1\\.amazonaws\\.com$`);
      const validated = new RegExp(`(^|\\.)${service}-fips(\\.dualstack)?\\.us-east-1\\.amazonaws\\.com$`);
      expect(await namesOf(call)).toEqual([expect.stringMatching(usual)]);
      vi.stubEnv('AWS_USE_FIPS_ENDPOINT', 'true');
      expect(await namesOf(call)).toEqual([expect.stringMatching(validated)]);
    },
  );
});
