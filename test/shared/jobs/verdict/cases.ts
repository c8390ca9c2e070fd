import type { BackupKey } from '../../../../shared/core/ids.ts';
import type {
  ChangesFacts,
  CopyFacts,
  SafetyFacts,
  SourceFacts,
} from '../../../../shared/jobs/verdict/facts.ts';

/** The levels, from best to worst: the expectations of this table are numbers of its own. */
export const RANKS = ['protected', 'unknown', 'at-risk', 'unprotected'] as const;

const HOUR = 3_600_000;
export const NOW = new Date('2026-11-29T12:00:00Z');
export const ago = (hours: number) => new Date(NOW.getTime() - hours * HOUR);
export const KEY = 'backups/daily/20261129/backup_daily_20261129_020000.json' as BackupKey;

const good: SourceFacts = {
  name: 'shop',
  kind: 'postgres',
  isConfigured: true,
  backups: 40,
  newestGood: { key: KEY, startedAt: ago(10), isImported: false },
  expected: { ms: 26 * HOUR, basis: 'schedule' },
  waiting: [],
  failed: [],
  uncovered: [],
  misdated: [],
  lastRun: { outcome: 'succeeded', at: ago(10), code: undefined },
  firstAt: ago(24 * 100),
  verifiedAt: ago(24 * 5),
  drilledAt: ago(24 * 20),
  drillOutcome: 'equal',
  lockedUntil: undefined,
};
const PROOF = {
  outcome: 'equal',
  backup: 'backups/daily/20260301/backup_daily_20260301_020000.json' as BackupKey,
  report: 'reports/proof/20260301/proof_20260301_021500_0123abcd.json',
  differing: 0,
  datasets: 0,
  error: undefined,
} as const;
const copy: CopyFacts = { name: 'second', missing: 0, oldestMissingAt: undefined, problem: undefined };
export const GOOD: SafetyFacts = {
  at: NOW,
  sources: [good],
  manifests: 40,
  damaged: 0,
  isProven: true,
  allowed: { verifyMs: 15 * 24 * HOUR, drillMs: 40 * 24 * HOUR, copyMs: 26 * HOUR },
  isEnabled: true,
  runs: 40,
  copies: undefined,
  bucketDangers: undefined,
  schedulesOff: undefined,
  unread: [],
};

/** One value of a dimension: what it changes, and how bad it is by this table. */
export interface Value {
  readonly says: string;
  readonly rank: 0 | 1 | 2 | 3;
  /** A word that the verdict must then have. */
  readonly word?: RegExp;
  readonly change: (facts: SafetyFacts) => SafetyFacts;
}

const source =
  (change: Partial<SourceFacts>) =>
  (facts: SafetyFacts): SafetyFacts => ({
    ...facts,
    sources: facts.sources.map((one) => ({ ...one, ...change })),
  });
const whole = (change: Partial<SafetyFacts>) => (facts: SafetyFacts) => ({ ...facts, ...change });
const another = (change: Partial<SourceFacts>) => (facts: SafetyFacts) => ({
  ...facts,
  sources: [...facts.sources, { ...good, name: 'game', ...change }],
});
const newestGood = (hours: number, isImported = false) =>
  source({ newestGood: { key: KEY, startedAt: ago(hours), isImported } });
const changes: ChangesFacts = {
  reachedAt: ago(30 / 60),
  allowedMs: HOUR / 2,
  baseDue: undefined,
  isPaused: false,
  damage: undefined,
  problem: undefined,
  isProvable: true,
};
const never = { backups: 0, newestGood: undefined, lastRun: undefined, firstAt: undefined } as const;

/** Every dimension that a verdict goes by. Of each, the values are tried alone and with every value of every other. */
export const DIMENSIONS: Readonly<Record<string, readonly Value[]>> = {
  'age of the newest good backup': [
    { says: 'is within the objective', rank: 0, change: newestGood(26) },
    { says: 'is past the objective', rank: 2, word: /26 hours old/, change: newestGood(26.1) },
    { says: 'is three times the objective', rank: 2, word: /3 days old/, change: newestGood(78) },
    { says: 'is more than that', rank: 3, word: /203 days old/, change: newestGood(203 * 24) },
  ],
  'what there is': [
    { says: 'was never backed up', rank: 3, word: /shop was never backed up/, change: source(never) },
    {
      says: 'has none that can be relied on',
      rank: 3,
      word: /shop has no good backup/,
      change: source({ newestGood: undefined }),
    },
    { says: 'is imported only', rank: 2, word: /imported/, change: newestGood(10, true) },
  ],
  'another source': [
    { says: 'is well', rank: 0, change: another({}) },
    { says: 'was never backed up', rank: 3, word: /game was never backed up/, change: another(never) },
    {
      says: 'is no longer configured, and old',
      rank: 0,
      change: another({
        isConfigured: false,
        newestGood: { key: KEY, startedAt: ago(9999), isImported: false },
      }),
    },
    {
      says: 'is no longer configured, and damaged',
      rank: 2,
      word: /damage.*game/,
      change: another({ isConfigured: false, failed: [KEY] }),
    },
  ],
  'the last run': [
    {
      says: 'failed',
      rank: 2,
      word: /last backup of shop failed .*E_SOURCE_REFUSED/,
      change: source({ lastRun: { outcome: 'failed', at: ago(2), code: 'E_SOURCE_REFUSED' } }),
    },
    {
      says: 'died',
      rank: 2,
      word: /process died/,
      change: source({ lastRun: { outcome: 'given-up', at: ago(2), code: undefined } }),
    },
    {
      says: 'was suspect, and was accepted',
      rank: 0,
      change: source({ lastRun: { outcome: 'suspect', at: ago(2), code: undefined } }),
    },
    { says: 'is not known', rank: 0, change: source({ lastRun: undefined }) },
  ],
  'continuous backup': [
    { says: 'is within its recovery point', rank: 0, change: source({ changes }) },
    {
      says: 'is past its recovery point',
      rank: 2,
      word: /shop are stored up to 31 minutes ago \(at most 30 minutes/,
      change: source({ changes: { ...changes, reachedAt: ago(31 / 60) } }),
    },
    {
      says: 'was never polled',
      rank: 2,
      word: /changes of shop were never stored/,
      change: source({ changes: { ...changes, reachedAt: undefined } }),
    },
    {
      says: 'is paused',
      rank: 2,
      word: /continuous backup of shop is paused/,
      change: source({ changes: { ...changes, isPaused: true } }),
    },
    {
      says: 'has a gap that no backup has healed',
      rank: 2,
      word: /cannot be restored: changes were lost/,
      change: source({ changes: { ...changes, baseDue: 'changes were lost' } }),
    },
    {
      says: 'is damaged at its end',
      rank: 2,
      word: /cannot be trusted: segment 7 is missing/,
      change: source({ changes: { ...changes, reachedAt: undefined, damage: 'segment 7 is missing' } }),
    },
    {
      says: 'could not be looked at',
      rank: 1,
      word: /could not find out whether the changes of shop are stored: no answer/,
      change: source({ changes: { ...changes, reachedAt: undefined, problem: 'no answer' } }),
    },
    {
      says: 'is late, and not all of it could be looked at',
      rank: 2,
      word: /31 minutes ago/,
      change: source({ changes: { ...changes, reachedAt: ago(31 / 60), problem: 'no answer' } }),
    },
    {
      says: 'is not opened by a recovery key',
      rank: 2,
      word: /recovery key does not open the newest changes of shop/,
      change: source({ changes: { ...changes, isUncovered: true } }),
    },
    {
      says: 'was not compared for a night and a while',
      rank: 0,
      change: source({ changes, unprovenSince: ago(32) }),
    },
    {
      says: 'was not compared for longer',
      rank: 2,
      word: /no backup of shop was compared with its stored changes for 33 hours \(at most 32 hours\)/,
      change: source({ changes, unprovenSince: ago(33) }),
    },
    {
      says: 'cannot be compared',
      rank: 0,
      change: source({ changes: { ...changes, isProvable: false }, unprovenSince: ago(99) }),
    },
    {
      says: 'is late, of a source that is no longer configured',
      rank: 0,
      change: another({ isConfigured: false, changes: { ...changes, reachedAt: ago(9) } }),
    },
  ],
  suspects: [{ says: 'wait', rank: 2, word: /suspect/, change: source({ waiting: [KEY] }) }],
  damage: [
    { says: 'was found', rank: 2, word: /damage/, change: source({ failed: [KEY] }) },
    { says: 'is of manifests', rank: 2, word: /manifest/, change: whole({ damaged: 2 }) },
  ],
  'recovery keys': [
    {
      says: 'do not open one',
      rank: 2,
      word: /recovery key does not open/,
      change: source({ uncovered: [KEY] }),
    },
  ],
  dates: [{ says: 'are wrong', rank: 2, word: /dated after/, change: source({ misdated: [KEY] }) }],
  verification: [
    { says: 'is old', rank: 2, word: /verified/, change: source({ verifiedAt: ago(24 * 15.1) }) },
    { says: 'is just young enough', rank: 0, change: source({ verifiedAt: ago(24 * 15) }) },
    {
      says: 'never was, for long',
      rank: 2,
      word: /ever verified/,
      change: source({ verifiedAt: undefined }),
    },
    {
      says: 'never was, of a new source',
      rank: 0,
      change: source({ verifiedAt: undefined, firstAt: ago(20) }),
    },
  ],
  drill: [
    { says: 'is old', rank: 2, word: /drill/, change: source({ drilledAt: ago(24 * 40.1) }) },
    {
      says: 'never was, for long',
      rank: 2,
      word: /ever restored/,
      change: source({ drilledAt: undefined, drillOutcome: undefined }),
    },
    { says: 'differed', rank: 2, word: /'different'/, change: source({ drillOutcome: 'different' }) },
    { says: 'failed', rank: 2, word: /'failed'/, change: source({ drillOutcome: 'failed' }) },
  ],
  proof: [
    { says: 'was equal', rank: 0, change: source({ proof: PROOF }) },
    {
      says: 'differed',
      rank: 2,
      word: /differs from the backup before it .*, in 3 rows of /,
      change: source({ proof: { ...PROOF, outcome: 'different', differing: 3, datasets: 2 } }),
    },
    {
      says: 'failed',
      rank: 2,
      word: /could not be compared .*E_DAMAGED/,
      change: source({ proof: { ...PROOF, outcome: 'failed', error: 'E_DAMAGED' } }),
    },
  ],
  lock: [
    { says: 'ends later', rank: 0, change: source({ lockedUntil: ago(-24) }) },
    { says: 'is over', rank: 2, word: /not locked/, change: source({ lockedUntil: ago(1) }) },
    { says: 'is missing', rank: 2, word: /not locked/, change: source({ lockedUntil: null }) },
  ],
  copy: [
    { says: 'has all', rank: 0, change: whole({ copies: [copy] }) },
    {
      says: 'is a little behind',
      rank: 0,
      change: whole({ copies: [{ ...copy, missing: 1, oldestMissingAt: ago(10) }] }),
    },
    {
      says: 'is behind',
      rank: 2,
      word: /second place second/,
      change: whole({ copies: [{ ...copy, missing: 3, oldestMissingAt: ago(50) }] }),
    },
    {
      says: 'lacks segments of changes',
      rank: 2,
      word: /90 change segments are missing in the second place second/,
      change: whole({ copies: [{ ...copy, missingSegments: 90, oldestMissingAt: ago(50) }] }),
    },
    {
      says: 'cannot be seen',
      rank: 1,
      word: /it is not known what the second place second has: no such host/i,
      change: whole({ copies: [{ ...copy, problem: 'no such host' }] }),
    },
  ],
  'what could not be looked at': [
    {
      says: 'is a report',
      rank: 1,
      word: /cannot be trusted/,
      change: whole({ unread: ['r cannot be trusted'] }),
    },
  ],
  schedule: [
    {
      says: 'is off',
      rank: 2,
      word: /does not fire/,
      change: whole({ schedulesOff: ['daily does not fire'] }),
    },
    { says: 'is on', rank: 0, change: whole({ schedulesOff: [] }) },
    { says: 'is switched off', rank: 2, word: /ENABLE_BACKUPS/, change: whole({ isEnabled: false }) },
  ],
  bucket: [
    {
      says: 'removes',
      rank: 2,
      word: /rule old/,
      change: whole({ bucketDangers: ['rule old removes all'] }),
    },
  ],
  repository: [
    { says: 'is empty', rank: 3, word: /no backup yet/, change: whole({ sources: [], manifests: 0 }) },
  ],
};

/** What goes away if another value changes the same thing: no pair of both is a case. */
const SAME: readonly (readonly string[])[] = [
  ['age of the newest good backup', 'what there is'],
  ['what there is', 'verification', 'drill', 'the last run', 'repository'],
];

export interface Case {
  readonly says: string;
  readonly facts: SafetyFacts;
  readonly rank: number;
  readonly words: readonly RegExp[];
}

/** Each value alone, and each pair of two dimensions; what is expected of a pair is the worse of both. */
export function allCases(): readonly Case[] {
  const values = Object.entries(DIMENSIONS).flatMap(([name, of]) => of.map((value) => ({ name, value })));
  const alone = values.map(({ name, value }) => caseOf([{ name, value }]));
  const pairs = values.flatMap((one, i) =>
    values
      .slice(i + 1)
      .filter(
        (other) =>
          other.name !== one.name &&
          !SAME.some((names) => names.includes(one.name) && names.includes(other.name)),
      )
      .filter(
        (other) => ![one, other].some(({ name }) => name === 'repository') || bothWhole(one.name, other.name),
      )
      .map((other) => caseOf([one, other])),
  );
  return [{ says: 'nothing is wrong', facts: GOOD, rank: 0, words: [] }, ...alone, ...pairs];
}

/** An empty repository has no source that anything could be said of. */
function bothWhole(a: string, b: string): boolean {
  const names = ['copy', 'what could not be looked at', 'schedule', 'bucket', 'repository'];
  return names.includes(a) && names.includes(b);
}

function caseOf(values: readonly { readonly name: string; readonly value: Value }[]): Case {
  // Another source is added last, so that what is said of the first is not said of it.
  const ordered = values.toSorted(
    (a, b) => Number(a.name === 'another source') - Number(b.name === 'another source'),
  );
  return {
    says: values.map(({ name, value }) => `${name} ${value.says}`).join(', '),
    facts: ordered.reduce((facts, { value }) => value.change(facts), GOOD),
    rank: Math.max(...values.map(({ value }) => value.rank)),
    words: values.flatMap(({ value }) => value.word ?? []),
  };
}
