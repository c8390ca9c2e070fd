import { describe, expect, it } from 'vitest';
import { apiConfig, functionConfig } from '../../infra/constructs/function-settings.ts';
import { repositoryStatements } from '../../infra/constructs/permissions.ts';
import { API_FUNCTION_NAMES, FUNCTION_NAMES, OPTIONAL_FUNCTION_NAMES } from '../../shared/config/aws.ts';
import { deploymentOf, FULL_CONFIG } from '../support/aws/deployment.ts';
import { BUCKET, isAllowed, KEY } from '../support/aws/policy-simulator.ts';

const SIGNING_KEY = 'arn:aws:kms:eu-west-1:111122223333:key/99999999-8888-7777-6666-555555555555';
const signing = { kmsKey: SIGNING_KEY, publicKeys: ['A'.repeat(60)], required: true };
const context = { 'kms:SigningAlgorithm': 'ECDSA_SHA_256', 'kms:MessageType': 'DIGEST' };
const anybodyOfTheAccount = {
  Effect: 'Allow',
  Principal: { AWS: 'arn:aws:iam::111122223333:root' },
  Action: 'kms:*',
  Resource: '*',
};
const keyPolicy = { Version: '2012-10-17', Statement: [anybodyOfTheAccount] };
const jobs = [...FUNCTION_NAMES, ...API_FUNCTION_NAMES, ...OPTIONAL_FUNCTION_NAMES];

function may(job: (typeof jobs)[number], action: string, resource = SIGNING_KEY): boolean {
  const place = {
    bucketArn: BUCKET,
    prefix: '',
    keyArns: [KEY],
    deltas: true,
    signingKeyArn: SIGNING_KEY,
  } as const;
  const Statement = repositoryStatements(job, place).map((one) => one.toStatementJson());
  return isAllowed([{ Version: '2012-10-17', Statement }], keyPolicy, { action, resource, context });
}

describe('a signing key in KMS', () => {
  it('is used by who lists backups and who writes decisions down; all others can check and cannot forge', () => {
    expect(jobs.filter((job) => may(job, 'kms:Sign')).sort()).toEqual(['commit', 'decide']);
    expect(jobs.filter((job) => may(job, 'kms:GetPublicKey')).sort()).toEqual(['commit', 'decide']);
    expect(jobs.filter((job) => may(job, 'kms:Sign', KEY))).toEqual([]);
  });

  it('has its public half told to every function', () => {
    for (const config of [functionConfig, apiConfig])
      expect(JSON.parse(config({ ...FULL_CONFIG, signing }))).toMatchObject({ signing });
  });

  it.each([
    [{ ...signing, kmsKey: 'alias/sign' }, 'alias/sign'],
    [{ publicKeys: signing.publicKeys, keyFile: '/key.pem' }, 'functions have no files'],
  ])('must be named by its ARN, and be no file: %j', (given, problem) => {
    expect(() => deploymentOf({ ...FULL_CONFIG, signing: given })).toThrow(problem);
  });
});
