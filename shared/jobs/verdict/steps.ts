import { backupName } from '../../core/backup-words.ts';
import { age } from '../../core/human.ts';
import { plural } from '../../core/plural.ts';
import { commandOf, word } from './commands.ts';
import type { CopyFacts, SafetyFacts, SourceFacts } from './facts.ts';
import type { REPOSITORY_RULES, RuleName, SOURCE_RULES, VerdictFinding } from './rules.ts';
import { sentenceOf } from './sentences.ts';
import type { StepAction } from './step-action.ts';

/** Something to do. */
export interface Step {
  readonly text: string;
  readonly action: StepAction | undefined;
  /** The command that does it, or starts it. */
  readonly command: string;
}

const backUp = ({ name }: SourceFacts): StepAction => ({ kind: 'backup', source: name });
const verify = ({ newestGood }: SourceFacts): StepAction | undefined =>
  newestGood && { kind: 'verify', backup: newestGood.key };
const drill = ({ name, newestGood }: SourceFacts): StepAction | undefined =>
  newestGood && { kind: 'drill', source: name, backup: newestGood.key };
/** The same backup again, with the same options. */
const again = ({ name, lastRun }: SourceFacts): StepAction => ({
  kind: 'backup',
  source: name,
  ...lastRun?.asked,
});

/** What to do about a finding. Each has something to click, or at least to copy. */
interface Remedy<Of> {
  /** Follows the finding, as a sentence of its own. */
  readonly text: string;
  readonly action?: (of: Of) => StepAction | undefined;
  /** If there is no action. */
  readonly command: (of: Of) => string;
}

const DOCTOR = () => 'holdfast doctor';
const backupOf = (source: SourceFacts) => commandOf(backUp(source));
const pitr =
  (command: 'doctor' | 'prove' | 'resume' | 'status') =>
  ({ name }: SourceFacts) =>
    `holdfast pitr ${command} --source ${word(name)}`;
const HAVE_BACKED_UP = { action: backUp, command: backupOf };

const OF_SOURCES: Readonly<Record<keyof typeof SOURCE_RULES, Remedy<SourceFacts>>> = {
  'no-backup': { text: 'Back it up.', ...HAVE_BACKED_UP },
  'no-good-backup': { text: 'Back it up.', ...HAVE_BACKED_UP },
  'too-old': { text: 'Back it up, and check its schedule.', ...HAVE_BACKED_UP },
  late: { text: 'Back it up, and check its schedule.', ...HAVE_BACKED_UP },
  'run-failed': {
    text: 'Look at the run, fix what it names, and back up again.',
    action: again,
    command: backupOf,
  },
  'run-given-up': { text: 'Back up again.', action: again, command: backupOf },
  damaged: {
    text: 'Back up again, which stores what is missing from the live source; then verify.',
    action: (source) => (source.isConfigured ? backUp(source) : undefined),
    command: ({ failed: [first] }) => `holdfast repair ${first ? backupName(first) : 'latest'}`,
  },
  suspect: {
    text: 'Until then, prune removes nothing of the source. Check what changed; accept it if it is as it should be.',
    action: ({ waiting }) => ({ kind: 'accept', backups: waiting }),
    command: ({ waiting }) => commandOf({ kind: 'accept', backups: waiting }),
  },
  'imported-only': { text: 'Back it up.', ...HAVE_BACKED_UP },
  misdated: {
    text: 'It does not count. Set the clock right.',
    command: ({ misdated: [first] }) => `holdfast show ${first ? backupName(first) : 'latest'}`,
  },
  uncovered: {
    text: 'Cover it with the recovery key.',
    command: () => 'holdfast rekey --complete-recovery',
  },
  'not-locked': {
    text: 'Lock it.',
    action: () => ({ kind: 'lock' }),
    command: () => commandOf({ kind: 'lock' }),
  },
  'changes-none': { text: 'Set up continuous backup, then start the poller.', command: pitr('doctor') },
  'changes-damaged': {
    text: 'Restore the object from a copy, or back up again: later moments can then be restored.',
    command: pitr('status'),
  },
  'changes-late': { text: 'Check why it is not being polled.', command: pitr('status') },
  'changes-paused': { text: 'Resume it.', command: pitr('resume') },
  'changes-no-base': { text: 'Back it up.', ...HAVE_BACKED_UP },
  'changes-uncovered': {
    text: 'Cover them with the recovery key.',
    command: () => 'holdfast rekey --complete-recovery',
  },
  'changes-unread': { text: 'Find out what prevents it.', command: pitr('status') },
  'drill-failed': { text: 'Look at its report, and drill again.', action: drill, command: backupOf },
  'changes-differ': {
    text: 'Moments between the two cannot be trusted; later ones can. The report names the rows.',
    command: ({ proof }) => `holdfast show ${backupName(proof?.report ?? '')}`,
  },
  'proof-failed': {
    text: 'Look at its report, then compare it again.',
    command: ({ proof }) => `holdfast pitr prove ${backupName(proof?.backup ?? 'latest')}`,
  },
  'proof-old': { text: 'Find out why, and prove the newest one.', command: pitr('prove') },
  'verification-old': { text: 'Verify it.', action: verify, command: backupOf },
  'drill-old': { text: 'Drill it.', action: drill, command: backupOf },
};

const OF_REPOSITORY: Readonly<Record<keyof typeof REPOSITORY_RULES, Remedy<CopyFacts | undefined>>> = {
  empty: {
    text: 'Add sources to the configuration, and back up.',
    command: () => 'holdfast backup',
  },
  'damaged-manifests': {
    text: 'Find out which, and restore the objects from a copy.',
    command: () => 'holdfast list',
  },
  'switched-off': { text: 'Remove the variable.', command: () => 'unset ENABLE_BACKUPS' },
  bucket: { text: 'Remove the rule from the bucket.', command: DOCTOR },
  'schedule-off': { text: 'Turn it on, or deploy again.', command: DOCTOR },
  'copy-behind': { text: 'Copy them.', ...copying() },
  'copy-unseen': {
    text: 'Find out what prevents it.',
    command: (copy) => `${copyCommand(copy)} --dry-run`,
  },
  unread: { text: 'Find out what prevents it.', command: DOCTOR },
};

function copying() {
  return {
    action: (copy: CopyFacts | undefined): StepAction => ({ kind: 'copy', place: copy?.name ?? '' }),
    command: copyCommand,
  };
}

function copyCommand(copy: CopyFacts | undefined): string {
  return commandOf({ kind: 'copy', place: copy?.name ?? '' });
}

/** What to do about each finding, then less urgent steps. */
export function stepsOf(findings: readonly VerdictFinding[], facts: SafetyFacts): Step[] {
  return [...findings.map((finding) => stepFor(finding, facts)), ...adviceOf(facts, findings)];
}

function stepFor(finding: VerdictFinding, facts: SafetyFacts): Step {
  const { source, copy } = finding;
  const what = sentenceOf(finding, facts);
  return source
    ? step(what, OF_SOURCES[finding.rule as keyof typeof SOURCE_RULES], source)
    : step(what, OF_REPOSITORY[finding.rule as keyof typeof REPOSITORY_RULES], copy);
}

function step<Of>(what: string, remedy: Remedy<Of>, of: Of): Step {
  const action = remedy.action?.(of);
  return {
    text: `${what} ${remedy.text}`,
    action,
    command: action ? commandOf(action) : remedy.command(of),
  };
}

/** Proofs that were never made, copies that still have time, and channels that could not be reached. */
function adviceOf(
  { sources, copies = [], failingChannels = [], at }: SafetyFacts,
  findings: readonly VerdictFinding[],
): Step[] {
  const isFound = (rule: RuleName, about: unknown) =>
    findings.some((one) => one.rule === rule && (one.source === about || one.copy === about));
  const judged = sources.filter(({ isConfigured, newestGood }) => isConfigured && newestGood);
  return [
    ...judged
      .filter((source) => !source.verifiedAt && !isFound('verification-old', source))
      .map((source) =>
        step(
          `No backup of ${source.name} was ever verified in full.`,
          OF_SOURCES['verification-old'],
          source,
        ),
      ),
    ...judged
      .filter((source) => source.drillOutcome === undefined && !isFound('drill-old', source))
      .map((source) =>
        step(`No backup of ${source.name} was ever restored in a drill.`, OF_SOURCES['drill-old'], source),
      ),
    ...copies
      .filter((copy) => copy.missing > 0 && !isFound('copy-behind', copy))
      .map((copy) => {
        const one = copy.missing === 1;
        const what = `${plural(copy.missing, 'backup')} ${one ? 'is' : 'are'} not in the second place ${copy.name} yet.`;
        return step(what, { text: `Copy ${one ? 'it' : 'them'}.`, ...copying() }, copy);
      }),
    ...failingChannels.map(({ name, at: then, problem }) => ({
      text: `The channel ${name} could not be reached ${age(then, at)}: ${problem.replace(/[.]$/, '')}. Fix it, and send a test.`,
      action: undefined,
      command: `holdfast notifications test ${name}`,
    })),
  ];
}
