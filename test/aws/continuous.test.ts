import { afterAll, beforeAll, expect, it } from 'vitest';
import { CHANGE_METRIC_NAMES } from '../../infra/constructs/backup-metrics.ts';
import { changesFolder } from '../../shared/format/change-keys.ts';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { type AwsRig, startAwsRig } from '../support/aws/aws-rig.ts';
import { deploymentOf, FULL_CONFIG } from '../support/aws/deployment.ts';
import { backupMachine, execute } from '../support/aws/local-step-functions.ts';
import { publishedMetrics } from '../support/aws/metrics.ts';
import type { LambdaProcess } from '../support/aws/runtime-api.ts';
import { resolved } from '../support/aws/synthesised.ts';
import { describeInTurn } from '../support/parts.ts';

const describeWithParts = describeInTurn(5, 6);
const TIMEOUT_MS = 300_000;
const ACCOUNTS = 50;
const CHANGES = 12;
const NOW = `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS now`;
const machine = backupMachine({});

interface Polled {
  readonly state: string;
  readonly segments: number;
  readonly gaps: readonly string[];
  readonly lag: number | null;
  readonly base?: string;
}

/** What the schedule of a function gives it. */
function scheduled(job: string): unknown {
  const { pipeline } = deploymentOf(FULL_CONFIG);
  const schedules = Object.values(pipeline.findResources('AWS::Scheduler::Schedule'));
  const found = schedules.find(({ Properties }) => Properties.Name === job);
  return JSON.parse(String(resolved(found?.['Properties'].Target.Input)));
}

describeWithParts(
  ['ceph-rgw', 'runtime-client'],
  'continuous backup on AWS, by the schedules’ events and the bundles',
  () => {
    let rig: AwsRig;
    let postgres: PostgresServer;
    let poller: LambdaProcess;
    beforeAll(async () => {
      const settings = { wal_level: 'logical', max_slot_wal_keep_size: "'1GB'" };
      rig = await startAwsRig({ deployment: 'here', settings });
      ({ postgres } = rig);
      await postgres.createDatabase('shop');
      await postgres.createDatabase('scratch');
      await postgres.query(
        'shop',
        `CREATE TABLE accounts (id int PRIMARY KEY, amount int NOT NULL, note text);
         INSERT INTO accounts SELECT id, 100, repeat('x', 200) FROM generate_series(1, ${ACCOUNTS}) AS id`,
      );
      configure(10 * 1024);
      poller = await rig.start('poll');
    }, TIMEOUT_MS);
    afterAll(() => rig?.[Symbol.asyncDispose]());

    const configure = (mostHeldMiB: number) =>
      rig.configure({
        sources: {
          shop: { kind: 'postgres', secret: rig.secretOf('shop'), continuous: { mostHeldMiB } },
        },
        targets: { scratch: { kind: 'postgres', secret: rig.secretOf('scratch') } },
      });
    const poll = async () => (await poller.invoke(scheduled('poll-shop'))) as Polled;
    /** What the rule of the deployment does with what a poll answered. */
    const makeBase = async ({ base }: Polled, id: string) => {
      expect(base).toBeDefined();
      const { outcome } = await execute(machine, { source: 'shop', type: 'daily' }, { rig, id });
      expect(outcome).toBe('succeeded');
    };
    const held = async (database: string) =>
      (await postgres.query(database, 'SELECT id, amount, note FROM accounts ORDER BY id')).rows;
    const now = async () => String((await postgres.query('shop', NOW)).rows[0]?.['now']);
    const restore = (moment: object) =>
      rig.invoke('restore', { source: 'shop', to: 'scratch', ...moment, requestedBy: 'ana@shop.example' });
    const emptyScratch = async () => {
      await postgres.query('postgres', 'DROP DATABASE scratch');
      await postgres.createDatabase('scratch');
    };

    it(
      'waits for a repository, asks for a base, polls on, and restores what a client knows of a moment and of a transaction',
      async () => {
        expect(await poll()).toMatchObject({ state: 'waiting', segments: 0 });
        const first = await execute(machine, { source: 'shop', type: 'manual' }, { rig, id: 'first' });
        expect(first.outcome).toBe('succeeded');
        // Nobody has set the database up, and the function that polls may not.
        await expect(poll()).rejects.toMatchObject({ name: 'E_CHANGES_NOT_SET_UP' });
        await postgres.query('shop', 'CREATE PUBLICATION holdfast_shop FOR TABLE accounts');
        await postgres.query(
          'shop',
          "SELECT pg_create_logical_replication_slot('holdfast_shop', 'pgoutput')",
        );

        const begun = await poll();
        expect(begun).toMatchObject({ state: 'polled', segments: 1, gaps: [] });
        await makeBase(begun, 'base');

        /** What the writer knows: the table after each of its own transactions, and which they were. */
        const known: { readonly at: string; readonly xid: string; readonly rows: unknown }[] = [];
        for (let i = 0; i < CHANGES; i++) {
          const [one, other] = [1 + (i % ACCOUNTS), 1 + ((i * 7 + 3) % ACCOUNTS)];
          const { rows } = await postgres.query(
            'shop',
            `WITH paid AS (UPDATE accounts SET amount = amount - 7 WHERE id = ${one} RETURNING 1)
             UPDATE accounts SET amount = amount + 7, note = note || '${i}' WHERE id = ${other === one ? one + 1 : other}
             RETURNING pg_current_xact_id()::text AS xid`,
          );
          known.push({ at: await now(), xid: String(rows[0]?.['xid']), rows: await held('shop') });
          if (i % 4 === 3) expect(await poll()).toMatchObject({ state: 'polled', segments: 1 });
        }
        expect((await poll()).base).toBeUndefined();

        const [third, last] = [known[2], known.at(-1)];
        const plan = await restore({ at: third?.at, dryRun: true });
        expect(plan).toMatchObject({
          moment: { at: third?.at, transactions: expect.any(Number) },
          conflicts: [],
        });
        expect(await restore({ at: third?.at })).toMatchObject({
          outcome: 'equal',
          applied: { transactions: 3 },
        });
        expect(await held('scratch')).toEqual(third?.rows);
        await emptyScratch();
        expect(await restore({ beforeTransaction: last?.xid })).toMatchObject({ outcome: 'equal' });
        expect(await held('scratch')).toEqual(known.at(-2)?.rows);
        await expect(restore({ at: '2020-01-01T00:00:00Z' })).rejects.toMatchObject({ name: 'E_NO_MOMENT' });
        await expect(restore({})).rejects.toMatchObject({ name: 'E_USAGE' });
      },
      TIMEOUT_MS,
    );

    it(
      'stops while it is paused, lets the server go of too much log, names the gap, and asks for a new base',
      async () => {
        const paused = `${changesFolder({ kind: 'postgres', name: 'shop' })}paused`;
        await rig.store.put(paused, Buffer.from('by hand'));
        await postgres.query('shop', "UPDATE accounts SET note = 'while it was paused'");
        expect(await poll()).toMatchObject({ state: 'paused', segments: 0 });
        await rig.store.delete(paused);
        expect(await poll()).toMatchObject({ state: 'polled', segments: 1, gaps: [] });

        const watch = (mostHeldMiB: number) => {
          configure(mostHeldMiB);
          return rig.invoke('poll-watchdog', scheduled('poll-watchdog'));
        };
        expect(await watch(1024)).toMatchObject({ sources: [{ source: 'shop', didLetGo: false }] });
        for (let i = 0; i < 3; i++)
          await postgres.query('shop', 'UPDATE accounts SET note = repeat(note, 2); SELECT pg_switch_wal()');
        expect(await watch(16)).toMatchObject({ sources: [{ source: 'shop', didLetGo: true }] });
        const { rows } = await postgres.query('shop', 'SELECT count(*)::int AS n FROM pg_replication_slots');
        expect(rows).toEqual([{ n: 0 }]);

        const broken = await poll();
        expect(broken.gaps).toEqual([expect.stringContaining('are lost')]);
        await makeBase(broken, 'healed');
        expect((await poll()).base).toBeUndefined();
        await emptyScratch();
        expect(await restore({ at: 'latest' })).toMatchObject({ outcome: 'equal' });
        expect(await held('scratch')).toEqual(await held('shop'));
      },
      TIMEOUT_MS,
    );

    it('made its keys once in the process that polled, opened no record, and published what alarms look at', () => {
      const asked = (action: string, purpose: string) =>
        rig.aws.kms.filter(
          ({ job, action: was, input }) =>
            job === 'poll' && was === action && input.EncryptionContext?.['purpose'] === purpose,
        );
      expect(asked('GenerateDataKey', 'changes')).toHaveLength(1);
      expect(asked('GenerateDataKey', 'data')).toHaveLength(1);
      expect(asked('Decrypt', 'data')).toEqual([]);
      expect([...publishedMetrics(rig.log())]).toEqual(
        expect.arrayContaining(CHANGE_METRIC_NAMES.map((name) => `${name} by deployment, source`)),
      );
    });
  },
);
