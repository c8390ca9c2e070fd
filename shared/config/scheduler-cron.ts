/** Why EventBridge Scheduler cannot take five cron fields. */
export class CronError extends Error {}

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Three letters each; the first stands for `min`. */
  readonly words?: readonly string[];
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const MINUTE: Field = { name: 'minute', min: 0, max: 59 };
const HOUR: Field = { name: 'hour', min: 0, max: 23 };
const DAY: Field = { name: 'day of the month', min: 1, max: 31 };
const MONTH: Field = { name: 'month', min: 1, max: 12, words: MONTHS };
const WEEKDAY: Field = { name: 'day of the week', min: 0, max: 7, words: DAYS };
const FORM = 'give five fields: minute, hour, day of the month, month, day of the week';
/** The longest expression that Scheduler takes. */
const MOST_CHARACTERS = 256;

/**
 * Converts five cron fields to EventBridge Scheduler's six: `0 3 * * 0` becomes `cron(0 3 ? * SUN *)`.
 *
 * @throws CronError if the fields are not cron, or mean what Scheduler cannot say
 */
export function schedulerCron(text: string): string {
  const fields = text.trim().split(/\s+/);
  const [minute, hour, day, month, weekday, ...others] = fields;
  if (weekday === undefined || others.length > 0) throw new CronError(`has ${fields.length} fields; ${FORM}`);
  const minutes = rendered(minute, MINUTE);
  const hours = rendered(hour, HOUR);
  const days = rendered(day, DAY);
  const months = rendered(month, MONTH);
  const weekdays = weekdaysOf(weekday);
  if (days !== '*' && weekdays !== '*')
    throw new CronError(
      'names days of the month and days of the week; cron means either of them, which EventBridge cannot say. Make two schedules',
    );
  const expression = `cron(${minutes} ${hours} ${weekdays === '*' ? days : '?'} ${months} ${weekdays === '*' ? '?' : weekdays} *)`;
  if (expression.length > MOST_CHARACTERS)
    throw new CronError(
      `becomes ${expression.length} characters for EventBridge, which takes ${MOST_CHARACTERS}`,
    );
  return expression;
}

function rendered(text: string | undefined, field: Field): string {
  const values = valuesOf(text ?? '', field);
  return values === undefined ? '*' : values.join(',');
}

/** By name, as EventBridge numbers days from 1 for Sunday. */
function weekdaysOf(text: string): string {
  const values = valuesOf(text, WEEKDAY);
  if (values === undefined) return '*';
  const days = [...new Set(values.map((value) => value % 7))].sort((a, b) => a - b);
  return days.length === 7 ? '*' : days.map((day) => DAYS[day]).join(',');
}

/** All values that a field names, in order; undefined for all. */
function valuesOf(text: string, field: Field): number[] | undefined {
  if (text === '*') return undefined;
  const values = new Set(text.split(',').flatMap((part) => partOf(part, field)));
  return [...values].sort((a, b) => a - b);
}

const PART = /^(?:(\*)|(\w+)(?:-(\w+))?)(?:\/(\d+))?$/;

function partOf(part: string, field: Field): number[] {
  const match = PART.exec(part);
  if (!match) throw wrong(part, field);
  const [, all, first = '', last, stepText] = match;
  const step = Number(stepText ?? 1);
  if (step < 1 || (stepText !== undefined && !all && last === undefined)) throw wrong(part, field);
  const from = all ? field.min : numberOf(first, field);
  const highest = field === WEEKDAY ? field.max - 1 : field.max;
  const to = all ? highest : numberOf(last ?? first, field);
  if (from > to) throw wrong(part, field);
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);
}

function numberOf(text: string, field: Field): number {
  const word = field.words?.indexOf(text.toUpperCase()) ?? -1;
  const value = word >= 0 ? word + field.min : /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= field.min && value <= field.max) return value;
  throw wrong(text, field);
}

function wrong(text: string, { name, min, max, words }: Field): CronError {
  const names = words ? `, ${words[0]} to ${words.at(-1)}` : '';
  return new CronError(
    `has '${text}' as ${name}; allowed are ${min} to ${max}${names}, *, lists, ranges and steps of them`,
  );
}
