import type { StatusAnswer } from '../../core/api-status.ts';
import { plural } from '../../core/plural.ts';
import { DAY_MS, HOUR_MS } from '../../core/units.ts';
import type { RepositoryStatus, SourceStatus } from '../../jobs/status.ts';
import { nameOf } from '../parse-backup.ts';

type Verdict = StatusAnswer['verdict'];

/** A good backup older than this is late, of a source that has daily ones. */
const LATE_MS = 26 * HOUR_MS;
const VERIFY_MS = 30 * DAY_MS;
const DRILL_MS = 90 * DAY_MS;

/** Whether all is well, in one sentence, and what to do. */
export function verdictOf(status: RepositoryStatus, now: Date): Verdict {
  const bad = [...manifests(status), ...status.sources.flatMap(lost)];
  const attention = status.sources.flatMap((source) => wanting(source, status, now));
  const steps = [...bad, ...attention, ...unread(status)];
  if (bad.length > 0) return { level: 'bad', sentence: bad[0] ?? '', steps };
  if (steps.length > 0) return { level: 'attention', sentence: steps[0] ?? '', steps };
  return {
    level: 'good',
    sentence: 'All is well: every source has a good backup, verified and drilled.',
    steps: [],
  };
}

function manifests({ backups, damaged }: RepositoryStatus): string[] {
  return [
    ...(backups === 0 ? ['There is no backup yet: make one.'] : []),
    ...(damaged > 0
      ? [`${plural(damaged, 'manifest')} cannot be relied on: bring the objects back from a copy.`]
      : []),
  ];
}

function lost({ source, newestGood, failed, misdated }: SourceStatus): string[] {
  return [
    ...(newestGood ? [] : [`${source.name} has no good backup: make one.`]),
    ...(failed.length > 0
      ? [
          `Verification found damage in ${plural(failed.length, 'backup')} of ${source.name}: back up again, then verify.`,
        ]
      : []),
    ...(misdated.length > 0
      ? [
          `${nameOf(misdated[0] ?? '')} is dated after it was stored: a clock was wrong, or somebody made it up. It does not count.`,
        ]
      : []),
  ];
}

function wanting(of: SourceStatus, { newest }: RepositoryStatus, now: Date): string[] {
  const { source, newestGood, waiting, lastFullVerify, lastDrill } = of;
  if (!newestGood) return [];
  const isDaily = newest.some((one) => one.type === 'daily' && one.source.name === source.name);
  const ageMs = now.getTime() - newestGood.startedAt.getTime();
  const isSince = (at: Date | undefined, ms: number) =>
    at !== undefined && now.getTime() - at.getTime() <= ms;
  return [
    ...(waiting.length > 0
      ? [
          `${plural(waiting.length, 'backup')} of ${source.name} ${waiting.length === 1 ? 'is' : 'are'} suspect: look, then accept or back up again.`,
        ]
      : []),
    ...(newestGood.isImported ? [`${source.name} has no good backup but imported ones: back it up.`] : []),
    ...(isDaily && ageMs > LATE_MS
      ? [
          `The newest good backup of ${source.name} is ${plural(Math.floor(ageMs / HOUR_MS), 'hour')} old: look at its schedule.`,
        ]
      : []),
    ...(lastDrill && lastDrill.outcome !== 'equal'
      ? [`The last drill of ${source.name} ended with '${lastDrill.outcome}': run it again.`]
      : []),
    ...(isSince(lastFullVerify?.at, VERIFY_MS)
      ? []
      : [`${source.name} had no full verification in 30 days: verify ${nameOf(newestGood.key)}.`]),
    ...(isSince(lastDrill?.at, DRILL_MS) ? [] : [`${source.name} had no drill in 90 days: run one.`]),
  ];
}

function unread({ problems }: RepositoryStatus): string[] {
  return problems.length > 0
    ? [`${plural(problems.length, 'report')} cannot be believed and not counted: ${problems[0]}`]
    : [];
}
