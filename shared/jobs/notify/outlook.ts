import * as z from 'zod';
import type { BackupSummary } from '../status/list.ts';
import type { SafetyFacts, SourceFacts } from '../verdict/facts.ts';
import { judge, LEVELS, levelOf, type RuleName, type VerdictFinding } from '../verdict/rules.ts';
import { sentenceOf } from '../verdict/sentences.ts';
import { stepsOf } from '../verdict/steps.ts';

const time = z.iso.datetime();
const Level = z.enum(LEVELS);

const OutlookFinding = z.object({
  /** Stays the same while the same thing is found. */
  id: z.string(),
  rule: z.string(),
  level: Level,
  /** Null: about the repository as a whole. */
  source: z.string().nullable(),
  text: z.string(),
});
/** What is wrong, in the words of a message. */
export type OutlookFinding = Readonly<z.infer<typeof OutlookFinding>>;

const OutlookSource = z.object({
  name: z.string(),
  level: Level,
  backups: z.number().int(),
  newestGood: z.object({ at: time, plainBytes: z.number().nullable() }).nullable(),
  verifiedAt: time.nullable(),
  drilledAt: time.nullable(),
  lastRun: z.object({ outcome: z.string(), at: time, code: z.string().nullable() }).nullable(),
});
/** One source in what notifications go by. */
export type OutlookSource = Readonly<z.infer<typeof OutlookSource>>;

/** Everything that notifications go by, as one process passes it to another. */
export const Outlook = z.object({
  at: time,
  repository: z.string(),
  level: Level,
  /** Configured ones. */
  sources: z.array(OutlookSource),
  findings: z.array(OutlookFinding),
  /** Rules that nobody checked; `*`: all. */
  unseen: z.array(z.string()),
  /** What to do, by the id of the finding. */
  steps: z.array(z.object({ id: z.string().nullable(), source: z.string().nullable(), text: z.string() })),
});
export type Outlook = Readonly<z.infer<typeof Outlook>>;

/** What facts mean, in the form that notifications take. @param backups for their sizes */
export function outlookOf(
  facts: SafetyFacts,
  { repository, backups }: { readonly repository: string; readonly backups: readonly BackupSummary[] },
): Outlook {
  const { level, findings } = judge(facts);
  const steps = stepsOf(findings, facts);
  return {
    at: facts.at.toISOString(),
    repository,
    level,
    sources: facts.sources
      .filter(({ isConfigured }) => isConfigured)
      .map((source) => sourceOf(source, findings, backups)),
    findings: findings.map((finding) => ({
      id: idOf(finding),
      rule: finding.rule,
      level: finding.level,
      source: finding.source?.name ?? null,
      text: sentenceOf(finding, facts),
    })),
    unseen: unseenIn(facts),
    // Each finding has one step, in the same order; less urgent ones follow.
    steps: findings.flatMap((finding, i) => {
      const step = steps[i];
      if (!step) return [];
      const text = `${step.text} Run: ${step.command}`;
      return [{ id: idOf(finding), source: finding.source?.name ?? null, text }];
    }),
  };
}

/** If nothing could be checked. */
export function blindOutlook(
  problem: string,
  {
    at,
    repository,
    sources,
  }: { readonly at: Date; readonly repository: string; readonly sources: readonly string[] },
): Outlook {
  const finding = {
    id: '/unreachable',
    rule: 'unreachable',
    level: 'unknown' as const,
    source: null,
    text: `The repository cannot be checked: ${problem}`,
  };
  const nothing = { newestGood: null, verifiedAt: null, drilledAt: null, lastRun: null };
  return {
    at: at.toISOString(),
    repository,
    level: 'unknown',
    sources: sources.map((name) => ({ name, level: 'unknown', backups: 0, ...nothing })),
    findings: [finding],
    unseen: ['*'],
    steps: [],
  };
}

function unseenIn({ runs, copies, bucketDangers, schedulesOff, sources }: SafetyFacts): RuleName[] {
  const isLooked = sources.some(({ lockedUntil }) => lockedUntil !== undefined);
  return [
    ...(runs === undefined ? (['run-failed', 'run-given-up'] as const) : []),
    ...(copies === undefined ? (['copy-behind', 'copy-unseen'] as const) : []),
    ...(bucketDangers === undefined ? (['bucket'] as const) : []),
    ...(schedulesOff === undefined ? (['schedule-off'] as const) : []),
    ...(isLooked ? [] : (['not-locked'] as const)),
  ];
}

/**
 * Rules that may have several findings about the repository, distinguished by their words, which contain no
 * age.
 */
const TOLD_APART = ['bucket', 'schedule-off'];

function idOf({ rule, source, copy, text }: VerdictFinding): string {
  if (source) return `${source.name}/${rule}`;
  if (copy) return `/${rule}/${copy.name}`;
  return TOLD_APART.includes(rule) ? `/${rule}/${text ?? ''}` : `/${rule}`;
}

function sourceOf(
  source: SourceFacts,
  findings: readonly VerdictFinding[],
  backups: readonly BackupSummary[],
): OutlookSource {
  const { name, newestGood, verifiedAt, drilledAt, lastRun } = source;
  const good = newestGood && backups.find(({ key }) => key === newestGood.key);
  return {
    name,
    level: levelOf(findings.filter((finding) => finding.source === source)),
    backups: source.backups,
    newestGood: newestGood
      ? { at: newestGood.startedAt.toISOString(), plainBytes: good?.plainBytes ?? null }
      : null,
    verifiedAt: verifiedAt?.toISOString() ?? null,
    drilledAt: drilledAt?.toISOString() ?? null,
    lastRun: lastRun
      ? { outcome: lastRun.outcome, at: lastRun.at.toISOString(), code: lastRun.code ?? null }
      : null,
  };
}
