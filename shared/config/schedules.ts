import { createHash } from 'node:crypto';
import * as z from 'zod';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../core/units.ts';
import { CronError, schedulerCron } from './scheduler-cron.ts';

const RATE = /^([1-9]\d{0,4}) (minute|hour|day)s?$/;
const UNIT_MS = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS };

const common = {
  /** Names of sources; missing: all. */
  sources: z.array(z.string().min(1)).min(1).optional(),
};

/** When to do something: five cron fields in UTC or in a time zone, a rate, or never. */
export const ScheduleConfig = z.union(
  [
    z.literal('off'),
    z.string().min(1),
    z.strictObject({ cron: z.string().min(1), timeZone: z.string().min(1).optional(), ...common }),
    z.strictObject({ rate: z.string().min(1), ...common }),
  ],
  { error: "give 'off', five cron fields, {cron, timeZone?, sources?} or {rate, sources?}" },
);
/** A schedule as the configuration has it: cron, a rate, or off. */
export type ScheduleSetting = z.infer<typeof ScheduleConfig>;

/** A schedule as EventBridge Scheduler takes it. */
export interface Schedule {
  /** `cron(…)` of six fields, or `rate(…)`. */
  readonly expression: string;
  /** As the configuration has it: five cron fields, or a rate such as `6 hours`. */
  readonly written?: string;
  readonly timeZone: string;
  /** Names; undefined: all. */
  readonly sources: readonly string[] | undefined;
  /** The longest time between two of its runs; 31 days if it names days of the month, or months. */
  readonly intervalMs: number;
  /** Nobody has set it, so each source gets a minute of its own within the hour. */
  readonly isDefault?: boolean;
}

const HOUR_MINUTES = 60;

/**
 * When a schedule fires for a source. In a default schedule the minute depends only on the source's name: the
 * sources of a deployment do not all begin at once, and adding or removing one moves no other.
 */
export function expressionFor({ expression, isDefault = false }: Schedule, source: string): string {
  if (!isDefault) return expression;
  const minute = createHash('sha256').update(source).digest().readUInt32BE(0) % HOUR_MINUTES;
  return expression.replace(/^cron\(\d+ /, `cron(${minute} `);
}

/** The same for people: in the configuration's words, if it sets the schedule. */
export function writtenFor(schedule: Schedule, source: string): string {
  return (schedule.isDefault ? undefined : schedule.written) ?? expressionFor(schedule, source);
}

/**
 * @param place names the setting in `problems`
 * @returns undefined if it is off, or wrong
 */
export function resolveSchedule(
  setting: ScheduleSetting,
  place: string,
  problems: string[],
): Schedule | undefined {
  if (setting === 'off') return undefined;
  const given = typeof setting === 'string' ? { cron: setting } : setting;
  const { sources } = given as { readonly sources?: readonly string[] };
  if ('rate' in given) {
    const [, count, unit] = RATE.exec(given.rate) ?? [];
    if (count !== undefined && unit !== undefined)
      return {
        expression: `rate(${count} ${unit}${count === '1' ? '' : 's'})`,
        written: given.rate,
        timeZone: 'UTC',
        sources,
        intervalMs: Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS],
      };
    problems.push(`${place} is '${given.rate}'; give a number of minutes, hours or days, such as '6 hours'`);
    return undefined;
  }
  const { cron, timeZone = 'UTC' } = given as { readonly cron: string; readonly timeZone?: string };
  if (!isTimeZone(timeZone))
    problems.push(`${place}.timeZone is '${timeZone}'; give a name such as Europe/Berlin`);
  try {
    const expression = schedulerCron(cron);
    return { expression, written: cron, timeZone, sources, intervalMs: intervalOf(expression) };
  } catch (error) {
    if (!(error instanceof CronError)) throw error;
    problems.push(`${place} is '${cron}': it ${error.message}`);
    return undefined;
  }
}

const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const WEEK_MS = 7 * DAY_MS;

/** @param expression `cron(…)` of six fields, each `*`, `?` or a list of values */
function intervalOf(expression: string): number {
  const [minutes = '', hours = '', day, month, weekdays = ''] = expression
    .slice('cron('.length, -1)
    .split(' ');
  if ((day !== '*' && day !== '?') || month !== '*') return 31 * DAY_MS;
  const valuesOf = (text: string, count: number) =>
    text === '*' ? Array.from({ length: count }, (_, i) => i) : text.split(',').map(Number);
  const days = weekdays === '?' || weekdays === '*' ? WEEKDAYS : weekdays.split(',');
  const starts = days.flatMap((name) =>
    valuesOf(hours, 24).flatMap((hour) =>
      valuesOf(minutes, 60).map(
        (minute) => WEEKDAYS.indexOf(name) * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS,
      ),
    ),
  );
  const sorted = starts.toSorted((a, b) => a - b);
  const after = (i: number) => sorted[i + 1] ?? (sorted[0] ?? 0) + WEEK_MS;
  return Math.max(...sorted.map((at, i) => after(i) - at));
}

function isTimeZone(name: string): boolean {
  // UTC, the usual one, is answered without a formatter: the first takes 30 ms, as it loads ICU's data for
  // all locales.
  if (name === 'UTC') return true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
