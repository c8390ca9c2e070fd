import type { LifecycleRule } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { dangersOf } from '../../../shared/store/bucket-rules.ts';

const expires = { Expiration: { Days: 30 } };
const GiB = 2 ** 30;

function dangers(given: Partial<LifecycleRule>, prefix = ''): readonly string[] {
  const rule = { ID: 'r', Status: 'Enabled', ...given } as LifecycleRule;
  return dangersOf([rule], prefix).map(({ effect, problem }) => `${effect}: ${problem}`);
}

describe('a rule of a bucket', () => {
  it.each<[Partial<LifecycleRule>, string, string]>([
    [
      { ...expires, Filter: { Prefix: 'backups/' } },
      '',
      'rule r removes what is below backups/ after 30 days',
    ],
    [{ ...expires, Prefix: 'backups/' }, '', 'what is below backups/'],
    [{ ...expires, Filter: {} }, '', 'removes everything after 30 days'],
    [expires, 'shop', 'removes everything'],
    [{ ...expires, Filter: { Prefix: 'data' } }, '', 'what is below data'],
    [{ ...expires, Filter: { Prefix: 'sh' } }, 'shop/live', 'what is below sh'],
    [{ ...expires, Filter: { Prefix: 'shop/live/reports/2' } }, 'shop/live', 'shop/live/reports/2'],
    [{ ...expires, Filter: { Prefix: 'repository' } }, '', 'what is below repository'],
    [{ ...expires, Filter: { Prefix: 'expired/' } }, '', 'expired/'],
    [{ ...expires, Filter: { Prefix: 'keys/' } }, '', 'keys/'],
    [{ Expiration: { Date: new Date('2027-01-01') }, Filter: { Prefix: '' } }, '', 'on 2027-01-01'],
    [{ ...expires, Filter: { ObjectSizeGreaterThan: 1000 } }, '', 'everything'],
    [{ ...expires, Filter: { ObjectSizeLessThan: 128 * 1024 } }, '', 'everything'],
    [
      { ...expires, Filter: { And: { Prefix: 'data/', ObjectSizeGreaterThan: 1, ObjectSizeLessThan: GiB } } },
      '',
      'data/',
    ],
    [{ Expiration: { Days: 1 }, Filter: { Prefix: 'runs/' } }, '', 'below runs/ after 1 day'],
    [{ ID: '', ...expires }, '', 'rule without a name removes'],
  ])('that expires what is needed is named: %j in %j', (rule, prefix, text) => {
    expect(dangers(rule, prefix)).toEqual([expect.stringContaining(text)]);
    expect(dangers(rule, prefix)[0]).toMatch(/^expires: /);
  });

  it.each<[Partial<LifecycleRule>, string]>([
    [{ ...expires, Status: 'Disabled' }, ''],
    [{ ...expires, Filter: { Prefix: 'exports/' } }, ''],
    [{ Expiration: { Days: 14 }, Filter: { Prefix: 'runs/' } }, ''],
    [{ ...expires, Filter: { Prefix: 'backups/' } }, 'holdfast'],
    [{ ...expires, Filter: { Prefix: 'shopping' } }, 'shop'],
    [{ ...expires, Filter: { Prefix: 'repository.json.old' } }, ''],
    [{ ...expires, Filter: { Tag: { Key: 'a', Value: 'b' } } }, ''],
    [{ ...expires, Filter: { And: { Prefix: '', Tags: [{ Key: 'a', Value: 'b' }] } } }, ''],
    [{ ...expires, Filter: { ObjectSizeGreaterThan: 5 * GiB } }, ''],
    [{ Expiration: { ExpiredObjectDeleteMarker: true } }, ''],
    [{ NoncurrentVersionExpiration: { NoncurrentDays: 1 } }, ''],
    [{ NoncurrentVersionTransitions: [{ NoncurrentDays: 1, StorageClass: 'GLACIER' }] }, ''],
    [{ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } }, ''],
    [{ Transitions: [{ Days: 30, StorageClass: 'STANDARD_IA' }] }, ''],
    [{ Transitions: [{ Days: 0, StorageClass: 'INTELLIGENT_TIERING' }] }, ''],
    [{ Transitions: [{ Days: 90, StorageClass: 'GLACIER_IR' }] }, ''],
    [{ Transitions: [{ Days: 1, StorageClass: 'DEEP_ARCHIVE' }], Filter: { Prefix: 'exports/' } }, ''],
  ])('that touches nothing of it is none: %j in %j', (rule, prefix) => {
    expect(dangers(rule, prefix)).toEqual([]);
  });

  it('that moves packs to where no restore can read them, or to one zone, is named', () => {
    const to = (...classes: string[]) => ({
      Filter: { Prefix: 'data/' },
      Transitions: classes.map((StorageClass) => ({ Days: 30, StorageClass })) as never,
    });
    expect(dangers(to('STANDARD_IA', 'GLACIER'))).toEqual([
      'archives: rule r moves what is below data/ to GLACIER, which no restore can read',
    ]);
    expect(dangers(to('DEEP_ARCHIVE'))).toEqual([
      expect.stringContaining('to DEEP_ARCHIVE, which no restore'),
    ]);
    expect(dangers(to('ONEZONE_IA'))).toEqual([
      'one-zone: rule r moves what is below data/ to ONEZONE_IA, which is lost with its zone',
    ]);
  });
});
