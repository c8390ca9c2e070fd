import { describe, expect, it, vi } from 'vitest';
import { estimateRestoreMs } from '../../../console/screens/restore/restore-estimate.ts';
import { pairingWarnings } from '../../../shared/api/schema/pairing.ts';

// The address is read when the module is loaded.
vi.stubGlobal('location', { hash: '' });
vi.stubGlobal('addEventListener', () => {});
const { wishByWay, wishHref, wishOf } = await import('../../../console/screens/restore/plan.ts');
const { momentOf, timelineOf } = await import('../../../console/screens/restore/moments.ts');

describe('the timeline of a source', () => {
  const backup = (startedAt: string) => ({ key: startedAt, startedAt }) as never;
  const run = (startedAt: string, part: object = {}) =>
    ({ id: startedAt, kind: 'backup', state: 'failed', source: 'shop', startedAt, ...part }) as never;

  it('has the runs that failed among the backups, newest first, and no others', () => {
    const entries = timelineOf(
      [backup('2026-11-26T02:00:00Z'), backup('2026-11-24T02:00:00Z')],
      [
        run('2026-11-25T02:00:00Z'),
        run('2026-11-25T03:00:00Z', { source: 'crm' }),
        run('2026-11-25T04:00:00Z', { kind: 'drill' }),
        run('2026-11-25T05:00:00Z', { state: 'succeeded' }),
        run('2026-11-01T02:00:00Z'),
      ],
      { source: 'shop', until: undefined },
    );
    expect(entries.map(({ kind, at }) => `${kind} ${at.slice(0, 10)}`)).toEqual([
      'backup 2026-11-26',
      'failed 2026-11-25',
      'backup 2026-11-24',
    ]);
  });

  it('ends where somebody says', () => {
    const runs = [run('2026-11-25T02:00:00Z')];
    const until = '2026-11-25T01:00:00Z';
    expect(timelineOf([backup('2026-11-24T02:00:00Z')], runs, { source: 'shop', until })).toHaveLength(1);
    expect(momentOf('')).toBeUndefined();
    expect(momentOf('2026-13-01T00:00')).toBeUndefined();
    expect(momentOf('2026-11-25T01:00')).toBe(new Date('2026-11-25T01:00').toISOString());
  });
});

it('takes a restore through an address and back', () => {
  const run = {
    to: 'staging',
    newDatabase: null,
    datasets: null,
    mode: 'empty',
    state: 'part',
    missing: ['public.a,b', 'public.c&d'],
    ways: [],
  } as const;
  for (const way of ['again', 'replace', 'resume', 'keep-going', 'missing'] as const) {
    const wish = wishByWay('backup_daily_20261126_020000', run, way);
    const [path = '', query] = wishHref(wish).split('?');
    expect(path).toBe('#/restore/backup_daily_20261126_020000');
    expect(wishOf(wish.backup, new URLSearchParams(query))).toEqual(wish);
  }
  expect(wishByWay('b', run, 'missing')).toMatchObject({ datasets: run.missing, mode: 'replace' });
  expect(wishOf('b', new URLSearchParams())).toBeUndefined();
});

it('says how long a restore takes by a drill that restored something, and else nothing', () => {
  const drill = { outcome: 'equal', restoreMs: 1000, compareMs: 500, records: 100 };
  expect(estimateRestoreMs(drill, 200)).toBe(3000);
  expect(estimateRestoreMs({ ...drill, compareMs: undefined }, 50)).toBe(500);
  expect(estimateRestoreMs({ ...drill, outcome: 'failed' }, 50)).toBeUndefined();
  expect(estimateRestoreMs({ ...drill, records: 0 }, 50)).toBeUndefined();
  expect(estimateRestoreMs(null, 50)).toBeUndefined();
});

describe('a target looks like the wrong one', () => {
  const sources = new Map([
    ['shop', ['shop', 'postgres://db/shop']],
    ['crm', ['crm', 'postgres://db/crm']],
  ]);
  const warnings = (name: string, location = '', source = 'shop') =>
    pairingWarnings({ name, location }, source, sources);

  it.each(['shop_copy', 'copy-of-shop', 'shop', 'staging', 'workshop', 'crmx', 'shop_and_crm'])(
    'not %s',
    (name) => {
      expect(warnings(name)).toEqual([]);
      expect(warnings(name, '', 'postgres://db/shop')).toEqual([]);
    },
  );
  it.each(['crm_copy', 'CRM', 'old-crm'])('%s does', (name) => {
    expect(warnings(name)).toEqual([`${name} is named after crm, but this backup is from shop.`]);
  });
  it('a live database does, whatever its name', () => {
    expect(warnings('x', 'postgres://db/crm').join()).toContain(
      'live database of crm, but this backup is from shop',
    );
    expect(warnings('x', 'postgres://db/shop').join()).toContain('live database of shop');
  });
});
