import type { BackupKey } from '../../core/ids.ts';
import { plural } from '../../core/plural.ts';
import type { SafetyFacts, SourceFacts } from './facts.ts';
import type { Finding, RuleName } from './rules.ts';
import { sentenceOf } from './sentences.ts';

/** What can be begun at once: a button of the console, a command of the command line. */
export type StepAction =
  | { readonly kind: 'backup'; readonly source: string }
  | { readonly kind: 'verify'; readonly backup: BackupKey }
  | { readonly kind: 'drill'; readonly source: string; readonly backup: BackupKey }
  | { readonly kind: 'accept'; readonly backups: readonly BackupKey[] }
  | { readonly kind: 'lock' }
  | { readonly kind: 'copy'; readonly place: string };

/** Something to do. */
export interface Step {
  readonly text: string;
  readonly action: StepAction | undefined;
}

const backUp = ({ name }: SourceFacts): StepAction => ({ kind: 'backup', source: name });
const verify = ({ newestGood }: SourceFacts): StepAction | undefined =>
  newestGood && { kind: 'verify', backup: newestGood.key };
const drill = ({ name, newestGood }: SourceFacts): StepAction | undefined =>
  newestGood && { kind: 'drill', source: name, backup: newestGood.key };

interface Remedy {
  /** What follows the finding, as a sentence of its own. */
  readonly text: string;
  readonly action?: (source: SourceFacts) => StepAction | undefined;
}

const OF_SOURCES: Partial<Readonly<Record<RuleName, Remedy>>> = {
  'no-backup': { text: 'Back it up.', action: backUp },
  'no-good-backup': { text: 'Back it up.', action: backUp },
  'too-old': { text: 'Back it up, and look at its schedule.', action: backUp },
  late: { text: 'Back it up, and look at its schedule.', action: backUp },
  'run-failed': { text: 'Look at the run, mend what it names, and back up again.', action: backUp },
  'run-given-up': { text: 'Back up again.', action: backUp },
  damaged: {
    text: 'Back up again, which stores what is missing from the live source; then verify.',
    action: backUp,
  },
  suspect: {
    text: 'Prune removes nothing of the source meanwhile. Look at what changed; accept it if it is as it should be.',
    action: ({ waiting }) => ({ kind: 'accept', backups: waiting }),
  },
  'imported-only': { text: 'Back it up.', action: backUp },
  misdated: { text: 'It does not count. Set the clock right.' },
  uncovered: { text: 'Run `holdfast rekey --complete-recovery`.' },
  'not-locked': { text: 'Lock it.', action: () => ({ kind: 'lock' }) },
  'drill-failed': { text: 'Look at its report, and drill again.', action: drill },
  'verification-old': { text: 'Verify it.', action: verify },
  'drill-old': { text: 'Drill it.', action: drill },
};

const OF_REPOSITORY: Partial<Readonly<Record<RuleName, string>>> = {
  empty: 'Write sources into the configuration, and back up.',
  'damaged-manifests': 'See which with `holdfast list`, and bring the objects back from a copy.',
  'switched-off': 'Remove the variable.',
  'copy-behind': 'Copy them.',
};

/** What to do about each finding, then what is not urgent. */
export function stepsOf(findings: readonly Finding[], facts: SafetyFacts): Step[] {
  return [...findings.map((finding) => stepFor(finding, facts)), ...adviceOf(facts, findings)];
}

function stepFor(finding: Finding, facts: SafetyFacts): Step {
  const { rule, source, copy } = finding;
  const remedy = source ? OF_SOURCES[rule] : undefined;
  const what = sentenceOf(finding, facts);
  const then = remedy?.text ?? OF_REPOSITORY[rule];
  return {
    text: then === undefined ? what : `${what} ${then}`,
    action: copy ? { kind: 'copy', place: copy.name } : source && remedy?.action?.(source),
  };
}

/** Proofs that were never made, and copies that have still time. */
function adviceOf({ sources, copies = [] }: SafetyFacts, findings: readonly Finding[]): Step[] {
  const isFound = (rule: RuleName, about: unknown) =>
    findings.some((one) => one.rule === rule && (one.source === about || one.copy === about));
  const judged = sources.filter(({ isConfigured, newestGood }) => isConfigured && newestGood);
  return [
    ...judged
      .filter((source) => !source.verifiedAt && !isFound('verification-old', source))
      .map((source) => ({
        text: `No backup of ${source.name} was ever verified in full. Verify it.`,
        action: verify(source),
      })),
    ...judged
      .filter((source) => source.drillOutcome === undefined && !isFound('drill-old', source))
      .map((source) => ({
        text: `No backup of ${source.name} was ever restored in a drill. Drill it.`,
        action: drill(source),
      })),
    ...copies
      .filter((copy) => copy.missing > 0 && !isFound('copy-behind', copy))
      .map((copy) => ({
        text: `${plural(copy.missing, 'backup')} ${copy.missing === 1 ? 'is' : 'are'} not in the second place ${copy.name} yet. Copy ${copy.missing === 1 ? 'it' : 'them'}.`,
        action: { kind: 'copy', place: copy.name } as const,
      })),
  ];
}
