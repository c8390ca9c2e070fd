import type { ResolvedConfig } from '../../config/config.ts';
import type { RetentionPolicy } from '../../config/retention.ts';
import { expressionFor, type Schedule } from '../../config/schedules.ts';
import { parseBackupKey } from '../../core/ids.ts';
import { DAY_MS } from '../../core/units.ts';
import type { PruneHistory } from '../retention/prune-history.ts';
import type { BackupSummary } from '../status/list.ts';
import { rhythmOf, schedulesOf } from '../verdict/expectation.ts';
import type { RunFacts } from '../verdict/facts-of.ts';
import { type Attempt, dateOf, type ExpectationOfDays, expectedDays, keptFor } from './expected-days.ts';
import type { Regular } from './regular-days.ts';

/** 53 weeks. */
export const CALENDAR_DAYS = 371;

/** What a calendar is computed from. */
export interface CalendarInput {
  readonly config: Pick<ResolvedConfig, 'sources' | 'aws'>;
  readonly runsDefaults: boolean;
  readonly policy: RetentionPolicy;
  /** By their configured names, like runs and prunes. */
  readonly backups: readonly BackupSummary[];
  readonly runs: Pick<RunFacts, 'tried'>;
  readonly prunes: PruneHistory;
  readonly now: Date;
}

/** What a day had, besides the listed backups. */
export interface CalendarDay {
  readonly due: number;
  readonly missed: number;
  /** Backups that were made, but removed by retention. */
  readonly removed: number;
}

/** One source: what was due on each day, and what is there. */
export interface Calendar {
  readonly source: { readonly kind: string; readonly name: string };
  /** What says when backups are due: schedules, or their usual rhythm. */
  readonly basis: 'schedule' | 'rhythm' | 'none';
  /** The first day for which it is known whether a backup was due. */
  readonly since: string | undefined;
  /** By UTC date; days on which nothing was due or removed are left out. */
  readonly days: ReadonlyMap<string, CalendarDay>;
}

/**
 * For each source that is configured or has backups: when backups were due in the last 53 weeks, and were not
 * made.
 */
export function calendarsOf(input: CalendarInput): readonly Calendar[] {
  const { config, backups } = input;
  const stored = backups.filter(({ state }) => state !== 'damaged').map(({ source }) => source);
  const sources = new Map(
    [...config.sources, ...stored].map(({ kind, name }) => [name, { kind, name }] as const),
  );
  return [...sources.values()].map((source) => calendarOf(source, input));
}

function calendarOf(source: Calendar['source'], input: CalendarInput): Calendar {
  const { policy, prunes, now } = input;
  const { name } = source;
  const made = input.backups.filter(
    (one) => one.state !== 'damaged' && !one.isMisdated && !one.imported && one.source.name === name,
  );
  const removed = attemptsOf(prunes.removed.get(name) ?? []);
  const attempts: Attempt[] = [
    ...made.map(({ type, startedAt }) => ({ type, at: startedAt })),
    ...removed,
    ...attemptsOf(prunes.removedOfUnknown),
    ...input.runs.tried.filter((one) => one.source === name),
  ];
  const expectation = {
    ...expectationsOf(name, made, input),
    attempts,
    isKnown: (type: string | null, at: number) =>
      prunes.isEmpty ||
      (prunes.announcedSince !== undefined && at >= prunes.announcedSince.getTime()) ||
      now.getTime() - at < keptFor(policy, type),
  };
  const from = new Date(now.getTime() - CALENDAR_DAYS * DAY_MS);
  const { since, days } = expectedDays(expectation, { from, now });
  const gone = Map.groupBy(removed, ({ at }) => dateOf(at.getTime()));
  const due = new Map(days.map((day) => [day.date, day]));
  const dates = [...due.keys(), ...gone.keys()].filter((date) => date >= dateOf(from.getTime()));
  return {
    source,
    basis: expectation.basis,
    since,
    days: new Map(
      dates.map((date) => [
        date,
        {
          due: due.get(date)?.due ?? 0,
          missed: due.get(date)?.missed ?? 0,
          removed: gone.get(date)?.length ?? 0,
        },
      ]),
    ),
  };
}

type Expectations = Pick<ExpectationOfDays, 'timed' | 'regular'> & Pick<Calendar, 'basis'>;

/** As in the verdict: schedules, and without one the rhythm. */
function expectationsOf(
  name: string,
  made: readonly BackupSummary[],
  { config, runsDefaults }: CalendarInput,
): Expectations {
  const types = new Set(made.map(({ type }) => type));
  const schedules = schedulesOf({ name, config, runsDefaults, types });
  if (schedules.length > 0) return { basis: 'schedule', ...bySchedules(name, schedules, runsDefaults) };
  const everyMs = rhythmOf(made.map(({ startedAt }) => startedAt));
  return everyMs === undefined
    ? { basis: 'none', timed: {}, regular: [] }
    : { basis: 'rhythm', timed: {}, regular: [{ type: null, everyMs }] };
}

function bySchedules(
  name: string,
  schedules: readonly (readonly [type: string, schedule: Schedule])[],
  runsDefaults: boolean,
): Pick<ExpectationOfDays, 'timed' | 'regular'> {
  const timed: Record<string, Pick<Schedule, 'expression' | 'timeZone'>> = {};
  const regular: Regular[] = [];
  for (const [type, schedule] of schedules) {
    const { timeZone, intervalMs, isDefault = false } = schedule;
    const expression = expressionFor(schedule, name);
    // A default schedule fires at its times only if something runs it: otherwise it says how often, not when.
    if (expression.startsWith('cron(') && (!isDefault || runsDefaults))
      timed[type] = { expression, timeZone };
    else regular.push({ type, everyMs: intervalMs });
  }
  return { timed, regular };
}

function attemptsOf(keys: readonly string[]): Attempt[] {
  return keys.flatMap((key) => {
    const parsed = parseBackupKey(key);
    return parsed ? [{ type: parsed.type, at: parsed.startedAt }] : [];
  });
}
