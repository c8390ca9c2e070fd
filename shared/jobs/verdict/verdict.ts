import type { SafetyFacts } from './facts.ts';
import { judge, type Level, type VerdictFinding } from './rules.ts';
import { clausesOf, LEVEL_NAMES, lookedAt, reassurance, sentenceOf } from './sentences.ts';
import { type Step, stepsOf } from './steps.ts';

/** Clauses of the one sentence. */
const MOST_CLAUSES = 4;

/** Whether one would get one's data back, in words; the same for command line, API, console and watchdog. */
export interface Verdict {
  readonly level: Level;
  /** The level, and what makes it so. */
  readonly sentence: string;
  /** When it was looked. */
  readonly at: Date;
  readonly lookedAt: readonly string[];
  /** What could not be looked at, or not be believed. */
  readonly notLookedAt: readonly string[];
  /** All that was found, the worst first. */
  readonly findings: readonly {
    readonly rule: VerdictFinding['rule'];
    readonly level: VerdictFinding['level'];
    /** The source that it is of, if it is of one. */
    readonly source: string | undefined;
    readonly text: string;
  }[];
  /** What to do, the most urgent first. */
  readonly steps: readonly Step[];
}

/** Goes by the facts alone. */
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

/** What is worst, and then what else there is; without findings, what may be said. */
function summary(findings: readonly VerdictFinding[], facts: SafetyFacts): string {
  if (findings.length === 0) return reassurance(facts);
  const clauses = clausesOf(findings, facts).map((clause) => clause.replace(/[.]$/, ''));
  const shown = clauses.slice(0, MOST_CLAUSES);
  const more = clauses.length - shown.length;
  return shown.join('; ') + (more > 0 ? `; and ${more} more` : '');
}
