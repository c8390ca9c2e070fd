import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CHANGE_METRIC_NAMES, METRIC_NAMES } from '../../infra/constructs/backup-metrics.ts';
import { resolveConfig } from '../../shared/config/config.ts';
import { scheduleNames } from '../../shared/config/schedule-names.ts';
import { type AwsRig, startAwsRig } from '../support/aws/aws-rig.ts';
import { deploymentOf, FULL_CONFIG } from '../support/aws/deployment.ts';
import { expectDocumented } from '../support/aws/event-schema.ts';
import {
  backupMachine,
  execute,
  type Meddle,
  verificationMachine,
} from '../support/aws/local-step-functions.ts';
import { publishedMetrics, watchedMetrics } from '../support/aws/metrics.ts';
import { deniedKmsRequests } from '../support/aws/role-judge.ts';
import type { LambdaProcess } from '../support/aws/runtime-api.ts';
import { describeInTurn } from '../support/parts.ts';
import { obstructOrders } from '../support/stores/obstacle.ts';

const describeWithParts = describeInTurn(1, 6);

const TIMEOUT_MS = 300_000;
const BY = 'ana@shop.example';
const MASK = JSON.stringify({
  secret: 'a secret of sixteen characters',
  rules: { version: 1, tables: { 'public.orders': { id: 'keep', note: 'hash' } } },
});

describeWithParts(
  ['ceph-rgw', 'runtime-client'],
  'functions, from their bundles, under the runtime client',
  () => {
    let rig: AwsRig;
    let backup: string;
    let file: object;
    const machine = backupMachine();

    beforeAll(async () => {
      rig = await startAwsRig({ deployment: 'Shop' });
      await rig.postgres.createDatabase('shop');
      await rig.postgres.createDatabase('scratch');
      await rig.postgres.createDatabase('mended');
      await rig.postgres.query(
        'shop',
        `CREATE TABLE orders (id int PRIMARY KEY, note text);
       INSERT INTO orders SELECT id, 'order ' || id FROM generate_series(1, 5000) id`,
      );
      const { postgres, aws } = rig;
      const { host, port, user, password } = postgres;
      const rds = JSON.stringify({
        engine: 'postgres',
        host,
        port,
        username: user,
        password,
        dbname: 'shop',
      });
      file = {
        sources: {
          shop: { kind: 'postgres', secret: rig.secretOf('shop'), mask: aws.addSecret('shop-mask', MASK) },
          'shop-rds': { kind: 'postgres', secret: aws.addSecret('rds', rds) },
          // As RDS keeps it: it knows neither server nor database.
          'shop-managed': {
            kind: 'postgres',
            secret: aws.addSecret('rds!db-1', JSON.stringify({ username: user, password })),
            host,
            port,
            database: 'shop',
          },
          'shop-unplaced': {
            kind: 'postgres',
            secret: aws.addSecret('rds!db-2', JSON.stringify({ username: user, password })),
          },
          'shop-parameter': { kind: 'postgres', secret: aws.addParameter('plain', postgres.url('shop')) },
          broken: {
            kind: 'postgres',
            secret: aws.addSecret('broken', '{"engine":"mysql","password":"hush"}'),
          },
          gone: { kind: 'postgres', secret: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:gone' },
        },
        targets: {
          scratch: { kind: 'postgres', secret: rig.secretOf('scratch') },
          mended: { kind: 'postgres', secret: rig.secretOf('mended') },
        },
        drill: { postgres: { secret: aws.addParameter('/drill/server', postgres.url()) } },
        // Nobody can tell apart a backup that never opened a record from one that did, but KMS.
        deltas: false,
      };
      rig.configure(file);
      await installed();
      const input = { source: 'shop', type: 'daily', scheduledTime: '2026-11-26T02:00:00Z' };
      const { outcome, events } = await execute(machine, input, { rig, id: 'first' });
      expect({ outcome, events }).toMatchObject({
        outcome: 'succeeded',
        events: [{ type: 'Backup Succeeded' }],
      });
      backup = String(events[0]?.detail['backup']);
    }, TIMEOUT_MS);
    afterAll(() => rig?.[Symbol.asyncDispose]());

    const started = new Map<string, Promise<LambdaProcess>>();
    /** In a process that has handled events before, as most are on AWS. */
    const invokeWarm = async (name: string, event: unknown): Promise<unknown> => {
      const process = started.get(name) ?? rig.start(name);
      started.set(name, process);
      return (await process).invoke(event);
    };

    let before: unknown;
    /** What functions answer that a schedule calls before the first backup. */
    const installed = async () => {
      const names = scheduleNames(resolveConfig({ file, fileName: 'config', env: {}, flags: {} }));
      for (const name of names) rig.aws.schedules.set(`new/${name}`, 'ENABLED');
      const env = { HOLDFAST_KMS_KEY: '', HOLDFAST_SCHEDULE_GROUP: 'new' };
      before = {
        watchdog: await rig.invoke('watchdog', {}, { env }),
        verify: await rig.invoke('verify', { plan: true, since: '6d', days: 7 }),
        prune: await rig.invoke('prune', {}),
        told: rig.aws.events.length,
      };
    };

    it('find nothing wrong before the first backup is due', () => {
      expect(before).toMatchObject({
        watchdog: { missed: [], off: [] },
        verify: { parts: [] },
        prune: { backups: 0, expire: 0 },
        told: 0,
      });
    });

    it.skipIf(process.env['HOLDFAST_TEST_AWS'] === '1')(
      'asked KMS for data keys and for no records, with whose key it is in the context',
      () => {
        const contexts = rig.aws.kms.map(({ action, input }) => ({ action, ...input.EncryptionContext }));
        expect(contexts.length).toBeGreaterThan(5);
        for (const context of contexts)
          expect(context).toEqual({
            action: expect.stringMatching(/^(GenerateDataKey|Decrypt|Encrypt)$/),
            repository: expect.stringMatching(/^[0-9a-f]{32}$/),
            run: expect.stringMatching(/^[0-9a-f]{32}$/),
            purpose: expect.stringMatching(/^(data|index|manifest|repository)$/),
            // Records are opened source by source.
            ...('purpose' in context && context.purpose === 'data' && { source: 'shop' }),
          });
        const decrypted = contexts.filter(({ action }) => action === 'Decrypt');
        // The state machine verifies what was written, and that reads records; it comes last.
        const verified = decrypted.findIndex((context) => 'purpose' in context && context.purpose === 'data');
        expect(decrypted.length - verified).toBeLessThan(8);
      },
    );

    it.skipIf(process.env['HOLDFAST_TEST_AWS'] === '1')(
      'decide with the keys that the role of decide may open and make, and no others',
      async () => {
        const asked = rig.aws.kms.length;
        const hold = { backups: [backup], reason: 'audit', requestedBy: BY };
        expect(await invokeWarm('decide', { action: 'hold', ...hold })).toMatchObject({ key: backup });
        expect(await invokeWarm('decide', { action: 'release', ...hold })).toMatchObject({
          before: { reason: 'audit' },
        });
        await invokeWarm('decide', { action: 'create', backups: [], run: 'a'.repeat(32), requestedBy: BY });
        await expect(invokeWarm('decide', { action: 'accept', ...hold })).rejects.toThrow(/is not suspect/);
        const purposes = (wanted: string) =>
          new Set(
            rig.aws.kms
              .slice(asked)
              .filter(({ action }) => action === wanted)
              .map(({ input }) => input.EncryptionContext?.['purpose']),
          );
        expect(purposes('Decrypt')).toEqual(new Set(['repository', 'manifest']));
        const made = [...purposes('GenerateDataKey')];
        expect(made).toContain('manifest');
        expect(made.filter((purpose) => purpose !== 'manifest' && purpose !== 'index')).toEqual([]);
      },
    );

    it('make one backup of one scheduled time, however often it is delivered', async () => {
      const before = await rig.keys('backups/');
      const input = { source: 'shop', type: 'daily', scheduledTime: '2026-11-26T02:00:00Z' };
      const { outcome, events } = await execute(machine, input, { rig, id: 'second' });
      expect({ outcome, events }).toMatchObject({
        outcome: 'succeeded',
        events: [{ type: 'Backup Duplicate' }],
      });
      expect(await rig.keys('backups/')).toEqual(before);
    });

    it.each([
      [
        'members that it does not know',
        'plan',
        { source: 'shop', type: 'daily', execution: 'e', tpye: 'x' },
        'tpye',
      ],
      [
        'a run that is none',
        'commit',
        { run: 'x', source: 'shop', type: 'daily' },
        '32 lower-case hex digits',
      ],
      ['a restore that nobody asked for', 'restore', { backup: 'latest:shop', to: 'shop' }, 'requestedBy'],
      [
        'a target that is not configured',
        'restore',
        { backup: 'latest:shop', to: 'shop', requestedBy: BY },
        'is not a configured target',
      ],
      [
        'a source that is not configured',
        'plan',
        { source: 'shpo', type: 'daily', execution: 'e' },
        'there are: shop',
      ],
    ])('refuse %s, and say what is allowed', async (_what, name, event, text) => {
      await expect(invokeWarm(name, event)).rejects.toMatchObject({
        name: 'E_USAGE',
        message: expect.stringContaining(text),
      });
    });

    it('tell of a run that is given up what its first failed share said', async () => {
      const commit = await rig.start('commit');
      const run = 'f'.repeat(32);
      const of = { run, source: 'shop', type: 'daily' };
      const note = (share: number, code: string, errorMessage: string) =>
        commit.invoke({ ...of, share, failure: { Error: code, Cause: JSON.stringify({ errorMessage }) } });
      expect(await note(3, 'E_SOURCE_LOST', 'the server went away')).toEqual({ run, share: 3 });
      await note(4, 'E_ABORTED', 'later');
      const abort = { ...of, abort: true, error: 'States.ExceedToleratedFailureThreshold', cause: 'no more' };
      expect(await commit.invoke(abort)).toEqual({
        run,
        aborted: true,
        failure: { Error: 'E_SOURCE_LOST', Cause: 'share 3: the server went away' },
      });
      const other = { ...abort, run: 'e'.repeat(32), cause: '{"errorMessage":"it took too long"}' };
      expect(await commit.invoke(other)).toMatchObject({
        failure: { Error: abort.error, Cause: 'it took too long' },
      });
    });

    it('say of a secret that it names no database, and nothing of what it holds', async () => {
      const plan = await rig.start('plan');
      const event = { type: 'daily', execution: 'e' };
      await expect(plan.invoke({ ...event, source: 'broken' })).rejects.toMatchObject({
        name: 'E_CONFIG',
        message: expect.stringMatching(/engine is 'mysql'(?!.*hush)/),
      });
      await expect(plan.invoke({ ...event, source: 'gone' })).rejects.toMatchObject({
        name: 'E_SOURCE_REFUSED',
        message: expect.stringContaining('ResourceNotFoundException'),
      });
      await expect(plan.invoke({ ...event, source: 'shop-unplaced' })).rejects.toMatchObject({
        name: 'E_CONFIG',
        message: expect.stringMatching(/it has no host.*set host, port and database in the configuration/s),
      });
      for (const source of ['shop-rds', 'shop-managed', 'shop-parameter'])
        expect(await plan.invoke({ ...event, source })).toMatchObject({ source, mode: 'hold' });
    });

    it('verify, drill and watch, and write down what they found', async () => {
      // After the backup, what it stored was read, and no more.
      expect(await rig.invoke('verify', { since: '7d', depth: 'new' })).toMatchObject({
        verified: 0,
        damaged: [],
        findings: 0,
      });
      expect(await rig.invoke('verify', { backup })).toMatchObject({ verified: 1, damaged: [] });
      expect(await rig.invoke('drill', { source: 'shop' })).toMatchObject({ key: backup, outcome: 'equal' });
      const watchdog = await rig.start('watchdog');
      expect(await watchdog.invoke({})).toMatchObject({
        sources: [
          { source: 'shop', backupAge: expect.any(Number), drillAge: expect.any(Number) },
          ...Array.from({ length: 6 }, () => ({})),
        ],
        missed: ['shop-rds', 'shop-managed', 'shop-unplaced', 'shop-parameter', 'broken', 'gone'],
      });
      const metrics = watchdog.log
        .filter((line) => line.includes('CloudWatchMetrics'))
        .map((line) => JSON.parse(line));
      expect(metrics[0]).toMatchObject({
        _aws: { CloudWatchMetrics: [{ Namespace: 'Holdfast', Dimensions: [['deployment', 'source']] }] },
        deployment: 'Shop',
        source: 'shop',
        BackupMissed: 0,
      });
      expectDocumented(rig.aws.events);
      const types = rig.aws.events.map(({ source, type }) => `${source}: ${type}`);
      expect(types).toEqual(expect.arrayContaining(['holdfast: Drill Succeeded', 'holdfast: Backup Missed']));
    });

    it('tell at once of schedules that are off or gone, and ask of none where none are to be on', async () => {
      const names = scheduleNames(resolveConfig({ file, fileName: 'config', env: {}, flags: {} }));
      for (const name of names) rig.aws.schedules.set(`shop/${name}`, 'ENABLED');
      rig.aws.schedules.set('shop/verify', 'DISABLED').delete('shop/backup-daily-shop');
      const told = rig.aws.events.length;
      const off = ['backup-daily-shop', 'verify'];
      const env = { HOLDFAST_KMS_KEY: '', HOLDFAST_SCHEDULE_GROUP: 'shop' };
      expect(await rig.invoke('watchdog', {}, { env })).toMatchObject({ off });
      const events = rig.aws.events.slice(told);
      expectDocumented(events);
      expect(events.filter(({ type }) => type === 'Schedule Off').map(({ detail }) => detail)).toEqual([
        { schema: 1, deployment: 'Shop', schedule: 'backup-daily-shop', state: 'missing' },
        { schema: 1, deployment: 'Shop', schedule: 'verify', state: 'disabled' },
      ]);
      expect(await rig.invoke('watchdog', {}, { env: { HOLDFAST_KMS_KEY: '' } })).toMatchObject({ off: [] });
    });

    it('export under a key that nobody guesses, and prune what retention does not keep: nothing, here', async () => {
      const exported = await rig.invoke('export', { backup: 'latest:shop', requestedBy: BY });
      const { key, bytes } = exported as { key: string; bytes: number };
      expect(key).toMatch(/^exports\/[0-9a-f]{32}\/backup_daily_\d{8}_\d{6}\.sql$/);
      const text = Buffer.from(await rig.store.get(key)).toString();
      expect(text.length).toBe(bytes);
      expect(text).toContain('order 4999');
      expect(await invokeWarm('prune', { dryRun: true })).toMatchObject({ dryRun: true, expire: 0 });
      expect(await invokeWarm('prune', {})).toMatchObject({ expired: 0, removedPacks: 0 });
      expect(rig.aws.events.at(-1)).toMatchObject({ type: 'Prune Finished', detail: { blockedBy: null } });
      expectDocumented(rig.aws.events);
      const audits = await Promise.all((await rig.keys('reports/audit/')).map((name) => rig.store.get(name)));
      const bodies = audits.map((audit) => JSON.parse(Buffer.from(audit).toString()).body);
      expect(bodies).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ action: 'export', by: BY, outcome: 'begun', target: key }),
          expect.objectContaining({ action: 'export', by: BY, outcome: 'done' }),
          expect.objectContaining({ action: 'prune', by: 'function prune', outcome: 'done' }),
          expect.objectContaining({ action: 'drill', outcome: 'done' }),
        ]),
      );
    });

    it('look at rows and at the database as it is, and put rows back, all of them or none', async () => {
      const look = (event: object) => rig.invoke('look', { ...event, requestedBy: BY });
      const orders = { dataset: 'public.orders' };
      expect(await look({ what: 'rows', backup, query: { ...orders, where: 'id = 42' } })).toMatchObject({
        rows: [{ values: ['42', 'order 42'] }],
      });
      expect(await look({ what: 'diff', backup, query: { ...orders, with: 'live' } })).toMatchObject({
        datasets: [{ added: 0, removed: 0, changed: 0 }],
      });
      // Others see what the rules in a secret leave of it.
      const masked = await look({
        what: 'rows',
        backup,
        query: { ...orders, where: 'id = 42' },
        isMasked: true,
      });
      expect(masked).toMatchObject({ isMasked: true, rows: [{ values: ['42', expect.any(String)] }] });
      expect(JSON.stringify(masked)).not.toContain('order 42');
      const history = { what: 'history', query: { ...orders, source: 'shop', key: '42' } };
      expect(await look(history)).toMatchObject({ versions: [{ values: ['42', 'order 42'] }] });
      await rig.postgres.query(
        'mended',
        "CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders VALUES (43, 'mine')",
      );
      const rows = { ...orders, where: ['id >= 42', 'id < 45'], onConflict: 'skip' };
      const event = { backup, to: 'mended', rows, requestedBy: BY };
      expect(await rig.invoke('put-back', { ...event, dryRun: true })).toMatchObject({
        rows: { datasets: [{ added: 2, kept: 1 }] },
      });
      expect(await rig.invoke('put-back', event)).toMatchObject({ outcome: 'equal', added: 2, kept: 1 });
      expect((await rig.postgres.query('mended', 'SELECT * FROM orders ORDER BY id')).rows).toEqual([
        { id: 42, note: 'order 42' },
        { id: 43, note: 'mine' },
        { id: 44, note: 'order 44' },
      ]);
      const failing = { ...event, rows: { ...rows, onConflict: 'fail' } };
      await expect(rig.invoke('put-back', failing)).rejects.toMatchObject({ name: 'E_ROWS_REFUSED' });
      const trail = await Promise.all((await rig.keys('reports/audit/')).map((name) => rig.store.get(name)));
      const told = trail.map((audit) => JSON.parse(Buffer.from(audit).toString()).body);
      expect(told).toContainEqual(
        expect.objectContaining({ outcome: 'failed', error: 'E_ROWS_REFUSED', state: 'untouched' }),
      );
      const whole = { backup, to: 'mended', replace: true, dryRun: true, counts: true, requestedBy: BY };
      expect(await rig.invoke('restore', whole)).toMatchObject({
        changes: { datasets: [{ name: 'public.orders', added: 4997, removed: 0, changed: 1 }] },
      });
      expect(rig.aws.events.slice(-2).map(({ detail }) => detail)).toMatchObject([
        { outcome: 'equal', target: 'mended' },
        // Events go far: no key of a row is in them.
        { outcome: 'failed', error: { code: 'E_ROWS_REFUSED', message: expect.not.stringContaining('43') } },
      ]);
      expectDocumented(rig.aws.events);
    });

    it('verify everything in parts, and divide a part that takes too long', async () => {
      const [before = ''] = (await rig.keys('reports/verify/')).slice(-1);
      let isDivided = false;
      const meddle: Meddle = async (state) => {
        if (state !== 'VerifyPart' || isDivided) return undefined;
        isDivided = true;
        return { toldMs: 0 };
      };
      const done = await execute(verificationMachine(), { backup }, { rig, id: 'all', meddle });
      expect(done).toMatchObject({
        outcome: 'succeeded',
        events: [],
        states: ['PlanVerification', 'VerifyPart', 'GatherParts', 'VerifyPart', 'VerifyPart', 'GatherParts'],
      });
      const kept = (await rig.keys('reports/verify/')).filter((key) => key > before);
      const reports = await Promise.all(kept.map((key) => rig.store.get(key)));
      const bodies = reports.map((bytes) => JSON.parse(Buffer.from(bytes).toString()));
      const looks = bodies.toSorted((a, b) => a.body.depth.part - b.body.depth.part);
      expect(looks.map(({ backups, body }) => [backups, body.depth, body.findings])).toEqual([
        [[backup], { kind: 'subset', part: 1, of: 2 }, 0],
        [[backup], { kind: 'subset', part: 2, of: 2 }, 0],
      ]);
    });

    it('verify a share a day, by the time of the schedule', async () => {
      const plan = (scheduledTime: string) =>
        invokeWarm('verify', { plan: true, since: '6d', days: 7, scheduledTime });
      const days = Array.from({ length: 8 }, (_, i) => `2026-11-${String(20 + i)}T05:00:00Z`);
      const depths = await Promise.all(
        days.map(async (day) => ((await plan(day)) as { parts: { depth: string }[] }).parts[0]?.depth),
      );
      expect(depths.slice(0, 7).toSorted()).toEqual(['1/7', '2/7', '3/7', '4/7', '5/7', '6/7', '7/7']);
      expect(depths[7]).toBe(depths[0]);
      const part = { since: '6d', depth: '1/7', inParts: true };
      // All of it was read in parts just before.
      expect(await invokeWarm('verify', part)).toMatchObject({ verified: 0, damaged: [], unfinished: [] });
    });

    it('publish every metric that is offered, and that an alarm or the dashboard looks at', async () => {
      rig.configure({ ...file, copy: { away: { to: `${rig.repository}-elsewhere` } } });
      await rig.invoke('watchdog', {}, { env: { HOLDFAST_KMS_KEY: '' } });
      const offered = METRIC_NAMES.map((name) => `${name} by deployment, source`);
      // Those of changes: continuous.test.ts.
      const isOfChanges = (metric: string) =>
        CHANGE_METRIC_NAMES.some((name) => metric.startsWith(`${name} `));
      const watched = [...watchedMetrics(deploymentOf(FULL_CONFIG).monitoring)].filter(
        (metric) => !isOfChanges(metric),
      );
      expect(watched).toContain('BackupAge by deployment, source');
      const published = publishedMetrics(rig.log());
      expect([...new Set([...offered, ...watched])].filter((metric) => !published.has(metric))).toEqual([]);
      const page = await readFile('docs/guide/aws.md', 'utf8');
      const documented = page.slice(page.indexOf('## Metrics')).split('\n## ')[0];
      for (const metric of published) expect(documented).toContain(metric.split(' ')[0]);
    });

    it(
      'restore into a new database, and stop when somebody cancels them, without a failure',
      async () => {
        const asked = { backup, to: 'scratch', requestedBy: BY };
        const made = { ...asked, newDatabase: 'made_for_it' };
        expect(await rig.invoke('restore', { ...made, dryRun: true })).toMatchObject({ conflicts: [] });
        expect(await rig.invoke('restore', made)).toMatchObject({ outcome: 'equal', compared: 1 });
        expect(await rig.invoke('restore', { ...made, dryRun: true })).toMatchObject({
          conflicts: ['DATABASE made_for_it'],
        });
        await using obstacle = await obstructOrders(rig.postgres, 'scratch', 'waits');
        const restoring = rig.invoke('restore', asked);
        await obstacle.met();
        const run = [...rig.log().matchAll(/"action":"restore"[^}]*"run":"([0-9a-f]{32})"/g)].at(-1)?.[1];
        const cancel = { action: 'cancel', kind: 'restore', run, backups: [backup], requestedBy: BY };
        await rig.invoke('decide', cancel);
        expect(await restoring).toEqual({ key: backup, outcome: 'cancelled', by: BY });
      },
      TIMEOUT_MS,
    );

    it('ask KMS for nothing that their roles deny', () => {
      expect(new Set(rig.aws.kms.map(({ job }) => job))).toContain('backup-partition');
      expect(deniedKmsRequests(rig.aws.kms, { deltas: false })).toEqual([]);
    });

    it('never write a password into their log, nor a field that the logger drops', () => {
      expect(rig.log()).toContain('"audit"');
      expect(rig.log()).not.toContain(rig.postgres.password);
      expect(rig.log()).not.toContain('hush');
      // A field by a name that the logger keeps for itself is dropped.
      expect(rig.log()).not.toContain('reserved key');
    });
  },
);
