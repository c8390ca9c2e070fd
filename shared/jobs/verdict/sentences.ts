import { backupName } from '../../core/backup-words.ts';
import { age, span } from '../../core/human.ts';
import type { BackupKey } from '../../core/ids.ts';
import { number, plural } from '../../core/plural.ts';
import type { Expectation } from './expectation.ts';
import type { CopyFacts, SafetyFacts, SourceFacts } from './facts.ts';
import { type Level, mostUnprovenMs, type RuleName, type VerdictFinding } from './rules.ts';

/** What each level is called. */
export const LEVEL_NAMES: Readonly<Record<Level, string>> = {
  protected: 'Protected',
  unknown: 'Unknown',
  'at-risk': 'At risk',
  unprotected: 'Unprotected',
};

const BASES: Readonly<Record<Expectation['basis'], string>> = {
  rpo: 'by its rpo',
  alarms: 'by aws.alarms.backupAgeHours',
  schedule: 'by its schedule',
  rhythm: 'by its usual interval so far',
  assumed: 'as no schedule is known',
};

const MOST_NAMED = 3;

/** `a, b, c and 2 more`. */
export function listed(names: readonly string[], most = MOST_NAMED): string {
  const shown = names.slice(0, most);
  const more = names.length - shown.length;
  const [last = '', ...before] =
    more > 0 ? [`${number(more)} more`, ...shown.toReversed()] : shown.toReversed();
  return before.length === 0 ? last : `${before.toReversed().join(', ')} and ${last}`;
}

/** How old the newest good backup of a source may be, and what says so. */
export function allowance({ ms, basis }: Expectation): string {
  return `at most ${span(ms)} ${BASES[basis]}`;
}

type SourceSentence = (source: SourceFacts, facts: SafetyFacts) => string;

const backupsOf = (keys: readonly BackupKey[], name: string) =>
  keys.length === 1 ? `A backup of ${name}` : `${plural(keys.length, 'backup')} of ${name}`;
const ageOf = (then: Date, { at }: SafetyFacts) => span(Math.max(0, at.getTime() - then.getTime()));
const tooOld: SourceSentence = ({ name, newestGood, expected }, facts) =>
  `the newest good backup of ${name} is ${newestGood ? ageOf(newestGood.startedAt, facts) : 'missing'} old (${allowance(expected)})`;

const OF_SOURCES: Partial<Readonly<Record<RuleName, SourceSentence>>> = {
  'no-backup': ({ name }) => `${name} was never backed up`,
  'no-good-backup': ({ name, backups }) =>
    `${name} has no good backup: ${backups === 1 ? 'its only one cannot be relied on' : `none of its ${number(backups)} can be relied on`}`,
  'too-old': tooOld,
  late: tooOld,
  'run-failed': ({ name, lastRun }, { at }) =>
    `the last backup of ${name} failed ${lastRun ? age(lastRun.at, at) : ''}${lastRun?.code === undefined ? '' : ` (${lastRun.code})`}`,
  'run-given-up': ({ name, lastRun }, { at }) =>
    `the last backup of ${name} began ${lastRun ? age(lastRun.at, at) : ''} and stopped without a trace: its process died`,
  damaged: ({ name, failed }) =>
    `verification found damage in ${failed.length === 1 ? 'a backup' : plural(failed.length, 'backup')} of ${name}: ${listed(failed.map(backupName))}`,
  suspect: ({ name, waiting }) =>
    `${backupsOf(waiting, name)} ${waiting.length === 1 ? 'is' : 'are'} suspect: ${listed(waiting.map(backupName))}`,
  'imported-only': ({ name }) => `${name} has only imported backups: it was never read itself`,
  misdated: ({ name, misdated }) =>
    `${backupsOf(misdated, name)} ${misdated.length === 1 ? 'is' : 'are'} dated after ${misdated.length === 1 ? 'it was' : 'they were'} stored (${listed(misdated.map(backupName))}): a clock was wrong, or somebody forged ${misdated.length === 1 ? 'it' : 'them'}`,
  uncovered: ({ name, uncovered }) =>
    `a recovery key does not open ${uncovered.length === 1 ? 'a backup' : plural(uncovered.length, 'backup')} of ${name}: ${listed(uncovered.map(backupName))}`,
  'not-locked': ({ name }) =>
    `the newest good backup of ${name} is not locked: somebody could remove what it needs`,
  'changes-none': ({ name }) =>
    `the changes of ${name} were never stored, though it is backed up continuously`,
  'changes-damaged': ({ name, changes }) =>
    `the newest changes of ${name} cannot be trusted: ${changes?.damage ?? ''}`,
  'changes-late': ({ name, changes }, facts) =>
    `the changes of ${name} are stored up to ${changes?.reachedAt ? ageOf(changes.reachedAt, facts) : ''} ago (at most ${span(changes?.allowedMs ?? 0)} by continuous.rpo)`,
  'changes-paused': ({ name }) => `continuous backup of ${name} is paused, and its server keeps the log`,
  'changes-no-base': ({ name, changes }) =>
    `the newest changes of ${name} cannot be restored: ${changes?.baseDue ?? ''}`,
  'changes-uncovered': ({ name }) => `a recovery key does not open the newest changes of ${name}`,
  'changes-unread': ({ name, changes }) =>
    `could not find out whether the changes of ${name} are stored: ${changes?.problem ?? ''}`,
  'drill-failed': ({ name, drillOutcome }) => `the last drill of ${name} ended with '${drillOutcome}'`,
  'changes-differ': ({ name, proof }) =>
    `${backupName(proof?.backup ?? '')} of ${name} differs from the backup before it plus the changes stored between them, in ${plural(proof?.differing ?? 0, 'row')} of ${plural(proof?.datasets ?? 0, 'dataset')}`,
  'proof-failed': ({ name, proof }) =>
    `the stored changes of ${name} could not be compared with ${backupName(proof?.backup ?? '')}${proof?.error === undefined ? '' : ` (${proof.error})`}`,
  'proof-old': (source, facts) =>
    `no backup of ${source.name} was compared with its stored changes for ${source.unprovenSince ? ageOf(source.unprovenSince, facts) : ''} (at most ${span(mostUnprovenMs(source))})`,
  'verification-old': (source, facts) =>
    proofOld(source, { at: source.verifiedAt, what: 'verified in full', ms: facts.allowed.verifyMs }, facts),
  'drill-old': (source, facts) =>
    proofOld(source, { at: source.drilledAt, what: 'restored in a drill', ms: facts.allowed.drillMs }, facts),
};

function proofOld(
  { name }: SourceFacts,
  { at, what, ms }: { readonly at: Date | undefined; readonly what: string; readonly ms: number },
  facts: SafetyFacts,
): string {
  const last =
    at === undefined
      ? `no backup of ${name} was ever ${what}`
      : `${name} was last ${what} ${age(at, facts.at)}`;
  return `${last} (at most ${span(ms)})`;
}

function copySentence(
  rule: RuleName,
  { name, missing, missingSegments = 0, problem, oldestMissingAt }: CopyFacts,
  facts: SafetyFacts,
) {
  if (rule === 'copy-unseen') return `it is not known what the second place ${name} has: ${problem}`;
  const since = oldestMissingAt ? ageOf(oldestMissingAt, facts) : '';
  const what = [
    ...(missing > 0 ? [plural(missing, 'backup')] : []),
    ...(missingSegments > 0 ? [plural(missingSegments, 'change segment')] : []),
  ];
  return `${what.join(' and ')} ${missing + missingSegments === 1 ? 'is' : 'are'} missing in the second place ${name}, for ${since} (at most ${span(facts.allowed.copyMs)})`;
}

const OF_REPOSITORY: Partial<Readonly<Record<RuleName, (facts: SafetyFacts) => string>>> = {
  empty: () => 'there is no backup yet, and no source is configured',
  'damaged-manifests': ({ damaged }) =>
    `${plural(damaged, 'manifest')} cannot be trusted, so ${damaged === 1 ? 'its source is' : 'their sources are'} not known`,
  'switched-off': () => 'ENABLE_BACKUPS is false, so no backups are made',
};

/** A finding in words, without an end, as part of a sentence. */
export function clauseOf({ rule, source, copy, text }: VerdictFinding, facts: SafetyFacts): string {
  if (source) return OF_SOURCES[rule]?.(source, facts) ?? rule;
  if (copy) return copySentence(rule, copy, facts);
  return text ?? OF_REPOSITORY[rule]?.(facts) ?? rule;
}

/** All sources that were never backed up share one clause. */
export function clausesOf(findings: readonly VerdictFinding[], facts: SafetyFacts): string[] {
  const never = findings.flatMap(({ rule, source }) => (rule === 'no-backup' && source ? [source.name] : []));
  const others = findings
    .filter(({ rule }) => rule !== 'no-backup')
    .map((finding) => clauseOf(finding, facts));
  if (never.length === 0) return others;
  return [`${listed(never, 10)} ${never.length === 1 ? 'was' : 'were'} never backed up`, ...others];
}

/** What can be said about sources without findings: no more than was checked. */
export function reassurance({ sources, at, allowed }: SafetyFacts): string {
  const judged = sources.filter(({ isConfigured }) => isConfigured);
  const oldest = judged.toSorted((a, b) => startOf(a) - startOf(b))[0];
  if (!oldest?.newestGood) return 'nothing is known about any source';
  const { name, newestGood, expected } = oldest;
  const when = age(newestGood.startedAt, at);
  const begins =
    judged.length === 1
      ? `the newest good backup of ${name} was made ${when} (${allowance(expected)})`
      : `each of ${number(judged.length)} sources has a recent enough good backup, the oldest made ${when} (${name})`;
  const proofs = [
    ...(judged.every(({ verifiedAt }) => verifiedAt) ? [`verified within ${span(allowed.verifyMs)}`] : []),
    ...(judged.every(({ drilledAt }) => drilledAt)
      ? [`restored in a drill within ${span(allowed.drillMs)}`]
      : []),
  ];
  return proofs.length === 0 ? begins : `${begins}; ${proofs.join(', ')}`;
}

function startOf({ newestGood }: SourceFacts): number {
  return newestGood?.startedAt.getTime() ?? 0;
}

/** What was checked, in words. */
export function lookedAt({
  manifests,
  isProven,
  sources,
  runs,
  copies,
  bucketDangers,
  schedulesOff,
}: SafetyFacts): string[] {
  const isLocked = sources.some(({ lockedUntil }) => lockedUntil !== undefined);
  return [
    `${plural(manifests, 'manifest')} and the reports about them${isProven ? '' : ' (without a key: nothing is proven)'}`,
    ...(runs === undefined ? [] : [`the last ${plural(runs, 'run')}`]),
    ...(isLocked ? ['locks of the newest good backups'] : []),
    ...sources.flatMap(({ name, changes }) =>
      changes && !changes.problem ? [`the newest changes of ${name}`] : [],
    ),
    ...(copies === undefined ? [] : copies.map(({ name }) => `the list of the second place ${name}`)),
    ...(bucketDangers === undefined ? [] : ["the bucket's rules"]),
    ...(schedulesOff === undefined ? [] : ['the schedules on AWS']),
  ];
}

/** A finding as a sentence. A name keeps its spelling. */
export function sentenceOf(finding: VerdictFinding, facts: SafetyFacts): string {
  const clause = clauseOf(finding, facts);
  const isName = finding.source !== undefined && clause.startsWith(`${finding.source.name} `);
  const begin = isName ? clause.slice(0, 1) : clause.slice(0, 1).toUpperCase();
  return `${begin}${clause.slice(1)}${/[.!?]$/.test(clause) ? '' : '.'}`;
}
