import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toGateway } from '../../../lambdas/admin-api/gateway-event.ts';
import type { AuditAnswer } from '../../../shared/api/schema/status.ts';
import type { AdminApiServer } from '../../../shared/api/server/admin-api.ts';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { HOUR_MS } from '../../../shared/core/units.ts';
import type { ReportKind } from '../../../shared/format/report.ts';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { MeteredStore } from '../../../shared/store/metered-store.ts';
import { adminApi, ask, localBackend, sessionWith } from '../../support/api.ts';
import { initRepository, memorySource, never, openRepository } from '../../support/repository/engine.ts';
import { InlinePool } from '../../support/repository/inline-pool.ts';
import { ManualClock } from '../../support/repository/pruning.ts';

const FORMULA = '=HYPERLINK("https://evil.example","look")';

describe('audit', () => {
  const clock = new ManualClock('2026-03-01T02:00:00Z');
  const { sessions, token } = sessionWith();
  let store: MeteredStore;
  let repository: Repository;
  let api: AdminApiServer;
  let shop: BackupKey;
  let crm: BackupKey;

  const backUpOf = async (name: string) =>
    (
      await runBackup(repository, memorySource({ t: `${name}\n` }, { name }), {
        type: 'daily',
        signal: never,
      })
    ).key;
  const write = async (kind: ReportKind, backups: readonly BackupKey[], body: object) => {
    clock.advance(HOUR_MS);
    return repository.reports.write(kind, { backups, body: { ...body } }, never);
  };
  const audit = (by: string, action: string, outcome: string, backups: readonly BackupKey[], more = {}) =>
    write('audit', backups, { action, by, outcome, ...more });
  const json = async (query: string): Promise<AuditAnswer> =>
    (await ask(api, `/audit?${query}`, { token })).json() as Promise<AuditAnswer>;
  const said = async (query: string) =>
    (await json(query)).entries.map(({ action, by, outcome }) => [action, by, outcome].join(' '));

  beforeAll(async () => {
    store = new MeteredStore(new MemoryStore(clock));
    await initRepository(store);
    repository = await openRepository(store, { clock, pool: new InlinePool() });
    shop = await backUpOf('shop');
    clock.advance(HOUR_MS);
    crm = await backUpOf('crm');
    await audit('ana@shop.example', 'restore', 'begun', [shop]);
    await audit('ana@shop.example', 'restore', 'failed', [shop], { error: 'E_STORE_DENIED' });
    await audit('Bob', 'create', 'begun', [], { source: 'crm' });
    await write('hold', [crm], { reason: FORMULA, by: 'Bob' });
    await write('verify', [shop, crm], {
      depth: { kind: 'full' },
      damaged: [crm],
      damagedPacks: [],
      findings: 1,
    });
    await write('drill', [crm], { outcome: 'equal', restoreMs: 5, records: 1 });
    const { backend } = localBackend(repository);
    api = adminApi(async () => backend, sessions);
  });
  afterAll(() => repository[Symbol.asyncDispose]());

  it('is filtered on the server by who, what, source, outcome and time', async () => {
    expect(await said('')).toEqual([
      'drill  equal',
      'verify  damaged',
      'hold Bob ',
      'create Bob begun',
      'restore ana@shop.example failed',
      'restore ana@shop.example begun',
    ]);
    expect(await said('by=bob')).toEqual(['hold Bob ', 'create Bob begun']);
    expect(await said('by=SHOP.example&outcome=failed')).toEqual(['restore ana@shop.example failed']);
    expect(await said('action=restore&outcome=begun')).toEqual(['restore ana@shop.example begun']);
    expect(await said('source=crm')).toEqual([
      'drill  equal',
      'verify  damaged',
      'hold Bob ',
      'create Bob begun',
    ]);
    expect(await said('source=shop&outcome=damaged')).toEqual(['verify  damaged']);
    expect(await said('from=2026-03-01T06:30:00Z&to=2026-03-01T07:30:00Z')).toEqual(['hold Bob ']);
    expect((await ask(api, '/audit?source=sho', { token })).status).toBe(404);
    expect((await ask(api, '/audit?outcome=odd', { token })).status).toBe(400);
  });

  it('gives by cursor what the filter lets pass, each once', async () => {
    const found: string[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await json(`by=o&limit=1${cursor ? `&cursor=${cursor}` : ''}`);
      found.push(...page.entries.map(({ action }) => action));
      cursor = page.nextCursor;
    } while (cursor);
    expect(found).toEqual(['hold', 'create', 'restore', 'restore']);
  });

  it('is exported as CSV that another reader reads, and in which nothing is a formula', async () => {
    const answer = await ask(api, '/audit/export?source=crm', { token });
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename="audit.csv"/);
    const script = 'import csv,json,sys; print(json.dumps(list(csv.reader(sys.stdin))))';
    const rows = JSON.parse(
      execFileSync('python3', ['-c', script], { input: await answer.text(), encoding: 'utf8' }),
    ) as string[][];
    const entries = (await json('source=crm')).entries;
    expect(rows[0]).toEqual('at action outcome by sources backups about run report'.split(' '));
    expect(rows.slice(1).map(([at, action, , , sources]) => [at, action, sources])).toEqual(
      entries.map(({ at, action, sources }) => [at, action, sources.join(' ')]),
    );
    expect(rows[3]?.[6]).toBe(`'${FORMULA}`);
    expect(rows.flat().filter((text) => /^[=+\-@\t\r]/.test(text))).toEqual([]);
  });

  it('is exported as lines of JSON: the entries of the list', async () => {
    const answer = await ask(api, '/audit/export?format=ndjson&by=ana', { token });
    const lines = (await answer.text()).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual((await json('by=ana')).entries);
  });

  it('is exported as it is read: who takes the beginning has the rest left unread', async () => {
    const big = new MeteredStore(new MemoryStore(clock));
    await initRepository(big);
    await using own = await openRepository(big, { clock, pool: new InlinePool() });
    for (let i = 0; i < 600; i++) {
      clock.advance(1000);
      const body = { action: 'restore', by: 'ana', outcome: 'done' };
      await own.reports.write('audit', { backups: [], body }, never);
    }
    const { backend } = localBackend(own);
    const file = await backend.view.auditFile({ format: 'ndjson' }, never);
    const before = big.counts().gets;
    const lines: Uint8Array[] = [];
    for await (const line of file) if (lines.push(line) === 10) break;
    expect(big.counts().gets - before).toBeLessThan(100);
  });

  it('is refused by the gateway if it is more than a function may answer', async () => {
    const parts = Array.from({ length: 60 }, () => new Uint8Array(100_000).fill(97));
    const large = new Response(ReadableStream.from(parts) as ReadableStream<Uint8Array>);
    const { statusCode, body = '' } = await toGateway(large);
    expect([statusCode, JSON.parse(body).hint]).toEqual([422, 'Ask for less, with from and to.']);
  });

  it('is not given to pages of other sites as a file', async () => {
    const headers = { 'sec-fetch-site': 'cross-site' };
    expect((await ask(api, '/audit/export', { token, headers })).status).toBe(403);
  });
});
