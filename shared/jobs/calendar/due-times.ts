import type { Schedule } from '../../config/schedules.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../core/units.ts';

/** A moment at which a schedule fires. */
export interface DueTime {
  readonly at: number;
  /** Its place in the schedule, by local time: weekday and time, or day of the month and time. */
  readonly slot: string;
}

/** Fields of a schedule, each with all its values. */
interface Fields {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly isDay: (day: {
    readonly month: number;
    readonly date: number;
    readonly weekday: number;
  }) => boolean;
  /** It names days of the month. */
  readonly isMonthly: boolean;
}

const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
/** More than a year of a schedule that fires every minute; only this many of the newest are returned. */
const MOST_TIMES = 20_000;

/**
 * When a schedule with a `cron(…)` fired, oldest first. As in EventBridge Scheduler: a local time that summer
 * time skips is left out, and one that comes twice fires once.
 *
 * @returns undefined for a `rate(…)`, which has no times of its own
 */
export function dueTimes(
  { expression, timeZone }: Pick<Schedule, 'expression' | 'timeZone'>,
  { from, to }: { readonly from: Date; readonly to: Date },
): readonly DueTime[] | undefined {
  const fields = fieldsOf(expression);
  if (!fields) return undefined;
  const zone = new Zone(timeZone);
  const times: DueTime[] = [];
  // Local days of the most distant zones begin 14 hours earlier and 12 later.
  const last = Math.floor((to.getTime() + DAY_MS) / DAY_MS);
  for (let day = last; day * DAY_MS > from.getTime() - 2 * DAY_MS && times.length < MOST_TIMES; day--) {
    for (const due of timesOfDay(day * DAY_MS, fields, zone))
      if (due.at >= from.getTime() && due.at <= to.getTime()) times.push(due);
  }
  return times.toSorted((a, b) => a.at - b.at);
}

/** @param localMs midnight of a local day, as if it were UTC */
function timesOfDay(localMs: number, { isDay, isMonthly, hours, minutes }: Fields, zone: Zone): DueTime[] {
  const day = new Date(localMs);
  const [weekday, date] = [day.getUTCDay(), day.getUTCDate()];
  if (!isDay({ month: day.getUTCMonth() + 1, date, weekday })) return [];
  const name = isMonthly ? `day ${date}` : `weekday ${weekday}`;
  const toUtc = zone.onDay(localMs);
  return hours.flatMap((hour) =>
    minutes.flatMap((minute) => {
      const at = toUtc(localMs + hour * HOUR_MS + minute * MINUTE_MS);
      return at === undefined ? [] : [{ at, slot: `${name} ${hour}:${minute}` }];
    }),
  );
}

function fieldsOf(expression: string): Fields | undefined {
  const [, minutes = '', hours = '', dates = '', months = '', weekdays = ''] =
    /^cron\((\S+) (\S+) (\S+) (\S+) (\S+) \*\)$/.exec(expression) ?? [];
  if (weekdays === '') return undefined;
  const isIn = (field: string, value: number | string | undefined) =>
    field === '*' || field === '?' || field.split(',').includes(String(value));
  return {
    minutes: valuesOf(minutes, 60),
    hours: valuesOf(hours, 24),
    isDay: ({ month, date, weekday }) =>
      isIn(months, month) && isIn(dates, date) && isIn(weekdays, WEEKDAYS[weekday]),
    isMonthly: dates !== '*' && dates !== '?',
  };
}

function valuesOf(field: string, count: number): number[] {
  return field === '*' ? Array.from({ length: count }, (_, i) => i) : field.split(',').map(Number);
}

/** Converts local times of a zone into moments. */
class Zone {
  readonly #format: Intl.DateTimeFormat | undefined;

  constructor(timeZone: string) {
    this.#format =
      timeZone === 'UTC'
        ? undefined
        : new Intl.DateTimeFormat('en', {
            timeZone,
            hourCycle: 'h23',
            year: 'numeric',
            month: 'numeric',
            day: 'numeric',
            hour: 'numeric',
            minute: 'numeric',
            second: 'numeric',
          });
  }

  /** For local times of that day, as if they were UTC; undefined for a skipped one. */
  onDay(localMs: number): (local: number) => number | undefined {
    const before = this.#offset(localMs - DAY_MS);
    const after = this.#offset(localMs + 2 * DAY_MS);
    if (before === after) return (local) => local - before;
    return (local) => {
      // The earlier of two, if a local time comes twice.
      const found = [Math.max(before, after), Math.min(before, after)].map((offset) => local - offset);
      return found.find((at) => at + this.#offset(at) === local);
    };
  }

  /** How far local time is ahead of UTC. */
  #offset(at: number): number {
    if (!this.#format) return 0;
    const parts = new Map(this.#format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
    const local = Date.UTC(
      part('year'),
      part('month') - 1,
      part('day'),
      part('hour'),
      part('minute'),
      part('second'),
    );
    return local - at;
  }
}
