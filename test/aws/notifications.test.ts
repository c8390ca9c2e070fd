import { afterAll, beforeAll, expect } from 'vitest';
import { type AwsRig, startAwsRig } from '../support/aws/aws-rig.ts';
import { expectDocumented } from '../support/aws/event-schema.ts';
import { backupMachine, type Execution, execute, type Meddle } from '../support/aws/local-step-functions.ts';
import { describeInTurn } from '../support/parts.ts';
import { flipped } from '../support/repository/damage.ts';
import { turns } from '../support/repository/torture.ts';

const describeWithParts = describeInTurn(5, 6);
const it = turns(2);

const TIMEOUT_MS = 300_000;
const BY = 'ana@shop.example';
const KILLED = { killAfterMs: 1 };

describeWithParts(['ceph-rgw', 'runtime-client'], 'what is told where something fails for good', () => {
  const machine = backupMachine();
  let rig: AwsRig;
  let runs = 0;

  beforeAll(async () => {
    rig = await startAwsRig();
    for (const name of ['shop', 'restored']) await rig.postgres.createDatabase(name);
    await rig.postgres.query(
      'shop',
      'CREATE TABLE orders AS SELECT id, md5(id::text) AS note FROM generate_series(1, 2000) id',
    );
    rig.configure(config('shop'));
  }, TIMEOUT_MS);
  afterAll(() => rig?.[Symbol.asyncDispose]());

  const config = (database: string) => ({
    sources: { shop: { kind: 'postgres', secret: rig.secretOf(database) } },
    targets: { restored: { kind: 'postgres', secret: rig.secretOf('restored') } },
    drill: { postgres: { secret: rig.aws.addParameter('/drill/server', rig.postgres.url()) } },
  });
  const backUp = (meddle: Meddle) =>
    execute(machine, { source: 'shop', type: 'manual' }, { rig, id: `run-${++runs}`, meddle });

  /** Nothing is listed, and what is told is what the share said. */
  async function expectGivenUp(done: Execution, code: string, message: RegExp): Promise<void> {
    const error = { code, message: expect.stringMatching(message) };
    expect(done).toMatchObject({ outcome: code, events: [{ type: 'Backup Failed', detail: { error } }] });
    expect(await rig.keys('backups/')).toEqual([]);
  }

  it(
    'the code and the message of the share that failed',
    async () => {
      const env = { HOLDFAST_CONFIG: JSON.stringify(config('nowhere')) };
      const done = await backUp(async (state) => (state === 'BackupPartition' ? { env } : undefined));
      await expectGivenUp(done, 'E_SOURCE_REFUSED', /^share 0: .*nowhere/);
    },
    TIMEOUT_MS,
  );

  it(
    'the code and the words of the plan that failed',
    async () => {
      const env = { HOLDFAST_CONFIG: JSON.stringify({ ...config('shop'), sources: {} }) };
      const done = await backUp(async (state) => (state === 'Plan' ? { env } : undefined));
      await expectGivenUp(done, 'E_USAGE', /^'shop' is not a configured source; there are: none/);
    },
    TIMEOUT_MS,
  );

  it(
    'that a share ended without an answer, where its function is killed each time',
    async () => {
      const done = await backUp(async (state) => (state === 'BackupPartition' ? KILLED : undefined));
      expect(done.states.filter((state) => state === 'BackupPartition').length).toBeGreaterThan(2);
      await expectGivenUp(done, 'Lambda.Unknown', /^share 0: it ended without an answer \(.*SIGKILL/);
    },
    TIMEOUT_MS,
  );

  it(
    'what is not verified, damaged, not restored and not drilled',
    async () => {
      const done = await backUp(async (state) => (state === 'VerifyPart' ? KILLED : undefined));
      expect(done).toMatchObject({
        outcome: 'E_VERIFY_FAILED',
        events: [
          {
            type: 'Verification Failed',
            detail: {
              error: {
                code: 'Lambda.Unknown',
                message: expect.stringMatching(/^it ended without an answer \(.*SIGKILL/),
              },
            },
          },
        ],
      });
      const [backup = ''] = await rig.keys('backups/');
      expect(done.events[0]?.detail).toMatchObject({ backup });
      for (const pack of await rig.keys('data/')) {
        const body = Buffer.from(await rig.store.get(pack));
        await rig.store.delete(pack);
        await rig.store.put(pack, flipped(body, body.length >> 1));
      }
      const told = rig.aws.events.length;
      expect(await rig.invoke('verify', { since: '7d' })).toMatchObject({ damaged: [backup] });
      const asked = { backup, to: 'restored', requestedBy: BY };
      await expect(rig.invoke('restore', asked)).rejects.toMatchObject({ name: 'E_DAMAGED' });
      expect(await rig.invoke('drill', { source: 'shop', backup })).toMatchObject({ outcome: 'failed' });
      const events = rig.aws.events.slice(told);
      expectDocumented(events);
      expect(events).toMatchObject([
        { type: 'Verification Failed', detail: { backup, damaged: [backup] } },
        { type: 'Restore Finished', detail: { backup, outcome: 'failed', error: { code: 'E_DAMAGED' } } },
        { type: 'Drill Failed', detail: { backup, outcome: 'failed', error: { code: 'E_DAMAGED' } } },
      ]);
    },
    TIMEOUT_MS,
  );
});
