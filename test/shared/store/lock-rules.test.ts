import { expect, inject } from 'vitest';
import { holdBackup } from '../../../shared/jobs/retention/hold.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { keepVerifyReport } from '../../../shared/jobs/verify/verify-report.ts';
import { markSpoilt } from '../../../shared/repository/packs/spoilt-packs.ts';
import { S3Exports } from '../../../shared/store/s3-exports.ts';
import { S3Store } from '../../../shared/store/s3-store.ts';
import { newBucket, rgwOptions } from '../../support/aws/ceph-rgw.ts';
import { lockRulesProxy } from '../../support/aws/lock-rules-proxy.ts';
import { describeWithPart } from '../../support/parts.ts';
import {
  backUp,
  digests,
  digestsOf,
  initRepository,
  never,
  openRepository,
} from '../../support/repository/engine.ts';
import { keepLast, prune } from '../../support/repository/pruning.ts';
import { seededRows } from '../../support/repository/rows.ts';
import { turns } from '../../support/repository/torture.ts';

const it = turns(3);

const PART_BYTES = 64 * 1024 * 1024;

describeWithPart('ceph-rgw', "a bucket with Object Lock's rules", () => {
  it('takes everything that a repository puts', async () => {
    await using proxy = await lockRulesProxy(inject('rgwEndpoint'));
    const store = new S3Store({ ...rgwOptions(await newBucket()), endpoint: proxy.endpoint });
    const data = { 'pre-data': 'create table t ();\n', t: seededRows(900, 1).join('') };
    await initRepository(store);
    await using repository = await openRepository(store);
    const { key } = await backUp(repository, data);
    const verified = await verifyBackups(repository, [key], { depth: { kind: 'full' }, signal: never });
    await keepVerifyReport(repository, verified, never);
    await holdBackup(repository, key, { reason: 'audit', signal: never });
    await markSpoilt(store, ['ab'.repeat(32)], { report: 'reports/none', signal: never });
    await prune(repository, keepLast(1));
    expect(await digests(repository, key)).toEqual(digestsOf(data));
    expect(proxy.refused).toEqual([]);
    const kinds = new Set(
      proxy.passed.flatMap(
        (what) => /^PUT \/[^/]+\/some\/prefix\/?([^/?]+)|^PUT \/[^/]+\/([^/?]+)/.exec(what)?.slice(1) ?? [],
      ),
    );
    for (const kind of ['repository.json', 'data', 'backups', 'reports', 'expired'])
      expect([...kinds], kind).toContain(kind);
  });

  it('takes exports of one part and of several', async () => {
    await using proxy = await lockRulesProxy(inject('rgwEndpoint'));
    const exports = new S3Exports({ ...rgwOptions(await newBucket()), endpoint: proxy.endpoint });
    const piece = Buffer.alloc(PART_BYTES / 2, 'x');
    async function* of(pieces: number) {
      for (let i = 0; i < pieces; i++) yield piece;
    }
    expect(await exports.put('aa'.repeat(16), 'small.sql', of(1), never)).toBe(piece.length);
    expect(await exports.put('aa'.repeat(16), 'large.sql', of(3), never)).toBe(3 * piece.length);
    expect(proxy.refused).toEqual([]);
    expect(proxy.passed.filter((what) => what.includes('partNumber='))).toHaveLength(2);
  });
});
