import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseBackupKey } from '../../shared/core/ids.ts';
import { DAY_MS } from '../../shared/core/units.ts';
import { nativeDump } from '../shared/sources/postgres/target/round-trip.ts';
import { type AwsRig, startAwsRig } from '../support/aws/aws-rig.ts';
import { builtLambdas } from '../support/aws/bundles.ts';
import { expectDocumented } from '../support/aws/event-schema.ts';
import { backupMachine, execute } from '../support/aws/local-step-functions.ts';
import { type RdsLike, rdsLike } from '../support/aws/rds-like.ts';
import { deniedKmsRequests } from '../support/aws/role-judge.ts';
import { startLambda } from '../support/aws/runtime-api.ts';
import { describeInTurn } from '../support/parts.ts';
import { never } from '../support/repository/engine.ts';
import { sample } from '../support/repository/torture.ts';
import { accountsSql, MONEY_SQL, transferMoney } from '../support/sources/transfers.ts';

const describeWithParts = describeInTurn(0, 6);

/** Functions that read at once. Eight take half a minute: HOLDFAST_TEST_LONG=1. */
const SHARES = process.env['HOLDFAST_TEST_LONG'] === '1' ? 8 : 2;
const TIMEOUT_MS = 400_000;

/** Backups of a database that changes, and of one that rests; each is restored. One of the two has its turn in `npm test`. */
const tried = sample(['busy', 'quiet'] as const, 1);
const itBusy = it.runIf(tried.includes('busy'));
const itQuiet = it.runIf(tried.includes('quiet'));

const machine = backupMachine({}, { isLocked: true });

describeWithParts(
  ['ceph-rgw', 'postgresql-15', 'runtime-client', 'openssl'],
  "a scheduled backup, by the synthesised state machine and the bundles, with S3's rules for a bucket with Object Lock, of a server like RDS",
  () => {
    let rds: RdsLike;
    let rig: AwsRig;
    beforeAll(async () => {
      rds = await rdsLike();
      rig = await startAwsRig({ postgresVersion: 15, objectLock: true, rds });
      for (const name of ['shop', 'restored']) await rig.postgres.createDatabase(name);
      await rig.postgres.query('shop', accountsSql(17 * SHARES));
      rig.configure({
        sources: { shop: { kind: 'postgres', secret: rig.secretOf('shop'), partitionMiB: 17 } },
        targets: { restored: { kind: 'postgres', secret: rig.secretOf('restored') } },
        aws: { shareMiB: 16 },
        lock: { mode: 'compliance' },
      });
    }, TIMEOUT_MS);
    afterAll(async () => {
      await rig?.[Symbol.asyncDispose]();
      await rds?.[Symbol.asyncDispose]();
    });

    itBusy(
      'sees one moment in all processes while money moves, and is restored by a function',
      async () => {
        const transfers = await transferMoney(rig.postgres.url('shop'));
        const input = { source: 'shop', type: 'daily', scheduledTime: '2026-11-26T02:00:00Z' };
        const { outcome, states, events } = await execute(machine, input, { rig, id: 'busy' });
        expect(await transfers.stop()).toBeGreaterThan(0);
        expect({ outcome, events }).toMatchObject({
          outcome: 'succeeded',
          events: [{ type: 'Backup Succeeded' }],
        });
        expect(states.filter((state) => state === 'BackupPartition').length).toBeGreaterThanOrEqual(SHARES);
        const backup = String(events[0]?.detail['backup']);
        const asked = { backup, to: 'restored', requestedBy: 'ana@shop.example' };
        expect(await rig.invoke('restore', asked)).toMatchObject({ key: backup, outcome: 'equal' });
        const [money] = (await rig.postgres.query('restored', MONEY_SQL)).rows;
        expect(money).toMatchObject({ sum: money.total, accounts: '40000' });
        // What was there already was not to be put again.
        expect(rig.refused?.filter((what) => !what.endsWith('PreconditionFailed')) ?? []).toEqual([]);
      },
      TIMEOUT_MS,
    );

    itBusy(
      'is locked until its retention is over before it is verified, and prune leaves it alone',
      async () => {
        const [backup = ''] = await rig.keys('backups/daily/');
        const { startedAt = new Date(0) } = parseBackupKey(backup) ?? {};
        const { packs } = JSON.parse(Buffer.from(await rig.store.get(backup)).toString());
        const needed = [backup, 'repository.json', ...packs.map(({ id }: { id: string }) => packKeyOf(id))];
        for (const key of needed) {
          const { until, mode } = (await rig.locks.retention(key, never)) ?? {};
          const days = ((until?.getTime() ?? 0) - startedAt.getTime()) / DAY_MS;
          expect([mode, days >= 30, days < 35], key).toEqual(['compliance', true, true]);
        }
        const { length: asked } = rig.aws.kms;
        expect(await rig.invoke('lock', {})).toMatchObject({ held: 0, until: expect.any(String) });
        expect(rig.aws.kms).toHaveLength(asked);
        expect(await rig.invoke('prune', {})).toMatchObject({ expired: 0, removedPacks: 0 });
      },
      TIMEOUT_MS,
    );

    itQuiet(
      'gives back a database that native pg_dump finds equal, from the newest good backup of a source',
      async () => {
        const { outcome } = await execute(machine, { source: 'shop', type: 'manual' }, { rig, id: 'quiet' });
        expect(outcome).toBe('succeeded');
        const asked = {
          backup: 'latest:shop',
          to: 'restored',
          replace: true,
          requestedBy: 'ana@shop.example',
        };
        await rig.invoke('restore', asked);
        // Partitions are written side by side: the order of rows on disk is another.
        const [restored, shop] = await Promise.all(
          ['restored', 'shop'].map(async (name) => linesOf(await nativeDump(rig.postgres.url(name)))),
        );
        expect(restored).toEqual(shop);
        expectDocumented(rig.aws.events);
        const finished = rig.aws.events.filter(({ type }) => type === 'Restore Finished');
        expect(finished.at(-1)?.detail).toMatchObject({ schema: 1, outcome: 'equal', target: 'restored' });
      },
      TIMEOUT_MS,
    );

    it(
      'logs in to no server whose authority the functions do not ship',
      async () => {
        const folder = `${await builtLambdas()}/restore`;
        await using restore = await startLambda('restore', { folder, env: rig.env() });
        const asked = {
          backup: 'latest:shop',
          to: 'restored',
          replace: true,
          requestedBy: 'ana@shop.example',
        };
        await expect(restore.invoke(asked)).rejects.toMatchObject({ name: 'E_SOURCE_UNTRUSTED' });
      },
      TIMEOUT_MS,
    );
    it('asks KMS for nothing that the roles of its functions deny', () => {
      expect(new Set(rig.aws.kms.map(({ job }) => job))).toContain('backup-partition');
      expect(deniedKmsRequests(rig.aws.kms, { deltas: true })).toEqual([]);
    });
  },
);

const packKeyOf = (id: string) => `data/${id.slice(0, 2)}/${id}`;

/** A digest rather than the lines: there are many, and a difference is looked for in the databases. */
function linesOf(dump: string): { readonly lines: number; readonly sha256: string } {
  const lines = dump.split('\n').toSorted();
  return { lines: lines.length, sha256: createHash('sha256').update(lines.join('\n')).digest('hex') };
}
