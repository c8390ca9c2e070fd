import { DAY_MS, HOUR_MS } from '../shared/core/units.ts';
import { type BucketCheck, bucketWarnings } from '../shared/jobs/bucket-rules.ts';
import type { CopyStanding } from '../shared/jobs/copy/copy-lag.ts';
import type { RepositoryStatus } from '../shared/jobs/status.ts';
import { age, plural, shortKey } from './format.ts';
import { recoveryWarnings } from './recovery-warnings.ts';

/** A daily backup that is older than this is late. */
const LATE_MS = 26 * HOUR_MS;
/** Every byte should have been read again within this. */
const VERIFY_DAYS = 30;
const DRILL_DAYS = 90;

type SourceStatus = RepositoryStatus['sources'][number];

/** What to do next, the most urgent first. */
export function nextSteps(
  {
    bucket,
    copies = [],
    backups,
    damaged,
    newest,
    sources,
    problems,
    recovery,
  }: RepositoryStatus & { readonly bucket?: BucketCheck; readonly copies?: readonly CopyStanding[] },
  now: Date,
): string[] {
  const unsafe = bucket ? bucketSteps(bucket) : [];
  if (backups === 0) return [...unsafe, 'Make the first backup: holdfast backup daily --source postgres://…'];
  const late = newest.filter(
    ({ type, startedAt }) => type === 'daily' && daysSince(startedAt, now) > LATE_MS / DAY_MS,
  );
  const steps = [
    ...unsafe,
    ...(damaged > 0
      ? ['A manifest is damaged: run `holdfast list`, and bring the object back from a copy.']
      : []),
    ...(problems.length > 0
      ? [
          `${plural(problems.length, 'report')} cannot be believed and ${problems.length === 1 ? 'is' : 'are'} not counted: ${problems[0]}`,
        ]
      : []),
    ...sources.flatMap((source) => stepsFor(source)),
    ...recoveryWarnings(recovery).map((warning) => `${warning}.`.replace(/^r/, 'R')),
    ...late.map(
      ({ source, startedAt }) =>
        `The newest daily backup of ${source.name} is ${age(startedAt, now).replace(' ago', '')} old: look at its schedule.`,
    ),
    ...copies.flatMap(copySteps),
    ...sources.flatMap((source) => proofsFor(source, now)),
  ];
  return steps.length > 0 ? steps : ['Nothing: all is well.'];
}

function bucketSteps(bucket: BucketCheck): string[] {
  return bucketWarnings(bucket).map((warning) => `The bucket: ${warning}.`);
}

function copySteps({ name, missing, problem }: CopyStanding): string[] {
  if (problem !== undefined) return [`Nobody knows what the second place ${name} has: ${problem}`];
  if (missing.length === 0) return [];
  return [
    `${plural(missing.length, 'backup')} ${missing.length === 1 ? 'is' : 'are'} not in ${name} yet: holdfast copy ${name}`,
  ];
}

function stepsFor({ source, newestGood, waiting, failed }: SourceStatus): string[] {
  const [suspect] = waiting;
  const [broken] = failed;
  return [
    ...(newestGood ? [] : [`${source.name} has no good backup: make one.`]),
    ...(newestGood?.isImported ? [`${source.name} has no good backup but imported ones: back it up.`] : []),
    ...(suspect
      ? [
          `${plural(waiting.length, 'backup')} of ${source.name} ${waiting.length === 1 ? 'is' : 'are'} suspect, and prune removes nothing of it: look with \`holdfast show ${shortKey(suspect)}\`; where it is as it should be: holdfast accept ${waiting.map(shortKey).join(' ')} --reason "…"`,
        ]
      : []),
    ...(broken
      ? [
          `Verification found damage in ${failed.map(shortKey).join(', ')} of ${source.name}: back up again, which stores what is missing from the live source, then verify.`,
        ]
      : []),
  ];
}

function proofsFor({ source, newestGood, lastFullVerify, lastDrill }: SourceStatus, now: Date): string[] {
  if (!newestGood) return [];
  const isVerified = lastFullVerify && daysSince(lastFullVerify.at, now) <= VERIFY_DAYS;
  const isDrilled = lastDrill && daysSince(lastDrill.at, now) <= DRILL_DAYS;
  const drilled = lastDrill ? `no drill in ${DRILL_DAYS} days` : 'no drill yet';
  return [
    ...(isVerified
      ? []
      : [
          `${source.name}: no full verification in ${VERIFY_DAYS} days: holdfast verify ${shortKey(newestGood.key)} --full`,
        ]),
    ...(isDrilled ? [] : [`${source.name}: ${drilled}: holdfast drill ${shortKey(newestGood.key)}`]),
    ...(lastDrill && lastDrill.outcome !== 'equal'
      ? [`${source.name}: the last drill ended with '${lastDrill.outcome}': run it again.`]
      : []),
  ];
}

function daysSince(then: Date, now: Date): number {
  return (now.getTime() - then.getTime()) / DAY_MS;
}
