import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type AwsRig, type Settings, startAwsRig } from '../support/aws/aws-rig.ts';
import { backupMachine, type Execution, execute } from '../support/aws/local-step-functions.ts';
import { describeInTurn } from '../support/parts.ts';
import { accountsSql } from '../support/sources/transfers.ts';
import { faultyProxy } from '../support/stores/faulty-proxy.ts';

const describeWithParts = describeInTurn(2, 6);

const TIMEOUT_MS = 400_000;
/** These take minutes. */
const IS_LONG = process.env['HOLDFAST_TEST_LONG'] === '1';
const REFUSAL_MS = 10_000;

type Meddle = (state: string, event: Readonly<Record<string, unknown>>) => Promise<Settings | undefined>;

describeWithParts(['ceph-rgw', 'runtime-client'], 'a scheduled backup where something breaks', () => {
  const machine = backupMachine();
  let rig: AwsRig;
  let runs = 0;

  beforeAll(async () => {
    rig = await startAwsRig();
    await rig.postgres.createDatabase('shop');
    await rig.postgres.query('shop', accountsSql(IS_LONG ? 51 : 4));
    rig.configure({
      sources: { shop: { kind: 'postgres', secret: rig.secretOf('shop'), partitionMiB: 17 } },
      aws: { shareMiB: 16 },
    });
  }, TIMEOUT_MS);
  afterAll(() => rig?.[Symbol.asyncDispose]());

  const backUp = (
    meddle?: Meddle,
    {
      scheduledTime = `2026-11-26T02:00:${runs}Z`,
      retriesWait = false,
    }: { readonly scheduledTime?: string; readonly retriesWait?: boolean } = {},
  ): Promise<Execution> => {
    runs++;
    const input = { source: 'shop', type: 'daily', scheduledTime };
    return execute(machine, input, { rig, id: `run-${runs}`, meddle, retriesWait });
  };

  /** One complete backup more, and it is told; or none, and that is told. The next run is as any other. */
  async function expectOutcome(
    { outcome, events }: Execution,
    { before, error }: { readonly before: readonly string[]; readonly error?: RegExp },
  ): Promise<void> {
    const added = (await rig.keys('backups/')).filter((key) => !before.includes(key));
    if (error) {
      expect({ outcome, added, events }).toMatchObject({
        outcome: expect.stringMatching(error),
        added: [],
        events: [{ type: 'Backup Failed', detail: { error: { code: expect.stringMatching(error) } } }],
      });
    } else {
      const told = [{ type: 'Backup Succeeded', detail: { backup: added[0] } }];
      expect({ outcome, added, events }).toMatchObject({
        outcome: 'succeeded',
        added: [expect.any(String)],
        events: told,
      });
    }
    const next = await backUp();
    expect(next).toMatchObject({ outcome: 'succeeded', events: [{ type: 'Backup Succeeded' }] });
  }

  /** Settings for the first call of a state. */
  const once = (name: string, settings: Settings): Meddle => {
    let isDone = false;
    return async (state) => {
      if (isDone || state !== name) return undefined;
      isDone = true;
      return settings;
    };
  };

  it(
    'a function that reads a share is killed half way: it is read again',
    async () => {
      const before = await rig.keys('backups/');
      const done = await backUp(once('BackupPartition', { killAfterMs: 150 }));
      expect(done.states.filter((state) => state === 'BackupPartition').length).toBeGreaterThan(
        IS_LONG ? 3 : 1,
      );
      await expectOutcome(done, { before });
    },
    TIMEOUT_MS,
  );

  describe.runIf(IS_LONG)('in the long form', () => {
    it(
      'the connection of the holder is lost: nothing is listed',
      async () => {
        const before = await rig.keys('backups/');
        const done = await backUp(async (state) => {
          if (state === 'Commit')
            await rig.postgres.query(
              'postgres',
              `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast'`,
            );
          return undefined;
        });
        await expectOutcome(done, { before, error: /^E_(SOURCE_LOST|RUN_ABORTED)$/ });
      },
      TIMEOUT_MS,
    );

    it(
      'the same scheduled time is delivered twice at the same moment: one backup',
      async () => {
        const before = await rig.keys('backups/');
        const time = { scheduledTime: '2026-11-26T03:00:00Z' };
        const both = await Promise.all([backUp(undefined, time), backUp(undefined, time)]);
        expect(both.flatMap(({ events }) => events.map(({ type }) => type)).toSorted()).toEqual([
          'Backup Duplicate',
          'Backup Succeeded',
        ]);
        expect((await rig.keys('backups/')).length).toBe(before.length + 1);
      },
      TIMEOUT_MS,
    );

    it(
      'the store refuses for ten seconds: it is waited for',
      async () => {
        const before = await rig.keys('backups/');
        let since: number | undefined;
        await using proxy = await faultyProxy(inject('rgwEndpoint'), ({ what }) => {
          if (what.includes('/runs/') && what.includes('share')) since ??= performance.now();
          return since !== undefined && performance.now() - since < REFUSAL_MS ? 'slow-down' : undefined;
        });
        const env = { AWS_ENDPOINT_URL_S3: proxy.endpoint };
        const done = await backUp(async () => ({ env }), { retriesWait: true });
        expect(proxy.requests.some(({ fault }) => fault === 'slow-down')).toBe(true);
        await expectOutcome(done, { before });
      },
      TIMEOUT_MS,
    );

    it(
      'the holder comes to the end of its time: nothing is listed, and the error names the remedy',
      async () => {
        const before = await rig.keys('backups/');
        const done = await backUp(async (state) => (state === 'Hold' ? { timeoutMs: 6_000 } : slow(state)));
        await expectOutcome(done, {
          before,
          error: /^E_(SNAPSHOT_EXPIRED|SOURCE_LOST|OUT_OF_TIME|RUN_ABORTED)$/,
        });
      },
      TIMEOUT_MS,
    );

    it(
      'a function comes to the end of its time: it stops itself, and the error names the remedy',
      async () => {
        const before = await rig.keys('backups/');
        const done = await backUp(async (state) =>
          state === 'BackupPartition' ? { timeoutMs: 1_050 } : undefined,
        );
        expect(JSON.stringify(done.events)).toContain('Give the function more memory');
        await expectOutcome(done, { before, error: /^E_OUT_OF_TIME$/ });
      },
      TIMEOUT_MS,
    );
  });
});

/** Commit begins late. */
async function slow(state: string): Promise<undefined> {
  if (state === 'Commit') await new Promise((resolve) => setTimeout(resolve, 8_000));
}
