import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openConfigured, readSettings } from '../../lambdas/runtime/settings.ts';
import { openChanges } from '../../shared/jobs/changes/openers.ts';
import { poller } from '../../shared/jobs/changes/poll.ts';
import { readProofEvidence } from '../../shared/jobs/changes/proof/proof-report.ts';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { type AwsRig, startAwsRig } from '../support/aws/aws-rig.ts';
import { expectDocumented } from '../support/aws/event-schema.ts';
import { backupMachine, execute } from '../support/aws/local-step-functions.ts';
import { describeInTurn } from '../support/parts.ts';
import { never } from '../support/repository/engine.ts';
import { without } from '../support/sources/lossy-changes.ts';

const describeWithParts = describeInTurn(6, 6);
const TIMEOUT_MS = 300_000;
const MACHINE_ARN = 'arn:aws:states:eu-west-1:111122223333:stateMachine:backup';
const NOW = `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS now`;
const SHOP = { kind: 'postgres', name: 'shop' } as const;
const machine = backupMachine({});

interface Polled {
  readonly base?: string;
}

/** From its first backup on; later somebody takes a row out of a segment, with the keys of the repository. */
describeWithParts(['ceph-rgw', 'runtime-client'], 'continuous backup on AWS, whose changes are wrong', () => {
  let rig: AwsRig;
  let postgres: PostgresServer;
  beforeAll(async () => {
    const settings = { wal_level: 'logical', max_slot_wal_keep_size: "'1GB'" };
    rig = await startAwsRig({ deployment: 'Shop', settings });
    ({ postgres } = rig);
    await postgres.createDatabase('shop');
    await postgres.createDatabase('scratch');
    await postgres.query('shop', 'CREATE TABLE parts (id int PRIMARY KEY); INSERT INTO parts VALUES (1)');
    await postgres.query('shop', 'CREATE PUBLICATION holdfast_shop FOR TABLE parts');
    await postgres.query('shop', "SELECT pg_create_logical_replication_slot('holdfast_shop', 'pgoutput')");
    rig.configure({
      sources: { shop: { kind: 'postgres', secret: rig.secretOf('shop'), continuous: {} } },
      targets: { scratch: { kind: 'postgres', secret: rig.secretOf('scratch') } },
    });
  }, TIMEOUT_MS);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rig?.[Symbol.asyncDispose]();
  });

  const poll = (event: object = {}) => rig.invoke('poll', { source: 'shop', ...event });
  const backUp = async (id: string) => {
    const { outcome, events } = await execute(machine, { source: 'shop', type: 'daily' }, { rig, id });
    expect(outcome).toBe('succeeded');
    return String(events.find(({ type }) => type === 'Backup Succeeded')?.detail['backup']);
  };
  const ids = async (database: string) =>
    (await postgres.query(database, 'SELECT id FROM parts ORDER BY id')).rows.map(({ id }) => id);

  it(
    'makes the first backup one that changes can be applied to: no second one follows at once',
    async () => {
      const made = backUp('first');
      await vi.waitFor(() => expect(rig.log()).toContain('waits for the first poll of its changes'), {
        timeout: TIMEOUT_MS,
        interval: 200,
      });
      const begun = (await poll()) as Polled;
      expect(begun).toMatchObject({ state: 'polled', segments: 1, gaps: [] });
      expect(begun.base).toBeUndefined();
      await made;
      const env = { HOLDFAST_BACKUP_MACHINE: MACHINE_ARN };
      expect(await rig.invoke('watchdog', {}, { env })).toMatchObject({ bases: [] });
      expect(rig.aws.executions).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    'finds a row that a segment lacks, says so with its table and key to who has the key, and refuses moments there',
    async () => {
      await postgres.query('shop', 'INSERT INTO parts VALUES (7001), (7002), (7003)');
      for (const [name, value] of Object.entries(rig.env())) vi.stubEnv(name, value);
      await using repository = await openConfigured(readSettings(process.env), never);
      const polls = poller(repository, { source: SHOP });
      const place = { kind: 'postgres', url: postgres.url('shop'), options: {} };
      await polls(without(await openChanges(place, {}), '7002'), { signal: never });
      const at = String((await postgres.query('shop', NOW)).rows[0]?.['now']);
      const backup = await backUp('night');
      expect(await poll({ backup })).toMatchObject({ backup });
      const proof = (await rig.invoke('prove', { backup })) as { readonly report: string };
      expect(proof).toMatchObject({ outcome: 'different', differentDatasets: 1, differing: 1 });

      // Who is told gets numbers; an alarm looks at the metric.
      const told = rig.aws.events.filter(({ type }) => type === 'Proof Failed');
      expect(told).toMatchObject([
        { detail: { source: 'shop', outcome: 'different', figures: { differing: 1 } } },
      ]);
      expectDocumented(told);
      expect(JSON.stringify(told)).not.toMatch(/parts|7002/);
      expect(rig.log()).toMatch(/"ProofFailed":1\b/);
      const { details } = await readProofEvidence(repository, proof.report, never);
      const datasets = [
        { dataset: 'public.parts', state: 'different', columns: ['id'], differing: 1, why: null },
      ];
      expect(details).toMatchObject({ datasets });
      expect(JSON.stringify(details)).toContain('"key":["7002"]');

      const restore = (more: object) =>
        rig.invoke('restore', {
          source: 'shop',
          at,
          to: 'scratch',
          requestedBy: 'ana@shop.example',
          ...more,
        });
      const { warnings } = (await restore({ dryRun: true })) as { readonly warnings: readonly string[] };
      expect(warnings[0]).toMatch(/cannot be trusted: their proof found 1 row of public\.parts/);
      await expect(restore({})).rejects.toMatchObject({ name: 'E_NOT_CONFIRMED' });
      expect(await restore({ despiteDoubts: true })).toMatchObject({ outcome: 'equal' });
      expect(await ids('scratch')).toEqual([1, 7001, 7003]);
    },
    TIMEOUT_MS,
  );
});
