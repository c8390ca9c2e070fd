import type { SafetyFacts } from './facts.ts';
import { judge, type Level, type VerdictFinding } from './rules.ts';
import { clausesOf, LEVEL_NAMES, lookedAt, reassurance, sentenceOf } from './sentences.ts';
import { type Step, stepsOf } from './steps.ts';

/** Clauses of the one sentence. */
const MOST_CLAUSES = 4;

/** Whether one would get one's data back, in words; the same for command line, API, console and watchdog. */
export interface Verdict {
  readonly level: Level;
  /** The level, and the reasons for it. */
  readonly sentence: string;
  /** When it was checked. */
  readonly at: Date;
  readonly lookedAt: readonly string[];
  /** What could not be checked, or not be trusted. */
  readonly notLookedAt: readonly string[];
  /** All findings, the worst first. */
  readonly findings: readonly {
    readonly rule: VerdictFinding['rule'];
    readonly level: VerdictFinding['level'];
    /** The source that it is about, if any. */
    readonly source: string | undefined;
    readonly text: string;
  }[];
  /** What to do, the most urgent first. */
  readonly steps: readonly Step[];
}

/** Depends only on the facts. */
export function verdictOf(facts: SafetyFacts): Verdict {
  const { level, findings } = judge(facts);
  return {
    level,
    sentence: `${LEVEL_NAMES[level]}: ${summary(findings, facts)}.`,
    at: facts.at,
    lookedAt: lookedAt(facts),
    notLookedAt: findings
      .filter((finding) => finding.level === 'unknown')
      .map((finding) => sentenceOf(finding, facts)),
    findings: findings.map((finding) => ({
      rule: finding.rule,
      level: finding.level,
      source: finding.source?.name,
      text: sentenceOf(finding, facts),
    })),
    steps: stepsOf(findings, facts),
  };
}

/** The worst, and then what else there is; without findings, what can be said. */
function summary(findings: readonly VerdictFinding[], facts: SafetyFacts): string {
  if (findings.length === 0) return reassurance(facts);
  const clauses = clausesOf(findings, facts).map((clause) => clause.replace(/[.]$/, ''));
  const shown = clauses.slice(0, MOST_CLAUSES);
  const more = clauses.length - shown.length;
  return shown.join('; ') + (more > 0 ? `; and ${more} more` : '');
}
