import { expect, inject, onTestFinished } from 'vitest';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { listBackups } from '../../../shared/jobs/status/list.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { S3Store } from '../../../shared/store/s3-store.ts';
import { newBucket, rgwOptions } from '../../support/aws/ceph-rgw.ts';
import { describeWithPart } from '../../support/parts.ts';
import {
  backUp,
  digests,
  digestsOf,
  initRepository,
  never,
  openCheaply,
} from '../../support/repository/engine.ts';
import { keepLast, prune, storedKeys } from '../../support/repository/pruning.ts';
import { turns } from '../../support/repository/torture.ts';
import { faultyProxy, type ProxyFault } from '../../support/stores/faulty-proxy.ts';

const it = turns(3);

const DAYS = 3;
const dataOf = (day: number) => ({ t: Array.from({ length: 200 }, (_, i) => `${i}\t${day}\n`).join('') });

describeWithPart('ceph-rgw', 'an S3 store that refuses to give an object', () => {
  /** Three backups, and the bucket through a proxy that refuses what `isBad` says. */
  async function refusing(fault: ProxyFault, isBad: (path: string) => boolean) {
    const bucket = await newBucket();
    const healthy = new S3Store(rgwOptions(bucket));
    await initRepository(healthy);
    const keys: BackupKey[] = [];
    {
      await using repository = await openCheaply(healthy);
      for (let day = 0; day < DAYS; day++) keys.push((await backUp(repository, dataOf(day))).key);
      for (const held of [keys[0], keys[2]] as BackupKey[])
        await repository.reports.write('hold', { backups: [held], body: { reason: 'audit' } }, never);
    }
    const isRead = (method: string) => method === 'GET' || (method === 'HEAD' && fault === 'denied');
    const proxy = await faultyProxy(inject('rgwEndpoint'), ({ method, what }) => {
      const { pathname, searchParams } = new URL(what.split(' ')[1] ?? '', 'http://store');
      const isList = searchParams.has('list-type');
      return isRead(method) && !isList && isBad(pathname) ? fault : undefined;
    });
    onTestFinished(() => proxy[Symbol.asyncDispose]());
    const store = new S3Store({ ...rgwOptions(bucket), endpoint: proxy.endpoint });
    return { healthy, store, keys };
  }

  it.each(['denied', 'archived'] as const)(
    'names a manifest that is %s, and passes it over',
    async (fault) => {
      let bad = '/none';
      const { healthy, store, keys } = await refusing(fault, (path) => path.endsWith(bad));
      const [first = '' as never, second = '' as never, third = '' as never] = keys;
      bad = first;
      await using repository = await openCheaply(store);
      const listed = await listBackups(repository, { signal: never });
      expect(listed.map(({ key, problem }) => [key, problem])).toEqual([
        [third, undefined],
        [second, undefined],
        [first, expect.stringContaining(`${first} cannot be read`)],
      ]);
      const depth = { kind: 'full' } as const;
      const { findings } = await verifyBackups(repository, keys, { depth, signal: never });
      expect(new Set(findings.flatMap(({ backups }) => backups))).toEqual(new Set([first]));
      expect(JSON.stringify(findings)).toContain(first);
      const before = await storedKeys(healthy);
      const result = await prune(repository, keepLast(1));
      expect(result).toMatchObject({ removedPacks: 0, blockedBy: expect.stringContaining(first) });
      expect((await storedKeys(healthy)).data).toEqual(before.data);
      bad = '/none';
      expect(await digests(repository, first)).toEqual(digestsOf(dataOf(0)));
    },
  );

  it('keeps every backup while a hold may not be read', async () => {
    let bad = '/none';
    const { healthy, store } = await refusing('denied', (path) => path.endsWith(bad));
    for await (const { key } of healthy.list('reports/hold/')) bad = key;
    await using repository = await openCheaply(store);
    const result = await prune(repository, keepLast(1));
    expect(result).toMatchObject({ expired: [] });
    expect((await storedKeys(healthy)).backups).toHaveLength(DAYS);
  });

  it.each([
    ['everything', '/'],
    ['every manifest', '/backups/'],
    ['every pack', '/data/'],
  ])('calls %s that is denied refused access, not damage, and never no backups', async (_, part) => {
    const { store, keys } = await refusing('denied', (path) => path.includes(part));
    const verified = async () => {
      await using repository = await openCheaply(store);
      const listed = await listBackups(repository, { signal: never });
      const { findings } = await verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: never });
      return { listed, findings };
    };
    await expect(verified()).rejects.toMatchObject({ code: 'E_STORE_DENIED' });
  });
});
