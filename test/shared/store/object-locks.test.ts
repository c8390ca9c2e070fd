import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DAY_MS } from '../../../shared/core/units.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectLocks } from '../../../shared/store/object-locks.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { S3Locks } from '../../../shared/store/s3-locks.ts';
import { S3Store } from '../../../shared/store/s3-store.ts';
import { newBucket, newLockedBucket, rgwOptions } from '../../support/aws/ceph-rgw.ts';
import { describeWithPart } from '../../support/parts.ts';
import { never } from '../../support/repository/engine.ts';
import { MemoryLocks } from '../../support/stores/memory-locks.ts';

interface Place {
  readonly store: ObjectStore;
  readonly locks: ObjectLocks;
}

const inDays = (days: number) => new Date(Math.ceil(performance.timeOrigin / 1000) * 1000 + days * DAY_MS);

function describeLocks(name: string, open: () => Promise<Place>): void {
  describe(name, () => {
    it('gives no lock where there never was one', async () => {
      const { store, locks } = await open();
      await store.put('data/a', Buffer.from('x'));
      expect(await locks.retention('data/a', never)).toBeUndefined();
      expect(await locks.isHeld('data/a', never)).toBe(false);
    });

    it.each(['governance', 'compliance'] as const)(
      'makes a lock of %s end later, and never earlier',
      async (mode) => {
        const { store, locks } = await open();
        await store.put('data/a', Buffer.from('x'));
        for (const days of [2, 5]) {
          const retention = { until: inDays(days), mode };
          await locks.retain('data/a', retention, never);
          expect(await locks.retention('data/a', never)).toEqual(retention);
        }
        const earlier = locks.retain('data/a', { until: inDays(3), mode }, never);
        await expect(earlier).rejects.toMatchObject({ code: 'E_STORE_DENIED' });
        expect(await locks.retention('data/a', never)).toEqual({ until: inDays(5), mode });
      },
    );

    it('does not change governance into compliance', async () => {
      const { store, locks } = await open();
      await store.put('data/a', Buffer.from('x'));
      await locks.retain('data/a', { until: inDays(2), mode: 'governance' }, never);
      const stricter = locks.retain('data/a', { until: inDays(3), mode: 'compliance' }, never);
      await expect(stricter).rejects.toMatchObject({ code: 'E_STORE_DENIED' });
    });

    it('puts a legal hold on and takes it off', async () => {
      const { store, locks } = await open();
      await store.put('data/a', Buffer.from('x'));
      for (const isHeld of [true, true, false]) {
        await locks.setHold('data/a', isHeld, never);
        expect(await locks.isHeld('data/a', never)).toBe(isHeld);
      }
    });

    it('says of an object that is not there that it is not', async () => {
      const { store, locks } = await open();
      await store.put('data/gone', Buffer.from('x'));
      await store.delete('data/gone');
      const retention = { until: inDays(2), mode: 'governance' } as const;
      for (const key of ['data/never', 'data/gone'])
        for (const call of [
          () => locks.retention(key, never),
          () => locks.retain(key, retention, never),
          () => locks.isHeld(key, never),
          () => locks.setHold(key, true, never),
        ])
          await expect(call()).rejects.toMatchObject({ code: 'E_OBJECT_NOT_FOUND' });
    });
  });
}

describeLocks('locks in memory', async () => {
  const store = new MemoryStore();
  return { store, locks: new MemoryLocks(store) };
});

describeWithPart('ceph-rgw', 'on Ceph RGW', () => {
  describeLocks('locks of S3', async () => {
    const place = rgwOptions(await newLockedBucket({ mode: 'GOVERNANCE', days: 0 }), 'some/prefix');
    return { store: new S3Store(place), locks: new S3Locks(place) };
  });

  it('a bucket without Object Lock is told of', async () => {
    const place = rgwOptions(await newBucket());
    await new S3Store(place).put('data/a', Buffer.from('x'));
    const locks = new S3Locks(place);
    for (const call of [() => locks.retention('data/a', never), () => locks.isHeld('data/a', never)])
      await expect(call()).rejects.toMatchObject({
        code: 'E_CONFIG',
        message: expect.stringContaining('has no Object Lock'),
      });
  });
});

it('locks of S3 take its answer for what a delete hides, which Ceph gives as that of what never was', async () => {
  const server = createServer((_, answer) => {
    answer.writeHead(405, { 'content-type': 'application/xml' });
    answer.end('<?xml version="1.0"?><Error><Code>MethodNotAllowed</Code></Error>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const locks = new S3Locks({ bucket: 'bucket', prefix: '', endpoint, region: 'us-east-1', credentials });
  const retention = { until: inDays(2), mode: 'governance' } as const;
  for (const call of [
    () => locks.retention('data/a', never),
    () => locks.isHeld('data/a', never),
    () => locks.retain('data/a', retention, never),
  ])
    await expect(call()).rejects.toMatchObject({ code: 'E_OBJECT_NOT_FOUND' });
});
