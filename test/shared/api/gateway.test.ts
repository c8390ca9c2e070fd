import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromGateway, type GatewayEvent, toGateway } from '../../../lambdas/admin-api/gateway-event.ts';
import { authenticatorFor } from '../../../shared/api/access/authenticator-for.ts';
import { AwsServices } from '../../../shared/api/aws/aws-services.ts';
import { openAwsBackend } from '../../../shared/api/aws/open-aws.ts';
import type { AdminApiServer } from '../../../shared/api/server/admin-api.ts';
import { resolveConfig } from '../../../shared/config/config.ts';
import { API_BASE, API_KEY_BASE } from '../../../shared/core/api-names.ts';
import { systemClock } from '../../../shared/core/clock.ts';
import { writeAudit } from '../../../shared/jobs/access/audit.ts';
import { watchForCancel } from '../../../shared/jobs/runs/cancel-run.ts';
import { RunDocuments } from '../../../shared/repository/documents/run-documents.ts';
import { S3Store } from '../../../shared/store/s3-store.ts';
import { adminApi } from '../../support/api.ts';
import { ACCOUNT, machine, startAwsDouble } from '../../support/aws/api-aws-double.ts';
import { builtLambdas } from '../../support/aws/bundles.ts';
import { newBucket, RGW_CREDENTIALS, rgwOptions } from '../../support/aws/ceph-rgw.ts';
import { startLambda } from '../../support/aws/runtime-api.ts';
import { judge } from '../../support/openapi-judge.ts';
import { describeWithPart, hasPart } from '../../support/parts.ts';
import { backUp, initRepository, never, openRepository, TEST_KEY } from '../../support/repository/engine.ts';
import { sample } from '../../support/repository/torture.ts';

const arn = (name: string) => `arn:aws:lambda:eu-west-1:${ACCOUNT}:function:${name}`;
const MACHINES = { backup: machine('Backup'), verify: machine('Verification'), alias: 'live' };
const OPERATOR = `arn:aws:sts::${ACCOUNT}:assumed-role/operators/ana`;
const ADMIN = `arn:aws:iam::${ACCOUNT}:user/root`;
const RESTORER = `arn:aws:iam::${ACCOUNT}:user/dba/rob`;

/** What API Gateway sends of one request, in both forms. */
const FORMS = {
  'REST API': (
    method: string,
    path: string,
    { body, userArn, token, base = API_BASE, stage = 'prod' }: Asked = {},
  ): GatewayEvent => {
    const url = new URL(path, 'https://x');
    return {
      httpMethod: method,
      path: `/${stage}${base}${url.pathname}`,
      headers: { 'content-type': 'application/json', Host: 'x', ...bearer(token) },
      multiValueQueryStringParameters: Object.fromEntries(
        [...url.searchParams].map(([name, value]) => [name, [value]]),
      ),
      body: body === undefined ? null : JSON.stringify(body),
      isBase64Encoded: false,
      requestContext: { stage, identity: { sourceIp: '192.0.2.1', userArn: userArn ?? null } },
    } as unknown as GatewayEvent;
  },
  'HTTP API': (
    method: string,
    path: string,
    { body, userArn, token, base = API_BASE, stage = '$default' }: Asked = {},
  ): GatewayEvent => {
    const url = new URL(path, 'https://x');
    return {
      version: '2.0',
      rawPath: `${stage === '$default' ? '' : `/${stage}`}${base}${url.pathname}`,
      rawQueryString: url.search.slice(1),
      headers: { 'content-type': 'application/json', host: 'x', ...bearer(token) },
      ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)).toString('base64') }),
      isBase64Encoded: body !== undefined,
      requestContext: {
        stage,
        http: { method, path: url.pathname, sourceIp: '192.0.2.1' },
        ...(userArn === undefined ? {} : { authorizer: { iam: { userArn } } }),
      },
    } as unknown as GatewayEvent;
  },
} as const;

interface Asked {
  readonly body?: unknown;
  readonly userArn?: string;
  readonly stage?: string;
  readonly token?: string | undefined;
  /** @default the API's */
  readonly base?: string;
}

function bearer(token: string | undefined) {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

describeWithPart('ceph-rgw', 'the admin API on AWS', () => {
  let double: Awaited<ReturnType<typeof startAwsDouble>>;
  let api: AdminApiServer;
  /** An instance of the function beside that one. */
  let another: () => AdminApiServer;
  let name: string;
  let key: Awaited<ReturnType<typeof backUp>>['key'];
  let repository: Awaited<ReturnType<typeof openRepository>>;
  const before = { ...process.env };

  beforeAll(async () => {
    double = await startAwsDouble();
    const options = rgwOptions(await newBucket(), 'holdfast');
    const store = new S3Store(options);
    await initRepository(store);
    repository = await openRepository(store);
    key = (await backUp(repository, { orders: 'a\nb\n' })).key;
    name = key.slice(key.lastIndexOf('/') + 1, -'.json'.length);
    const file = {
      repository: `s3://${options.bucket}/holdfast`,
      s3: { endpoint: options.endpoint, region: 'us-east-1', forcePathStyle: true },
      sources: { shop: { kind: 'postgres', url: 'postgres://db/shop' } },
      targets: { scratch: { kind: 'postgres', url: 'postgres://db/scratch' } },
      api: {
        auth: {
          kind: 'iam',
          roles: {
            viewer: [`arn:aws:iam::${ACCOUNT}:role/view-*`],
            operator: [`arn:aws:iam::${ACCOUNT}:role/operators`],
            restorer: [RESTORER],
            admin: [ADMIN],
          },
        },
      },
    };
    Object.assign(process.env, {
      AWS_ACCESS_KEY_ID: RGW_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: RGW_CREDENTIALS.secretAccessKey,
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_SFN: double.url,
      AWS_ENDPOINT_URL_LAMBDA: double.url,
      HOLDFAST_CONFIG: JSON.stringify(file),
      BACKUP_ENCRYPTION_KEY: TEST_KEY,
      POWERTOOLS_DEV: 'false',
      POWERTOOLS_LOG_LEVEL: 'SILENT',
      POWERTOOLS_TRACE_ENABLED: 'false',
    });
    const config = resolveConfig({ file, fileName: 'test', env: {}, flags: {} });
    const functions = {
      drill: arn('drill'),
      restore: arn('restore'),
      export: arn('export'),
      decide: arn('decide'),
      look: arn('look'),
      'put-back': arn('put-back'),
      watchdog: arn('watchdog'),
    };
    const backend = await openAwsBackend(config, new AwsServices(MACHINES, functions), never);
    another = () => adminApi(async () => backend, authenticatorFor(config.api, systemClock));
    api = another();
  });
  afterAll(async () => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
    await repository?.[Symbol.asyncDispose]();
    await double?.stop();
  });

  describe.each(sample(Object.entries(FORMS), 1))('behind a %s', (_, form) => {
    const ask = async (method: string, path: string, asked: Asked = {}) => {
      const { request, context } = fromGateway(form(method, path, asked));
      const answer = await api.handle(request, context);
      await judge(method, path, answer);
      const { statusCode, body, headers } = await toGateway(answer);
      return { status: statusCode, json: JSON.parse(body || 'null'), headers };
    };

    it('takes API keys at a path of their own, which the function decide proves', async () => {
      const body = { name: 'ci', roles: ['viewer'], sources: ['memory'] };
      expect((await ask('POST', '/api-keys', { userArn: OPERATOR, body })).status).toBe(403);
      const made = await ask('POST', '/api-keys', { userArn: ADMIN, body });
      const { token, key: found } = made.json;
      expect([made.status, found]).toMatchObject([200, { createdBy: ADMIN, sources: ['memory'] }]);
      // The secret has come to no other function.
      expect(JSON.stringify(double.asked)).not.toContain(token.slice(12, -8));
      const by = (as: string | undefined, where = '/list?type=daily') =>
        ask('GET', where, { token: as, base: API_KEY_BASE });
      expect((await by(token)).json.backups).toMatchObject([{ name, state: 'unproven' }]);
      expect((await by(token, '/status')).json.caller).toEqual({
        name: `API key ci (${found.id})`,
        roles: ['viewer'],
        sources: ['memory'],
      });
      expect((await by(token, '/list?source=shop')).status).toBe(404);
      expect(
        (await ask('POST', '/hold', { token, base: API_KEY_BASE, body: { backup: name, reason: 'x' } }))
          .status,
      ).toBe(403);
      // Nothing else is taken there: no signature has been checked.
      expect((await by(undefined)).status).toBe(401);
      expect((await ask('GET', '/list', { userArn: OPERATOR, base: API_KEY_BASE })).status).toBe(401);
      expect((await by(`${token.slice(0, 20)}${token.slice(21)}`)).status).toBe(401);
      const { keys } = (await ask('GET', '/api-keys', { userArn: ADMIN })).json;
      expect(keys.find((one: { id: string }) => one.id === found.id)).toMatchObject({
        state: 'active',
        lastUsedOn: expect.any(String),
      });
      const revoked = await ask('DELETE', `/api-keys/${found.id}`, { userArn: ADMIN });
      expect(revoked.json.key).toMatchObject({ state: 'revoked', revokedBy: ADMIN });
      expect((await by(token)).status).toBe(401);
      expect((await ask('DELETE', '/api-keys/00000000', { userArn: ADMIN })).json.code).toBe('E_NO_API_KEY');
    });

    it('has the function look read rows, for restorers alone, and that function says who asked', async () => {
      const before = double.asked.length;
      expect((await ask('GET', `/rows/${name}`, { userArn: OPERATOR })).json.code).toBe('E_FORBIDDEN');
      const where = encodeURIComponent('record = b');
      const seen = await ask('GET', `/rows/${name}?where=${where}`, { userArn: RESTORER });
      expect([seen.status, seen.json.rows]).toEqual([200, [{ values: ['b'] }]]);
      const compared = await ask('GET', `/diff/${name}?with=${name}`, { userArn: RESTORER });
      expect(compared.json.datasets).toMatchObject([{ name: 'orders', added: 0, removed: 0, changed: 0 }]);
      const asked = double.asked.slice(before).map(({ event }) => event);
      expect(asked).toMatchObject([
        // Nothing masks its rows.
        { what: 'rows', backup: key, requestedBy: OPERATOR, isMasked: true },
        { what: 'rows', backup: key, requestedBy: RESTORER },
        { what: 'diff', backup: key, requestedBy: RESTORER },
      ]);
      const { entries } = (await ask('GET', '/audit?action=look', { userArn: OPERATOR })).json;
      expect(entries.slice(0, 2)).toMatchObject([1, 2].map(() => ({ by: RESTORER, sources: ['memory'] })));
      const bad = await ask('GET', `/rows/${name}?where=nothing`, { userArn: RESTORER });
      expect([bad.status, bad.json.code]).toEqual([400, 'E_BAD_REQUEST']);
      expect((await ask('GET', `/diff/${name}?with=live`, { userArn: RESTORER })).status).toBe(400);
    });

    it('has rows put back by a function of their own, once their plan is confirmed', async () => {
      const rows = { dataset: 'orders', where: ['record = b'], onConflict: 'skip' };
      const body = { backup: name, to: 'scratch', rows };
      const post = (more: object) =>
        ask('POST', '/restore', { userArn: RESTORER, body: { ...body, ...more } });
      const before = double.asked.length;
      const planned = await post({ dryRun: true });
      expect([planned.status, planned.json.changes]).toEqual([200, null]);
      expect((await post({ confirm: planned.json.confirm })).status).toBe(202);
      const asked = double.asked.slice(before);
      const event = { backup: key, to: 'scratch', rows: { ...rows, beside: false }, requestedBy: RESTORER };
      const events = [{ ...event, dryRun: true }, { ...event, dryRun: true }, event];
      expect(asked).toEqual(events.map((one) => ({ name: 'put-back', event: one })));
    });

    it('says how a restore of rows that failed left its target, as the function wrote it down', async () => {
      const run = randomBytes(16).toString('hex');
      const about = { action: 'restore', by: RESTORER, run, target: 'scratch', backups: [key] };
      await writeAudit(repository, { ...about, outcome: 'begun' }, never);
      const failed = { outcome: 'failed', error: 'E_SOURCE_LOST', state: 'untouched' } as const;
      await writeAudit(repository, { ...about, ...failed }, never);
      expect((await ask('GET', `/runs/${run}`, { userArn: OPERATOR })).json).toMatchObject({
        state: 'failed',
        error: { code: 'E_SOURCE_LOST' },
        restore: { to: 'scratch', state: 'untouched', ways: [] },
      });
    });

    it('lists without a key, and knows who signed', async () => {
      expect((await ask('GET', '/list')).status).toBe(401);
      expect((await ask('GET', '/list', { userArn: `arn:aws:iam::${ACCOUNT}:user/other` })).status).toBe(403);
      const { status, json } = await ask('GET', '/list?limit=5&type=daily', { userArn: OPERATOR });
      expect([status, json.backups]).toMatchObject([200, [{ name, state: 'unproven', records: 2 }]]);
      expect((await ask('GET', `/backups/${name}`, { userArn: OPERATOR })).json).toMatchObject({
        sealed: null,
        datasetCount: 1,
      });
      expect((await ask('GET', '/status', { userArn: OPERATOR })).json).toMatchObject({
        mode: 'aws',
        caller: { name: OPERATOR, roles: ['operator'] },
      });
    });

    it('refuses methods by name, and answers HEAD', async () => {
      expect(() => fromGateway(form('TRACE', '/list', { userArn: OPERATOR }))).toThrow(
        expect.objectContaining({
          code: 'E_NO_ROUTE',
          status: 405,
          headers: { allow: 'GET, HEAD, OPTIONS' },
        }),
      );
      const head = await ask('HEAD', '/list?limit=5', { userArn: OPERATOR });
      expect([head.status, head.json, head.headers]).toMatchObject([
        200,
        null,
        { etag: expect.stringMatching(/^W/) },
      ]);
    });

    it('begins one backup by one idempotency key, whichever instance is asked', async () => {
      const key = `once-${form('GET', '/').toString()}-${Math.random()}`.replaceAll(/[^!-~]/g, '');
      const begin = async (instance: AdminApiServer) => {
        const { request, context } = fromGateway(form('POST', '/create', { userArn: OPERATOR, body: {} }));
        request.headers.set('idempotency-key', key);
        return (await toGateway(await instance.handle(request, context))).body;
      };
      const started = double.executions.size;
      const first = await begin(api);
      expect(await begin(api)).toBe(first);
      expect(await begin(another())).toBe(first);
      expect(double.executions.size).toBe(started + 1);
    });

    it('starts the state machine, and tells how it goes', async () => {
      const begun = await ask('POST', '/create', {
        userArn: OPERATOR,
        body: { note: 'before the migration' },
      });
      expect(begun.status).toBe(202);
      expect(JSON.parse(double.executions.get(begun.json.run)!)).toEqual({
        source: 'shop',
        type: 'manual',
        note: 'before the migration',
      });
      expect((await ask('GET', `/runs/${begun.json.run}`, { userArn: OPERATOR })).json).toMatchObject({
        state: 'succeeded',
        source: 'shop',
        result: { records: 2 },
      });
      const weekly = await ask('POST', '/create', { userArn: OPERATOR, body: { type: 'weekly' } });
      expect((await ask('GET', `/runs/${weekly.json.run}`, { userArn: OPERATOR })).json).toMatchObject({
        state: 'running',
        progress: { shares: { done: 3, total: 8 } },
      });
      expect((await ask('GET', '/runs', { userArn: OPERATOR })).json.runs.length).toBeGreaterThan(0);
      expect((await ask('GET', '/runs/none', { userArn: OPERATOR })).status).toBe(404);
      const { entries } = (await ask('GET', '/audit?action=create', { userArn: OPERATOR })).json;
      expect(entries).toEqual(
        expect.arrayContaining([expect.objectContaining({ by: OPERATOR, run: begun.json.run })]),
      );
    });

    it('stops a backup by its execution, once nothing that it has under way can list it', async () => {
      const { run } = (await ask('POST', '/create', { userArn: OPERATOR, body: { type: 'weekly' } })).json;
      expect((await ask('DELETE', `/runs/${run}`, { userArn: RESTORER })).status).toBe(403);
      expect((await ask('DELETE', `/runs/${run}`, { userArn: OPERATOR })).status).toBe(202);
      expect((await ask('GET', `/runs/${run}`, { userArn: OPERATOR })).json).toMatchObject({
        state: 'cancelled',
        error: { code: 'E_ABORTED', message: `cancelled by ${OPERATOR}` },
      });
      // As the plan of that execution would name its run.
      const executionArn = `${MACHINES.backup.replace(':stateMachine:', ':execution:')}:${run}`;
      const planned = createHash('sha256').update(executionArn).digest('hex').slice(0, 32);
      const documents = new RunDocuments(repository.context, planned);
      expect(await documents.get('released', 'released', never)).toEqual({
        by: 'abort',
        reason: `cancelled by ${OPERATOR}`,
      });
      const again = await ask('DELETE', `/runs/${run}`, { userArn: OPERATOR });
      expect([again.status, again.json.code]).toEqual([409, 'E_BAD_REQUEST']);
      const { entries } = (await ask('GET', '/audit?action=cancel', { userArn: OPERATOR })).json;
      expect(entries[0]).toMatchObject({ by: OPERATOR, action: 'cancel' });
    });

    it('leaves word for a function that is to stop, and tells how it ended', async () => {
      const run = randomBytes(16).toString('hex');
      const told = { action: 'restore', by: RESTORER, run, target: 'scratch', backups: [key] } as const;
      await writeAudit(repository, { ...told, outcome: 'begun' }, never);
      expect((await ask('DELETE', `/runs/${run}`, { userArn: OPERATOR })).status).toBe(403);
      expect((await ask('DELETE', `/runs/${run}`, { userArn: RESTORER })).status).toBe(202);
      using watch = watchForCancel(repository, run, { signal: never, everyMs: 1 });
      await once(watch.signal, 'abort');
      expect(watch.by).toBe(RESTORER);
      await writeAudit(repository, { ...told, outcome: 'failed', error: 'E_ABORTED' }, never);
      expect((await ask('GET', `/runs/${run}`, { userArn: RESTORER })).json).toMatchObject({
        state: 'cancelled',
        cancelledBy: RESTORER,
      });
    });

    it('tells of a run by events as often as it is asked', async () => {
      const { run } = (await ask('POST', '/create', { userArn: OPERATOR, body: { type: 'weekly' } })).json;
      const { request, context } = fromGateway(form('GET', `/events/${run}`, { userArn: OPERATOR }));
      const { body, headers } = await toGateway(await api.handle(request, context));
      expect(headers?.['content-type']).toContain('text/event-stream');
      expect(body).toMatch(/^retry: \d+\n\nevent: run\ndata: \{.*"state":"running"/);
    });

    it('starts nothing for a type of backups that nothing keeps', async () => {
      const started = double.executions.size;
      const { status, json } = await ask('POST', '/create', { userArn: OPERATOR, body: { type: 'dialy' } });
      expect([status, json]).toMatchObject([
        400,
        { code: 'E_USAGE', hint: expect.stringContaining('daily') },
      ]);
      expect(double.executions.size).toBe(started);
    });

    it('starts verifications by a state machine of their own, and tells how they go', async () => {
      const begun = await ask('POST', '/verify', { userArn: OPERATOR, body: { backup: name } });
      expect(begun.status).toBe(202);
      expect(JSON.parse(double.executions.get(begun.json.run)!)).toEqual({ backup: key, depth: 'full' });
      expect((await ask('GET', `/runs/${begun.json.run}`, { userArn: OPERATOR })).json).toMatchObject({
        kind: 'verify',
        state: 'succeeded',
        backup: expect.stringContaining(name),
      });
      const { entries } = (await ask('GET', '/audit?action=verify', { userArn: OPERATOR })).json;
      expect(entries).toEqual(
        expect.arrayContaining([expect.objectContaining({ by: OPERATOR, run: begun.json.run })]),
      );
    });

    it('has a function write down holds', async () => {
      const held = await ask('POST', '/hold', { userArn: OPERATOR, body: { backup: name, reason: 'audit' } });
      expect([held.status, held.json]).toMatchObject([200, { key, reason: 'audit' }]);
      const released = await ask('DELETE', '/hold', {
        userArn: OPERATOR,
        body: { backup: name, reason: 'over' },
      });
      expect(released.json).toMatchObject({ before: { reason: 'audit' } });
      const none = await ask('DELETE', '/hold', {
        userArn: OPERATOR,
        body: { backup: name, reason: 'over' },
      });
      expect([none.status, none.json.code]).toEqual([404, 'E_NO_HOLD']);
    });

    it('plans and begins a restore, and links to an export that was prepared', async () => {
      const body = { backup: name, to: 'scratch' };
      const planned = await ask('POST', '/restore', { userArn: RESTORER, body: { ...body, dryRun: true } });
      expect(planned.json).toMatchObject({ plan: { steps: ['one'], datasets: [{ name: 'orders' }] } });
      // What would change is counted for those who look at the plan, and not once more when it is confirmed.
      expect(double.asked.at(-1)?.event).toMatchObject({ dryRun: true, counts: true });
      const begun = await ask('POST', '/restore', {
        userArn: RESTORER,
        body: { ...body, confirm: planned.json.confirm },
      });
      expect(begun.status).toBe(202);
      expect(double.asked.at(-1)).toMatchObject({
        name: 'restore',
        event: { to: 'scratch', requestedBy: RESTORER, replace: false },
      });
      const preparing = await ask('GET', `/download/${name}?format=sql`, { userArn: RESTORER });
      expect(preparing.status).toBe(202);
      const { run } = preparing.json;
      const early = await ask('GET', `/download/${name}?prepared=${run}`, { userArn: RESTORER });
      expect(early.status).toBe(400);
    });
  });

  it.skipIf(!hasPart('runtime-client'))(
    'answers both from its bundle, under the runtime client of Lambda',
    async () => {
      await using lambda = await startLambda('admin-api', {
        folder: path.join(await builtLambdas(), 'admin-api'),
        env: {
          ...(process.env as Record<string, string>),
          AWS_ENDPOINT_URL_SECRETS_MANAGER: double.url,
          HOLDFAST_REPOSITORY: repository.store.location,
          BACKUP_ENCRYPTION_KEY: '',
          HOLDFAST_STATE_MACHINE: MACHINES.backup,
          HOLDFAST_VERIFICATION: MACHINES.verify,
          HOLDFAST_ALIAS: MACHINES.alias,
          HOLDFAST_API_FUNCTIONS: JSON.stringify({ decide: arn('decide') }),
          HOLDFAST_API_SECRET: `arn:aws:secretsmanager:eu-west-1:${ACCOUNT}:secret:api-abcdef`,
        },
      });
      for (const form of Object.values(FORMS)) {
        const asked = { userArn: OPERATOR };
        expect(await lambda.invoke(form('GET', '/health'))).toMatchObject({
          // No source of its configuration has a backup.
          statusCode: 503,
          body: '{"status":"failing"}',
        });
        expect(await lambda.invoke(form('GET', '/list'))).toMatchObject({ statusCode: 401 });
        const listed = (await lambda.invoke(form('GET', '/list?limit=1', asked))) as { body: string };
        expect(JSON.parse(listed.body)).toMatchObject({ backups: [{ name }], nextCursor: null });
        const begun = await lambda.invoke(form('POST', '/create', { ...asked, body: {} }));
        expect(begun).toMatchObject({ statusCode: 202, headers: { 'content-type': 'application/json' } });
      }
    },
  );

  it('links to what the export function wrote, for a quarter of an hour', async () => {
    const run = 'ab'.repeat(16);
    const target = `exports/${run}/${name}.sql`;
    await repository.store.put(target, Buffer.from('select 1;\n'));
    await writeAudit(
      repository,
      { action: 'export', by: RESTORER, outcome: 'done', run, target, backups: [key] },
      never,
    );
    const { request, context } = fromGateway(
      FORMS['HTTP API']('GET', `/download/${name}?prepared=${run}`, { userArn: RESTORER }),
    );
    const link = (await (await api.handle(request, context)).json()) as {
      url: string;
      bytes: number;
      expiresAt: string;
    };
    expect(link).toMatchObject({ bytes: 10, fileName: `${name}.sql` });
    expect(new URL(link.url).searchParams.get('X-Amz-Expires')).toBe('900');
    const answer = await fetch(link.url);
    expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="${name}.sql"`);
    expect(await answer.text()).toBe('select 1;\n');
  });
});
