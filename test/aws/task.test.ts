import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, expect } from 'vitest';
import { type AwsRig, startAwsRig } from '../support/aws/aws-rig.ts';
import { builtLambdas } from '../support/aws/bundles.ts';
import { backupMachine, execute } from '../support/aws/local-step-functions.ts';
import { describeInTurn } from '../support/parts.ts';
import { turns } from '../support/repository/torture.ts';

const describeWithParts = describeInTurn(2, 6);

const it = turns(5);

const TIMEOUT_MS = 300_000;

describeWithParts(['ceph-rgw', 'runtime-client'], 'the task, a container’s program, from its bundle', () => {
  let rig: AwsRig;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    rig = await startAwsRig();
    await rig.postgres.createDatabase('shop');
    await rig.postgres.query('shop', 'CREATE TABLE orders AS SELECT generate_series(1, 1000) id');
    rig.configure({ sources: { shop: { kind: 'postgres', secret: rig.secretOf('shop') } } });
  }, TIMEOUT_MS);
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await rig?.[Symbol.asyncDispose]();
  });

  async function start(name: string, event: object, env: Readonly<Record<string, string>> = {}) {
    const child = spawn(process.execPath, ['index.mjs', name], {
      cwd: `${await builtLambdas()}/task`,
      env: { PATH: process.env['PATH'], HOLDFAST_EVENT: JSON.stringify(event), ...rig.env(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let log = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes: Buffer) => {
        log += bytes.toString();
      });
    const exit = once(child, 'close').then(([status]) => ({ status, log }));
    return { child, exit };
  }

  it(
    'exits as the command line does, and says in its log what came of it',
    async () => {
      const plan = { source: 'shop', type: 'manual', execution: 'arn:task' };
      const planned = await (await start('plan', plan)).exit;
      expect(planned).toMatchObject({ status: 0, log: expect.stringContaining('"mode":"hold"') });
      const wrong = await (await start('palm', {})).exit;
      expect(wrong).toMatchObject({
        status: 2,
        log: expect.stringContaining('the command is one of plan, hold'),
      });
      const run = randomBytes(16).toString('hex');
      const early = await (await start('commit', { run, source: 'shop', type: 'manual' })).exit;
      expect(early).toMatchObject({ status: 10, log: expect.stringContaining('E_NO_RUN') });
    },
    TIMEOUT_MS,
  );

  it(
    'lets go of the snapshot when it is told to stop, and nothing of its run can be listed',
    async () => {
      const run = randomBytes(16).toString('hex');
      const about = { run, source: 'shop', type: 'manual' };
      await (await start('plan', { source: 'shop', type: 'manual', execution: 'arn:task' })).exit;
      const { child, exit } = await start('hold', about, { HOLDFAST_TASK_TOKEN: run });
      expect(await rig.aws.task(run)).toMatchObject({ output: { run, shares: [{ share: 0 }] } });
      expect((await (await start('backup-partition', { ...about, share: 0 })).exit).status).toBe(0);
      child.kill('SIGTERM');
      expect(await exit).toMatchObject({ status: 130, log: expect.stringContaining('told to stop') });
      const { status, log } = await (await start('commit', about)).exit;
      expect({ status, log }).toMatchObject({
        status: 30,
        log: expect.stringMatching(/E_SOURCE_LOST|E_SNAPSHOT/),
      });
      expect(await rig.keys('backups/')).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    'stops a share for which nobody waits any more, and reads nothing',
    async () => {
      const token = randomUUID();
      rig.aws.endTask(token);
      const about = { run: randomBytes(16).toString('hex'), source: 'shop', type: 'manual', share: 0 };
      const { exit } = await start('backup-partition', about, { HOLDFAST_TASK_TOKEN: token });
      expect(await exit).toMatchObject({ status: 130, log: expect.stringContaining('TaskTimedOut') });
    },
    TIMEOUT_MS,
  );

  it(
    'reads a share for the state machine that waits for it, and fails by its code and words',
    async () => {
      await rig.postgres.createDatabase('wide');
      await rig.postgres.query(
        'wide',
        'CREATE TABLE orders AS SELECT id, repeat(md5(id::text), 56) note FROM generate_series(1, 12000) id',
      );
      const network = { vpcId: 'vpc-0123456789abcdef0', subnetIds: ['subnet-0123456789abcdef0'] };
      rig.configure({
        sources: { wide: { kind: 'postgres', secret: rig.secretOf('wide') } },
        aws: { fargate: { fromMiB: 16 }, network },
      });
      const tokens: string[] = [];
      const options = {
        rig,
        runTask: async (job: string, { HOLDFAST_EVENT = '{}' }) => {
          const token = randomUUID();
          tokens.push(token);
          const { exit } = await start(job, JSON.parse(HOLDFAST_EVENT), { HOLDFAST_TASK_TOKEN: token });
          const { status } = await exit;
          const answer = await rig.aws.task(token);
          if ('output' in answer) return answer.output;
          expect(status).not.toBe(0);
          throw Object.assign(new Error(answer.cause), { name: answer.error });
        },
      };
      const machine = backupMachine({}, { hasTasks: true });
      const input = { source: 'wide', type: 'manual' };
      const made = await execute(machine, input, { ...options, id: 'wide' });
      expect(made).toMatchObject({
        outcome: 'succeeded',
        states: expect.arrayContaining(['BackupPartitionTask']),
      });
      expect(rig.aws.beats).toEqual(expect.arrayContaining(tokens));

      // What is planned is gone when the task comes to read it.
      tokens.length = 0;
      const meddled = {
        ...options,
        runTask: (job: string, env: Readonly<Record<string, string>>) =>
          options.runTask(job, {
            ...env,
            HOLDFAST_EVENT: JSON.stringify({ ...JSON.parse(env['HOLDFAST_EVENT'] ?? ''), share: 7 }),
          }),
      };
      const failed = await execute(machine, input, { ...meddled, id: 'meddled' });
      expect(tokens).toHaveLength(1);
      expect(failed.outcome).not.toMatch(/^(succeeded|States\.)/);
      const told = failed.events.find(({ type }) => type === 'Backup Failed');
      const message = expect.stringMatching(/^share 0: .*share/);
      expect(told?.detail['error']).toEqual({ code: failed.outcome, message });
    },
    TIMEOUT_MS,
  );

  it(
    'drills and restores what is too large for a function, with the run that the function gave it',
    async () => {
      await rig.postgres.createDatabase('large');
      await rig.postgres.query(
        'large',
        'CREATE TABLE orders AS SELECT id, repeat(md5(id::text), 8) note FROM generate_series(1, 8000) id',
      );
      await rig.postgres.createDatabase('scratch');
      const place = (name: string) => ({ kind: 'postgres', secret: rig.secretOf(name) });
      const file = {
        sources: { large: place('large') },
        targets: { scratch: place('scratch') },
        drill: { postgres: { secret: rig.aws.addSecret('server', rig.postgres.url()) } },
      };
      rig.configure({ ...file, aws: { restoreMiB: 1 } });
      const made = await execute(backupMachine(), { source: 'large', type: 'manual' }, { rig, id: 'large' });
      expect(made.outcome).toBe('succeeded');

      const drill = { source: 'large', requestedBy: 'ana@shop.example' };
      await expect(rig.invoke('drill', drill)).rejects.toMatchObject({
        name: 'E_CONFIG',
        message: expect.stringMatching(
          /MiB of records take longer .* its limit is 1.00 MiB.*Set aws.fargate/,
        ),
      });
      const machine = 'arn:aws:states:eu-west-1:111122223333:stateMachine:tasks';
      const env = { HOLDFAST_TASK_MACHINE: machine };
      const restore = { backup: 'good:large', to: 'scratch', requestedBy: 'ana@shop.example' };
      for (const [job, given] of [
        ['drill', drill],
        ['restore', restore],
      ] as const) {
        const answer = (await rig.invoke(job, given, { env })) as {
          readonly run: string;
          readonly key: string;
        };
        const started = rig.aws.executions.at(-1);
        expect(started).toMatchObject({ machine, name: answer.run, input: { run: answer.run } });
        const { event } = started!.input as { event: object };
        expect(event).toMatchObject({ ...given, backup: answer.key });
        const task = await start(job, event, { HOLDFAST_RUN: answer.run });
        const { status, log } = await task.exit;
        expect({ status, log }).toMatchObject({
          status: 0,
          log: expect.stringContaining('"outcome":"equal"'),
        });
        const told = rig.aws.events.filter(({ detail }) => detail['run'] === answer.run);
        expect(told.map(({ detail }) => detail['outcome'])).toEqual(['equal']);
      }
      const { rows } = await rig.postgres.query('scratch', 'SELECT count(*)::int AS n FROM orders');
      expect(rows).toEqual([{ n: 8000 }]);
      // A plan is told at once, however large the backup is; a part that is small enough is restored by the function.
      expect(await rig.invoke('restore', { ...restore, dryRun: true })).toHaveProperty('steps');
    },
    TIMEOUT_MS,
  );
});
