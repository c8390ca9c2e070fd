import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_ROUTES, type ApiRoute, type RouteId } from '../../../shared/api/schema/api.ts';
import { hasRole, KEY_ROLES, type KeyRole, type Role } from '../../../shared/core/api-names.ts';
import { apiKeysWorld } from '../../support/api-keys.ts';

interface Request {
  readonly path?: string;
  readonly body?: unknown;
}

interface Row extends Request {
  /** Of what is of its own source: its run is RUN, its backup KEY. */
  readonly status: number;
  /** What must be so before. */
  readonly before?: 'held';
  /** Of what is of the other source: OTHER_RUN, OTHER_KEY. What of it is not there is never refused in other words. */
  readonly foreign?: readonly (Request & { readonly status: number })[];
}

/** Every route: a request that a key for `shop` alone may make, and those that it may not. A route without a row does not compile. */
const ROWS: Readonly<Record<RouteId, Row>> = {
  health: { status: 200 },
  status: { status: 200 },
  list: { status: 200, foreign: [{ path: '/list?source=billing', status: 404 }] },
  runs: { status: 200 },
  run: { path: '/runs/RUN', status: 200, foreign: [{ path: '/runs/OTHER_RUN', status: 404 }] },
  events: { path: '/events/RUN', status: 200, foreign: [{ path: '/events/OTHER_RUN', status: 404 }] },
  cancel: { path: '/runs/RUN', status: 409, foreign: [{ path: '/runs/OTHER_RUN', status: 404 }] },
  backup: { path: '/backups/KEY', status: 200, foreign: [{ path: '/backups/OTHER_KEY', status: 404 }] },
  changes: { path: '/changes/shop', status: 200, foreign: [{ path: '/changes/billing', status: 404 }] },
  // There is no plain export of files.
  download: { path: '/download/KEY', status: 400, foreign: [{ path: '/download/OTHER_KEY', status: 404 }] },
  retention: { status: 200 },
  audit: { status: 200, foreign: [{ path: '/audit?source=billing', status: 404 }] },
  auditExport: {
    path: '/audit/export?format=csv',
    status: 200,
    foreign: [{ path: '/audit/export?source=billing', status: 404 }],
  },
  drills: { status: 200, foreign: [{ path: '/drills?source=billing', status: 404 }] },
  drillEvidence: {
    path: '/drills/DRILL_OF_SHOP',
    status: 200,
    foreign: [{ path: '/drills/DRILL_OF_OTHER', status: 404 }],
  },
  drillReport: {
    path: '/drill-reports/DRILL_OF_SHOP',
    status: 200,
    foreign: [{ path: '/drill-reports/DRILL_OF_OTHER', status: 404 }],
  },
  storage: { status: 200 },
  notifications: { status: 200 },
  notificationTest: { body: { channel: 'none' }, status: 404 },
  copy: { body: {}, status: 400 },
  lock: { body: {}, status: 400 },
  create: {
    body: { source: 'shop', type: 'manual' },
    status: 202,
    foreign: [
      { body: { source: 'billing' }, status: 404 },
      { body: { source: 'no such' }, status: 404 },
    ],
  },
  verify: {
    body: { backup: 'KEY', depth: 'quick' },
    status: 202,
    foreign: [
      { body: { backup: 'OTHER_KEY' }, status: 404 },
      { body: { since: '1d' }, status: 400 },
    ],
  },
  drill: {
    body: { backup: 'KEY' },
    status: 202,
    foreign: [
      { body: { backup: 'OTHER_KEY' }, status: 404 },
      { body: { source: 'billing' }, status: 404 },
      { body: { source: 'billing', backup: 'KEY' }, status: 404 },
    ],
  },
  hold: {
    body: { backup: 'KEY', reason: 'audit' },
    status: 200,
    foreign: [{ body: { backup: 'OTHER_KEY', reason: 'x' }, status: 404 }],
  },
  release: {
    before: 'held',
    body: { backup: 'KEY', reason: 'over' },
    status: 200,
    foreign: [{ body: { backup: 'OTHER_KEY', reason: 'x' }, status: 404 }],
  },
  accept: {
    body: { backups: ['KEY'], reason: 'fine' },
    status: 400,
    foreign: [{ body: { backups: ['KEY', 'OTHER_KEY'], reason: 'x' }, status: 404 }],
  },
  rows: { path: '/rows/KEY', status: 200, foreign: [{ path: '/rows/OTHER_KEY', status: 404 }] },
  diff: {
    path: '/diff/KEY?with=KEY',
    status: 200,
    foreign: [
      { path: '/diff/OTHER_KEY?with=KEY', status: 404 },
      { path: '/diff/KEY?with=OTHER_KEY', status: 404 },
    ],
  },
  // Files are lines without a key.
  rowHistory: {
    path: '/row-history?dataset=shop.txt&key=1',
    status: 400,
    foreign: [{ path: '/row-history?source=billing&dataset=shop.txt&key=1', status: 404 }],
  },
  restore: {
    body: { backup: 'KEY', newDatabase: 'shop_copy', dryRun: true },
    status: 200,
    foreign: [
      { body: { backup: 'OTHER_KEY', newDatabase: 'mine', dryRun: true }, status: 404 },
      { body: { backup: 'OTHER_KEY', newDatabase: 'mine' }, status: 404 },
      // A target may be the database of another source.
      { body: { backup: 'KEY', to: 'copy', dryRun: true }, status: 403 },
      { body: { backup: 'KEY', to: 'copy', replace: true }, status: 403 },
    ],
  },
  apiKeys: { status: 403 },
  createApiKey: { body: { name: 'another', roles: ['viewer'] }, status: 403 },
  revokeApiKey: { path: '/api-keys/0123abcd', status: 403 },
};

const ROUTES = Object.entries(API_ROUTES) as [RouteId, ApiRoute][];

describe('API keys', () => {
  let folder: string;
  let world: Awaited<ReturnType<typeof apiKeysWorld>>;
  const drills = { shop: '', billing: '' };
  const tokens = {} as Record<KeyRole, { readonly all: string; readonly shop: string }>;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-keys-'));
    world = await apiKeysWorld(folder);
    const { make, send } = world;
    const verified = await send('POST', '/verify', { body: { since: '1d', depth: 'quick' } });
    await world.backend.over(verified.json.run);
    for (const source of ['shop', 'billing'] as const) {
      const drilled = await send('POST', '/drill', { body: { backup: world.backups[source].name } });
      const { result } = await world.backend.over(drilled.json.run);
      drills[source] = path.basename(String(result?.['report']), '.json');
    }
    for (const role of KEY_ROLES)
      tokens[role] = {
        all: (await make({ name: `${role} of all`, roles: [role] })).token,
        shop: (await make({ name: role, roles: [role], sources: ['shop'] })).token,
      };
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** The words of a request that name things of this world. */
  const filled = (text: string) => {
    const { shop, billing } = world.backups;
    return text
      .replaceAll('DRILL_OF_SHOP', drills.shop)
      .replaceAll('DRILL_OF_OTHER', drills.billing)
      .replaceAll('OTHER_KEY', billing.name)
      .replaceAll('OTHER_RUN', billing.run)
      .replaceAll('KEY', shop.name)
      .replaceAll('RUN', shop.run);
  };
  const call = async (id: RouteId, { path = API_ROUTES[id].path, body }: Request, as: string) => {
    const text = body === undefined ? undefined : JSON.parse(filled(JSON.stringify(body)));
    const answer = await world.send(API_ROUTES[id].method, filled(path), { body: text, as });
    world.pass(2000);
    // So that none stands in another's way.
    if (answer.status === 202 && id !== 'cancel') await world.backend.over(answer.json.run);
    return answer;
  };

  /** Makes a request possible; whether a role allows it. */
  const ready = async (id: RouteId, has: KeyRole) => {
    if (ROWS[id].before) await call('hold', ROWS.hold, tokens.operator.all);
    // A backup was begun by an operator.
    if (id === 'cancel') return has === 'operator';
    // Nothing masks them for others.
    if (id === 'rows') return has === 'restorer';
    const { role } = API_ROUTES[id];
    return role === 'open' || hasRole([has], role);
  };

  /** The words for what is another source's are those for what is not there. */
  const sameAsMissing = async (
    id: RouteId,
    request: Request,
    { as, answer }: { readonly as: string; readonly answer: Awaited<ReturnType<typeof call>> },
  ) => {
    const missing = JSON.stringify(request)
      .replaceAll('OTHER_KEY', 'backup_weekly_20010101_000000')
      .replaceAll('OTHER_RUN', '0'.repeat(32))
      .replaceAll('DRILL_OF_OTHER', 'drill_20010101_000000_00000000')
      .replaceAll('billing', 'nowhere');
    const other = await call(id, JSON.parse(missing), as);
    const words = ({ json: { hint, title, status } }: typeof answer) => ({ hint, title, status });
    expect(words(answer)).toEqual(words(other));
  };

  it('have a row for every route', () => {
    expect(Object.keys(ROWS).sort()).toEqual(Object.keys(API_ROUTES).sort());
  });

  describe.each(ROUTES)('%s', (id, { role, scope }) => {
    const row = ROWS[id];

    it.each(KEY_ROLES)('answers a %s for all sources by its role', async (has) => {
      const needs = await ready(id, has);
      const { status } = await call(id, row, tokens[has].all);
      expect([id, status]).toEqual([id, needs ? row.status : 403]);
    });

    it.each(KEY_ROLES)('answers a %s for one source by its role, and of that source alone', async (has) => {
      const needs = await ready(id, has);
      const { status, text } = await call(id, row, tokens[has].shop);
      expect([id, status]).toEqual([id, needs && scope === 'own' ? row.status : 403]);
      const { name, run } = world.backups.billing;
      for (const hidden of ['billing', name, run]) expect(text).not.toContain(hidden);
    });

    const foreign = (row.foreign ?? []).flatMap((request) => KEY_ROLES.map((has) => ({ has, ...request })));
    it.runIf(foreign.length > 0).each(foreign)(
      'refuses a $has what is not there for it: $path $body',
      async (given) => {
        const { has, status, ...request } = given;
        const answer = await call(id, request, tokens[has].shop);
        const may = hasRole([has], role as Role);
        expect([id, request, answer.status]).toEqual([id, request, may ? status : 403]);
        if (may && status === 404) await sameAsMissing(id, request, { as: tokens[has].shop, answer });
      },
    );
  });

  it('fill the source in where they are for one alone', async () => {
    const { status, json } = await world.send('POST', '/create', { body: {}, as: tokens.operator.shop });
    expect([status, (await world.backend.over(json.run)).source]).toEqual([202, 'shop']);
    const drilled = await world.send('POST', '/drill', { body: {}, as: tokens.operator.shop });
    expect((await world.backend.over(drilled.json.run)).backup).toContain('backup_manual_');
  });

  it('see of status, list, runs and audit what is of their sources, and all of that', async () => {
    const { send, backups } = world;
    const seen = async (where: string) => (await send('GET', where, { as: tokens.viewer.shop })).json;
    expect(await seen('/status')).toMatchObject({
      sources: [{ source: { name: 'shop' } }],
      configured: { sources: [{ name: 'shop' }] },
      schedules: [{ source: 'shop' }],
      caller: { roles: ['viewer'], sources: ['shop'] },
    });
    const all = (await send('GET', '/list')).json.backups.map((one: { name: string }) => one.name);
    const own = (await seen('/list')).backups.map((one: { name: string }) => one.name);
    expect(own).toEqual(all.filter((name: string) => name !== backups.billing.name));
    expect((await seen('/runs')).runs.map((run: { id: string }) => run.id)).toContain(backups.shop.run);
    const { entries } = await seen('/audit?limit=200');
    expect(entries.map((one: { about: string }) => one.about)).toContain('of shop');
    expect(entries.filter((one: { action: string }) => ['apikey', 'revoke'].includes(one.action))).toEqual(
      [],
    );
  });

  it('say in the audit trail which key did it, and never its secret', async () => {
    const { send, store } = world;
    const { entries } = (await send('GET', '/audit?action=hold&limit=200')).json;
    expect(entries.map((one: { by: string }) => one.by)).toContainEqual(
      expect.stringMatching(/^API key operator \([0-9a-f]{8}\)$/),
    );
    const secrets = KEY_ROLES.flatMap((role) => Object.values(tokens[role])).map((one) => one.slice(12, 76));
    for await (const { key } of store.list('')) {
      const bytes = Buffer.from(await store.get(key)).toString('latin1');
      for (const secret of secrets) expect(bytes.includes(secret)).toBe(false);
    }
  });
});
