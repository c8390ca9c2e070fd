import { afterAll, beforeAll, expect, it } from 'vitest';
import { CHANGE_METRIC_NAMES } from '../../infra/constructs/backup-metrics.ts';
import { changesFolder } from '../../shared/format/change-keys.ts';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { type AwsRig, startAwsRig } from '../support/aws/aws-rig.ts';
import { deploymentOf, FULL_CONFIG } from '../support/aws/deployment.ts';
import { type BusEvent, calledFor } from '../support/aws/event-rules.ts';
import { expectDocumented } from '../support/aws/event-schema.ts';
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
const MACHINE_ARN = 'arn:aws:states:eu-west-1:111122223333:stateMachine:backup';

interface Proven {
  readonly outcome: string;
  readonly segments: number;
  readonly transactions: number;
  readonly datasets: number;
}
interface Polled {
  readonly state: string;
  readonly segments: number;
  readonly gaps: readonly string[];
  readonly lag: number | null;
  readonly base?: string;
  readonly backup?: string;
}

const { pipeline } = deploymentOf(FULL_CONFIG);
const [DEPLOYMENT = ''] = Object.values(pipeline.findResources('AWS::Lambda::Function')).flatMap(
  ({ Properties }): string[] => Properties.Environment?.Variables.HOLDFAST_DEPLOYMENT ?? [],
);

/** Which functions the rules of the deployment call for an event of a state machine. */
const calledOf = (type: string, detail: BusEvent['detail']) =>
  calledFor(pipeline, {
    source: 'holdfast',
    'detail-type': type,
    time: new Date().toISOString(),
    detail: { ...detail, deployment: DEPLOYMENT },
  }).filter(({ job }) => job !== undefined);
/** And when Lambda tells what a function answered. */
const calledAfter = (responsePayload: object) =>
  calledFor(pipeline, {
    source: 'lambda',
    'detail-type': 'Lambda Function Invocation Result - Success',
    time: new Date().toISOString(),
    detail: { responsePayload },
  });

/** A row of the table, as text. */
function rowOf(rows: unknown, id: number): string {
  return JSON.stringify(rowsOf(rows).find((row) => row.id === id));
}

function rowsOf(rows: unknown): readonly { readonly id: number }[] {
  return rows as readonly { readonly id: number }[];
}

/** What the schedule of a function gives it. */
function scheduled(job: string): unknown {
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
    let prover: LambdaProcess;
    let restorer: LambdaProcess;
    beforeAll(async () => {
      const settings = { wal_level: 'logical', max_slot_wal_keep_size: "'1GB'" };
      rig = await startAwsRig({ deployment: DEPLOYMENT, settings });
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
      prover = await rig.start('prove');
      restorer = await rig.start('restore');
    }, TIMEOUT_MS);
    afterAll(() => rig?.[Symbol.asyncDispose]());

    const configure = (mostHeldMiB: number) =>
      rig.configure({
        sources: {
          shop: { kind: 'postgres', secret: rig.secretOf('shop'), continuous: { mostHeldMiB } },
        },
        targets: { scratch: { kind: 'postgres', secret: rig.secretOf('scratch') } },
        drill: { postgres: { secret: rig.secretOf('postgres') } },
      });
    const poll = async () => (await poller.invoke(scheduled('poll-shop'))) as Polled;
    /** By the rules: the machine that they start makes a backup, the poll that this calls stores all up to it, and then it is proven. */
    const backUp = async (input: Readonly<Record<string, unknown>>, id: string) => {
      const { outcome, events } = await execute(machine, input, { rig, id });
      expect(outcome).toBe('succeeded');
      const [told] = events.filter(({ type }) => type === 'Backup Succeeded');
      const [upTo, ...others] = calledOf(told?.type ?? '', told?.detail ?? {});
      expect([upTo?.job, ...others]).toEqual(['poll']);
      const answer = (await poller.invoke(upTo?.input)) as Polled;
      expect(answer).toMatchObject({ state: 'polled', segments: 1, backup: told?.detail['backup'] });
      const [proof, ...more] = calledAfter(answer);
      expect([proof?.job, ...more]).toEqual(['prove']);
      return { input: proof?.input, ...((await prover.invoke(proof?.input)) as Proven) };
    };
    const makeBase = (polled: Polled, id: string) => {
      const [base, ...others] = calledAfter(polled);
      expect([base?.input, ...others]).toEqual([
        { source: 'shop', type: 'daily', scheduledTime: expect.any(String) },
      ]);
      return backUp(base?.input ?? {}, id);
    };
    /** What the watchdog of backups begins for changes that no backup can be brought up to. */
    const dueBases = async () => {
      const before = rig.aws.executions.length;
      const env = { HOLDFAST_BACKUP_MACHINE: MACHINE_ARN };
      const { bases } = (await rig.invoke('watchdog', {}, { env })) as { readonly bases: readonly string[] };
      return { bases, inputs: rig.aws.executions.slice(before).map(({ input }) => input) };
    };
    /** How many objects there are of proofs. */
    const reports = async () => (await rig.keys('reports/proof/')).length;
    const proofsTold = () => rig.aws.events.filter(({ type }) => type.startsWith('Proof '));
    const held = async (database: string) =>
      (await postgres.query(database, 'SELECT id, amount, note FROM accounts ORDER BY id')).rows;
    const now = async () => String((await postgres.query('shop', NOW)).rows[0]?.['now']);
    const restore = (moment: object) =>
      restorer.invoke({ source: 'shop', to: 'scratch', ...moment, requestedBy: 'ana@shop.example' });
    const emptyScratch = async () => {
      await postgres.query('postgres', 'DROP DATABASE scratch');
      await postgres.createDatabase('scratch');
    };

    it(
      'waits for a repository, asks for a base, polls on, and restores what a client knows of a moment and of a transaction',
      async () => {
        expect(await poll()).toMatchObject({ state: 'waiting', segments: 0 });
        // The plan of a first backup makes it.
        await rig.invoke('plan', { source: 'shop', type: 'manual', execution: 'first' });
        // Nobody has set the database up, and the function that polls may not.
        await expect(poll()).rejects.toMatchObject({ name: 'E_CHANGES_NOT_SET_UP' });
        await postgres.query('shop', 'CREATE PUBLICATION holdfast_shop FOR TABLE accounts');
        await postgres.query(
          'shop',
          "SELECT pg_create_logical_replication_slot('holdfast_shop', 'pgoutput')",
        );

        const begun = await poll();
        expect(begun).toMatchObject({ state: 'polled', segments: 1, gaps: [] });
        // A backup that waited for it may be under way, so the watchdog has one made, if none is.
        expect(calledAfter(begun)).toEqual([]);
        const input = { source: 'shop', type: 'daily' };
        expect(await dueBases()).toEqual({ bases: ['shop'], inputs: [input] });
        expect(await backUp(input, 'base')).toMatchObject({ outcome: 'none' });
        expect(await dueBases()).toEqual({ bases: [], inputs: [] });

        /** What the writer knows: the table after each of its own transactions, and which they were. */
        const known: { readonly at: string; readonly xid: string; readonly rows: unknown }[] = [];
        const opening: unknown = await held('shop');
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
        const plan = await restore({ at: third?.at, dryRun: true, counts: true });
        expect(plan).toMatchObject({
          changes: { datasets: [{ added: ACCOUNTS, removed: 0, changed: 0 }], problem: null },
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
        const over = await restore({ at: third?.at, replace: true, dryRun: true, counts: true });
        const rowsThen = new Set(rowsOf(third?.rows).map((row) => JSON.stringify(row)));
        const differing = rowsOf(known.at(-2)?.rows).filter((row) => !rowsThen.has(JSON.stringify(row)));
        expect(over).toMatchObject({
          changes: { datasets: [{ added: 0, removed: 0, changed: differing.length }], isComplete: true },
        });
        const look = (event: object) => rig.invoke('look', { ...event, requestedBy: 'ana@shop.example' });
        expect(await look({ what: 'held', source: 'shop' })).toMatchObject({
          bytes: expect.any(Number),
          problem: null,
        });
        const query = { source: 'shop', dataset: 'public.accounts', key: '1', moments: 'true' };
        const { versions } = (await look({ what: 'history', query })) as {
          readonly versions: readonly { readonly transaction: string | null }[];
        };
        const changing = known.filter(
          ({ rows }, i) => rowOf(rows, 1) !== rowOf(i === 0 ? opening : known[i - 1]?.rows, 1),
        );
        expect(versions.map(({ transaction }) => transaction)).toEqual([
          null,
          ...changing.map(({ xid }) => xid),
        ]);
        await expect(restore({ at: '2020-01-01T00:00:00Z' })).rejects.toMatchObject({ name: 'E_NO_MOMENT' });
        await expect(restore({})).rejects.toMatchObject({ name: 'E_USAGE' });
      },
      TIMEOUT_MS,
    );

    it(
      'proves the next backup by what was polled, and says so if a segment is gone',
      async () => {
        const night = await backUp({ source: 'shop', type: 'daily' }, 'night');
        const counted = { transactions: CHANGES, datasets: 1, differing: 0, notCompared: 0 };
        expect(night).toMatchObject({ outcome: 'equal', ...counted });
        expect(await reports()).toBe(1);
        expect(proofsTold()).toMatchObject([
          { type: 'Proof Succeeded', detail: { source: 'shop', outcome: 'equal', figures: counted } },
        ]);
        // One of the segments between the two goes, and comes back.
        const folder = changesFolder({ kind: 'postgres', name: 'shop' });
        const [, , segment = ''] = (await rig.keys(folder)).toSorted();
        const bytes = await rig.store.get(segment);
        await rig.store.delete(segment);
        expect(await prover.invoke(night.input)).toMatchObject({ outcome: 'failed', error: 'E_DAMAGED' });
        await rig.store.put(segment, bytes);
        expect(await prover.invoke(night.input)).toMatchObject({ outcome: 'equal', ...counted });
        expect(await reports()).toBe(3);
        expect(proofsTold().map(({ type }) => type.split(' ')[1])).toEqual([
          'Succeeded',
          'Failed',
          'Succeeded',
        ]);
        expectDocumented(proofsTold());
      },
      TIMEOUT_MS,
    );

    it(
      'stops while it is paused, lets the server go of too much log, names the gap, asks for a new base, and drills a moment after it',
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
        expect(await makeBase(broken, 'healed')).toMatchObject({ outcome: 'none' });
        expect(proofsTold()).toHaveLength(3);
        await postgres.query('shop', "UPDATE accounts SET note = 'healed' WHERE id < 9");
        expect((await poll()).base).toBeUndefined();
        expect(await rig.invoke('drill', { source: 'shop' })).toMatchObject({
          outcome: 'equal',
          moment: { outcome: 'equal', at: expect.any(String) },
        });
        expect(await rig.invoke('drill', { source: 'shop', noMoment: true })).toMatchObject({
          outcome: 'equal',
          moment: null,
        });
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
