import { describe, expect, it } from 'vitest';
import type { Said } from '../../../../shared/format/notice.ts';
import { decide, type Known, seenBy } from '../../../../shared/jobs/notify/decide.ts';
import { messageOf } from '../../../../shared/jobs/notify/message.ts';
import { blindOutlook, outlookOf } from '../../../../shared/jobs/notify/outlook.ts';
import type { SafetyFacts, SourceFacts } from '../../../../shared/jobs/verdict/facts.ts';
import { GOOD, KEY, NOW } from '../verdict/cases.ts';

const HOUR = 3_600_000;
const CHANNEL = { on: 'change', digest: 'off', sources: undefined, remindAfterMs: 24 * HOUR } as const;
const [shop] = GOOD.sources as [SourceFacts];
const orders: SourceFacts = { ...shop, name: 'orders' };

/** States of the world, by the hour at which it is looked. */
const at = (hours: number) => new Date(NOW.getTime() + hours * HOUR);
const fresh = (hours: number) => ({
  newestGood: { key: KEY, startedAt: at(hours - 1), isImported: false },
  lastRun: { outcome: 'succeeded', at: at(hours - 1), code: undefined } as const,
  verifiedAt: at(hours - 1),
  drilledAt: at(hours - 1),
});
type Change = (source: SourceFacts) => Partial<SourceFacts>;
const ok: Change = () => ({});
const failed: Change = () => ({ lastRun: { outcome: 'failed', at: NOW, code: 'E_SOURCE_REFUSED' } });
const failedAgain: Change = () => ({ lastRun: { outcome: 'failed', at: at(90), code: 'E_SOURCE_LOST' } });
const late: Change = ({ newestGood }) => ({
  newestGood: newestGood && {
    ...newestGood,
    startedAt: new Date(newestGood.startedAt.getTime() - 30 * HOUR),
  },
});
const lost: Change = () => ({ newestGood: undefined });
const undrilled: Change = () => ({ drilledAt: at(-24 * 300) });
const both =
  (...changes: Change[]): Change =>
  (source) =>
    Object.assign({}, ...changes.map((change) => change(source)));

function outlookAt(hours: number, change: Change, more: Partial<SafetyFacts> = {}) {
  const source = { ...shop, ...fresh(hours) };
  const facts = { ...GOOD, at: at(hours), sources: [{ ...source, ...change(source) }], ...more };
  return outlookOf(facts, { repository: 's3://bucket', backups: [] });
}

/** What a channel is told, in kinds and titles, of a world that is looked at again and again. */
function tell(
  steps: readonly (readonly [hours: number, change: Change])[],
  channel: Partial<typeof CHANNEL> | object = {},
) {
  const settings = { ...CHANNEL, ...channel };
  let known: Known = { said: undefined, digestAt: undefined };
  return steps.map(([hours, change]) => {
    const outlook = outlookAt(hours, change);
    const told = decide(outlook, known, settings);
    for (const { kind, said } of told)
      known = { said: said ?? known.said, digestAt: kind === 'digest' ? at(hours) : known.digestAt };
    return told.map((news) => messageOf(news, outlook, settings.digest).title).join(' + ') || '-';
  });
}

describe('alarms', () => {
  const nights = [0, 1, 2, 3];
  it.each([
    ['nothing while all is well', nights.map((n) => [n, ok] as const), ['-', '-', '-', '-']],
    [
      'a failed run once, not at each look',
      [
        [0, ok],
        [1, failed],
        [2, failed],
        [3, failed],
      ],
      ['-', 'At risk: shop', '-', '-'],
    ],
    [
      'a run that fails again the next night is no news',
      [
        [0, ok],
        [1, failed],
        [2, failedAgain],
      ],
      ['-', 'At risk: shop', '-'],
    ],
    [
      'each way from protected to unprotected and back',
      [
        [0, ok],
        [1, late],
        [2, lost],
        [3, late],
        [4, ok],
        [5, ok],
      ],
      ['-', 'At risk: shop', 'Unprotected: shop', 'At risk: shop', 'Recovered: shop', '-'],
    ],
    [
      'a failure that comes, goes and comes again',
      [
        [0, failed],
        [1, ok],
        [2, failed],
        [3, ok],
      ],
      ['At risk: shop', 'Recovered: shop', 'At risk: shop', 'Recovered: shop'],
    ],
    [
      'a failure of a source that is at risk already',
      [
        [0, undrilled],
        [1, both(undrilled, failed)],
        [2, undrilled],
        [3, both(undrilled, failed)],
        [4, ok],
      ],
      ['At risk: shop', 'At risk: shop', 'Improved, still at risk: shop', 'At risk: shop', 'Recovered: shop'],
    ],
    [
      'a reminder a day after the last word, and again',
      [
        [0, failed],
        [23, failed],
        [24, failed],
        [25, failed],
        [48, failed],
        [49, ok],
      ],
      ['At risk: shop', '-', 'Still at risk: shop', '-', 'Still at risk: shop', 'Recovered: shop'],
    ],
    ['the first look at a world that is bad', [[0, lost]], ['Unprotected: shop']],
  ] satisfies readonly (readonly [string, readonly (readonly [number, Change])[], readonly string[]])[])(
    '%s',
    (_, steps, expected) => expect(tell(steps)).toEqual(expected),
  );

  it('remind of nothing where that is off', () => {
    expect(
      tell(
        [
          [0, failed],
          [24, failed],
          [2400, failed],
        ],
        { remindAfterMs: undefined },
      ),
    ).toEqual(['At risk: shop', '-', '-']);
  });

  it('tell of each run where all is to be told, and put no reminder off by that', () => {
    expect(
      tell(
        [
          [0, ok],
          [1, ok],
          [1, ok],
        ],
        { on: 'all' },
      ),
    ).toEqual(['Backup succeeded: shop', 'Backup succeeded: shop', '-']);
    const atRisk = [0, 10, 20, 24].map((hours) => [hours, undrilled] as const);
    expect(tell(atRisk, { on: 'all' })).toEqual([
      'At risk: shop',
      'Backup succeeded: shop',
      'Backup succeeded: shop',
      'Still at risk: shop',
    ]);
  });

  it('name what is new, what was known and what is over, each with what to do', () => {
    const before = outlookAt(0, both(undrilled, late));
    const [{ said } = { said: null }] = decide(before, { said: undefined, digestAt: undefined }, CHANNEL);
    const now = outlookAt(1, both(undrilled, failed));
    const [news] = decide(now, { said: said ?? undefined, digestAt: undefined }, CHANNEL);
    const { parts } = messageOf(news!, now, 'off');
    expect(Object.fromEntries(parts.map(({ title, lines }) => [title, lines]))).toEqual({
      New: [
        expect.stringMatching(/^The last backup of shop failed .+\(E_SOURCE_REFUSED\)\. Look at the run/),
      ],
      'Known before': [
        expect.stringMatching(
          /^shop was last restored in a drill .+ Drill it\. Run: holdfast drill backup_daily_\w+$/,
        ),
      ],
      Over: ['late (shop)'],
    });
  });
});

describe('what is not known', () => {
  const everything = { said: undefined, digestAt: undefined };

  it.each([failed, late, lost, undrilled])(
    'is said once more, never left out: a lost state (%#)',
    (change) => {
      expect(decide(outlookAt(0, change), everything, CHANNEL)).toMatchObject([{ kind: 'alarm' }]);
    },
  );

  it('is not taken for over by a process that has not looked for it', () => {
    const schedulesOff = ['the schedule daily-shop does not fire'];
    const seen = outlookAt(0, ok, { schedulesOff });
    const [{ said } = { said: null }] = decide(seen, everything, CHANNEL);
    const known = { said: said ?? undefined, digestAt: undefined };
    expect(decide(outlookAt(1, ok), known, CHANNEL)).toEqual([]);
    // and is still known after this process has said something else
    const [other] = decide(outlookAt(1, late), known, CHANNEL);
    const later = { said: other?.said ?? undefined, digestAt: undefined };
    expect(decide(outlookAt(2, late, { schedulesOff }), later, CHANNEL)).toEqual([]);
    expect(decide(outlookAt(2, late, { schedulesOff: [] }), later, CHANNEL)).toMatchObject([
      { kind: 'improved', over: ['/schedule-off/the schedule daily-shop does not fire'] },
    ]);
  });

  it('is said of a repository that cannot be looked at, and nothing is taken for over then', () => {
    const [{ said } = { said: null }] = decide(outlookAt(0, failed), everything, CHANNEL);
    const blind = blindOutlook('the store has not answered', {
      at: at(1),
      repository: 's3://bucket',
      sources: ['shop'],
    });
    const known = { said: said ?? undefined, digestAt: undefined };
    const [news] = decide(blind, known, CHANNEL);
    expect(news).toMatchObject({ kind: 'alarm', level: 'unknown', over: [] });
    const after = { said: news?.said ?? undefined, digestAt: undefined };
    expect(decide(outlookAt(2, failed), after, CHANNEL)).toMatchObject([
      { kind: 'improved', over: ['/unreachable'] },
    ]);
  });

  it('reminds although a clock was ahead when it was said', () => {
    const outlook = outlookAt(0, failed);
    const said: Said = {
      at: at(24 * 365).toISOString(),
      findings: outlook.findings.map(({ id }) => id),
      runs: {},
    };
    expect(decide(outlook, { said, digestAt: undefined }, CHANNEL)).toMatchObject([{ kind: 'reminder' }]);
  });
});

describe('a channel of some sources', () => {
  const facts = { ...GOOD, sources: [shop, { ...orders, ...failed(orders) }] };
  const outlook = outlookOf(facts, { repository: 's3://bucket', backups: [] });
  const nothing = { said: undefined, digestAt: undefined };

  it('is told of these, and of the repository as a whole', () => {
    const ofShop = { ...CHANNEL, sources: ['shop'] };
    expect(decide(seenBy(outlook, ofShop), nothing, ofShop)).toEqual([]);
    const ofOrders = { ...CHANNEL, sources: ['orders'] };
    expect(decide(seenBy(outlook, ofOrders), nothing, ofOrders)).toMatchObject([{ kind: 'alarm' }]);
    const off = outlookOf({ ...GOOD, isEnabled: false }, { repository: 's3://bucket', backups: [] });
    expect(decide(seenBy(off, ofShop), nothing, ofShop)).toMatchObject([
      { kind: 'alarm', findings: [{ rule: 'switched-off', source: null }] },
    ]);
  });
});

describe('a digest', () => {
  // 29 November 2026 is a Sunday; hours count from its noon.
  it.each([
    ['daily', [0, 1, 17, 18, 19, 42], ['d', '-', '-', 'd', '-', 'd']],
    ['weekly', [0, 17, 18, 19, 42, 24 * 7 + 17, 24 * 7 + 18], ['d', '-', 'd', '-', '-', '-', 'd']],
    ['off', [0, 18, 24 * 30], ['-', '-', '-']],
  ] as const)('comes %s, at six in the morning or at the first look after it', (digest, hours, expected) => {
    const told = tell(
      hours.map((hour) => [hour, ok] as const),
      { digest },
    );
    expect(told.map((text) => (text.includes('digest: protected') ? 'd' : text))).toEqual(expected);
  });

  it('names every source with its newest backup, proofs and size, and what is not well', () => {
    const facts = {
      ...GOOD,
      sources: [shop, { ...orders, ...lost(orders), verifiedAt: undefined, drilledAt: undefined }],
    };
    const sizes = [{ key: KEY, plainBytes: 5_000_000 }] as never;
    const outlook = outlookOf(facts, { repository: 's3://bucket', backups: sizes });
    const news = decide(outlook, { said: undefined, digestAt: undefined }, { ...CHANNEL, digest: 'daily' });
    const digest = messageOf(news.find(({ kind }) => kind === 'digest')!, outlook, 'daily');
    expect(digest.title).toBe('Daily digest: unprotected');
    expect(digest.facts).toEqual([
      {
        name: 'shop',
        value:
          'protected; newest good backup 10 hours ago, 4.77 MiB; verified 5 days ago; drilled 20 days ago; 40 backups',
      },
      { name: 'orders', value: 'unprotected; no good backup; verified never; drilled never; 40 backups' },
    ]);
    expect(digest.parts).toEqual([
      { title: 'Problems', lines: [expect.stringContaining('orders has no good backup')] },
    ]);
  });
});
