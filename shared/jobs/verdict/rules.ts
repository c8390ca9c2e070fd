import { HOUR_MS } from '../../core/units.ts';
import type { CopyFacts, SafetyFacts, SourceFacts } from './facts.ts';

/** From best to worst. */
export const LEVELS = ['protected', 'unknown', 'at-risk', 'unprotected'] as const;
/** How well a source is protected. */
export type Level = (typeof LEVELS)[number];

/** A backup that is this many times as old as it may be no longer protects. */
const MOST_TIMES_LATE = 3;

/** One thing that speaks against a source, a second place, or the repository as a whole. */
export interface VerdictFinding {
  readonly rule: RuleName;
  readonly level: Exclude<Level, 'protected'>;
  readonly source?: SourceFacts;
  readonly copy?: CopyFacts;
  /** What could not be checked: the sentence that says so. */
  readonly text?: string;
}

interface SourceRule {
  readonly level: VerdictFinding['level'];
  /** Also for a source that is no longer configured. */
  readonly isOfAll?: boolean;
  readonly holds: (source: SourceFacts, facts: SafetyFacts) => boolean;
}

/** A proof is made soon after its backup. One that follows a gap has none, but the next one does. */
const PROOF_GRACE_MS = 6 * HOUR_MS;

/** How long backups may go without being compared with stored changes: until the next one is due, and a while. */
export function mostUnprovenMs({ expected }: SourceFacts): number {
  return expected.ms + PROOF_GRACE_MS;
}

const ageMs = ({ newestGood }: SourceFacts, { at }: SafetyFacts) =>
  newestGood === undefined ? undefined : Math.max(0, at.getTime() - newestGood.startedAt.getTime());

const isOlder = (then: Date | undefined, ms: number, { at }: SafetyFacts) =>
  then !== undefined && at.getTime() - then.getTime() > ms;

/** What is checked of each source, the most urgent first. */
export const SOURCE_RULES = {
  'no-backup': { level: 'unprotected', holds: ({ backups }) => backups === 0 },
  'no-good-backup': {
    level: 'unprotected',
    holds: ({ backups, newestGood }) => backups > 0 && newestGood === undefined,
  },
  'too-old': {
    level: 'unprotected',
    holds: (source, facts) => (ageMs(source, facts) ?? 0) > MOST_TIMES_LATE * source.expected.ms,
  },
  late: {
    level: 'at-risk',
    holds: (source, facts) => {
      const age = ageMs(source, facts) ?? 0;
      return age > source.expected.ms && age <= MOST_TIMES_LATE * source.expected.ms;
    },
  },
  'run-failed': { level: 'at-risk', holds: ({ lastRun }) => lastRun?.outcome === 'failed' },
  'run-given-up': { level: 'at-risk', holds: ({ lastRun }) => lastRun?.outcome === 'given-up' },
  damaged: { level: 'at-risk', isOfAll: true, holds: ({ failed }) => failed.length > 0 },
  suspect: { level: 'at-risk', holds: ({ waiting }) => waiting.length > 0 },
  'imported-only': { level: 'at-risk', holds: ({ newestGood }) => newestGood?.isImported === true },
  misdated: { level: 'at-risk', isOfAll: true, holds: ({ misdated }) => misdated.length > 0 },
  uncovered: { level: 'at-risk', isOfAll: true, holds: ({ uncovered }) => uncovered.length > 0 },
  'not-locked': {
    level: 'at-risk',
    holds: ({ lockedUntil }, { at }) =>
      lockedUntil === null || (lockedUntil !== undefined && lockedUntil <= at),
  },
  'changes-none': {
    level: 'at-risk',
    holds: ({ changes }) =>
      changes !== undefined && changes.reachedAt === undefined && !changes.damage && !changes.problem,
  },
  'changes-damaged': { level: 'at-risk', holds: ({ changes }) => changes?.damage !== undefined },
  'changes-late': {
    level: 'at-risk',
    holds: ({ changes }, facts) =>
      changes !== undefined && isOlder(changes.reachedAt, changes.allowedMs, facts),
  },
  'changes-paused': { level: 'at-risk', holds: ({ changes }) => changes?.isPaused === true },
  'changes-no-base': { level: 'at-risk', holds: ({ changes }) => changes?.baseDue !== undefined },
  'changes-uncovered': { level: 'at-risk', holds: ({ changes }) => changes?.isUncovered === true },
  'changes-unread': { level: 'unknown', holds: ({ changes }) => changes?.problem !== undefined },
  'drill-failed': {
    level: 'at-risk',
    holds: ({ drillOutcome }) => drillOutcome !== undefined && drillOutcome !== 'equal',
  },
  'changes-differ': { level: 'at-risk', holds: ({ proof }) => proof?.outcome === 'different' },
  'proof-failed': { level: 'at-risk', holds: ({ proof }) => proof?.outcome === 'failed' },
  'proof-old': {
    level: 'at-risk',
    holds: (source, facts) =>
      source.changes?.isProvable === true && isOlder(source.unprovenSince, mostUnprovenMs(source), facts),
  },
  'verification-old': {
    level: 'at-risk',
    holds: (source, facts) =>
      source.newestGood !== undefined &&
      isOlder(source.verifiedAt ?? source.firstAt, facts.allowed.verifyMs, facts),
  },
  'drill-old': {
    level: 'at-risk',
    holds: (source, facts) =>
      source.newestGood !== undefined &&
      isOlder(source.drilledAt ?? source.firstAt, facts.allowed.drillMs, facts),
  },
} as const satisfies Readonly<Record<string, SourceRule>>;

interface RepositoryRule {
  readonly level: VerdictFinding['level'];
  /** One finding for each. */
  readonly finds: (facts: SafetyFacts) => readonly Pick<VerdictFinding, 'copy' | 'text'>[];
}

const once = (holds: boolean) => (holds ? [{}] : []);
const each = (texts: readonly string[] = []) => texts.map((text) => ({ text }));

/** What is checked of the repository as a whole, and of its second places. */
export const REPOSITORY_RULES = {
  empty: { level: 'unprotected', finds: ({ sources }) => once(sources.length === 0) },
  'damaged-manifests': { level: 'at-risk', finds: ({ damaged }) => once(damaged > 0) },
  'switched-off': { level: 'at-risk', finds: ({ isEnabled }) => once(!isEnabled) },
  bucket: { level: 'at-risk', finds: ({ bucketDangers }) => each(bucketDangers) },
  'schedule-off': { level: 'at-risk', finds: ({ schedulesOff }) => each(schedulesOff) },
  'copy-behind': {
    level: 'at-risk',
    finds: (facts) =>
      (facts.copies ?? [])
        .filter(({ oldestMissingAt }) => isOlder(oldestMissingAt, facts.allowed.copyMs, facts))
        .map((copy) => ({ copy })),
  },
  'copy-unseen': {
    level: 'unknown',
    finds: ({ copies = [] }) =>
      copies.filter(({ problem }) => problem !== undefined).map((copy) => ({ copy })),
  },
  unread: { level: 'unknown', finds: ({ unread }) => each(unread) },
} as const satisfies Readonly<Record<string, RepositoryRule>>;

/** A rule that a verdict follows, by name. */
export type RuleName = keyof typeof SOURCE_RULES | keyof typeof REPOSITORY_RULES;

/** A verdict: how well, and why. */
export interface Judgement {
  readonly level: Level;
  /** The worst first; within one level, in the order of the rules. */
  readonly findings: readonly VerdictFinding[];
}

/** What facts mean: the level is that of the worst finding. */
export function judge(facts: SafetyFacts): Judgement {
  const findings = [...findingsOfSources(facts), ...findingsOfRepository(facts)].toSorted(
    (a, b) => LEVELS.indexOf(b.level) - LEVELS.indexOf(a.level),
  );
  return { level: levelOf(findings), findings };
}

/** The worst level of some findings. */
export function levelOf(findings: readonly Pick<VerdictFinding, 'level'>[]): Level {
  return LEVELS[Math.max(0, ...findings.map(({ level }) => LEVELS.indexOf(level)))] ?? 'unknown';
}

function findingsOfSources(facts: SafetyFacts): VerdictFinding[] {
  const rules = Object.entries(SOURCE_RULES) as [keyof typeof SOURCE_RULES, SourceRule][];
  return rules.flatMap(([rule, { level, isOfAll = false, holds }]) =>
    facts.sources
      .filter((source) => (source.isConfigured || isOfAll) && holds(source, facts))
      .map((source) => ({ rule, level, source })),
  );
}

function findingsOfRepository(facts: SafetyFacts): VerdictFinding[] {
  const rules = Object.entries(REPOSITORY_RULES) as [keyof typeof REPOSITORY_RULES, RepositoryRule][];
  return rules.flatMap(([rule, { level, finds }]) =>
    finds(facts).map((found) => ({ rule, level, ...found })),
  );
}
