import { HoldfastError } from '../../core/errors.ts';

const MOMENT = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$/;

/**
 * A moment as somebody writes it: `2026-11-29 10:15`, `2026-11-29T10:15:30.25+01`. Without a zone, UTC is not guessed: it is refused.
 *
 * @returns ISO in UTC with microseconds; all of a minute or second that is not said counts from its start
 * @throws E_USAGE
 */
export function parseMoment(text: string): string {
  const [, day, minutes, seconds = '00', fraction = '', zone] = MOMENT.exec(text.trim()) ?? [];
  if (day === undefined || minutes === undefined) throw refusal(`'${text.slice(0, 80)}' is not a moment`);
  if (zone === undefined) throw refusal(`'${text}' does not say its time zone`);
  const offset = zone === 'Z' ? 'Z' : wholeOffset(zone);
  const at = new Date(`${day}T${minutes}:${seconds}${offset}`);
  const isReal = !Number.isNaN(at.getTime()) && Number(day.slice(8)) === dayIn(`${day}T00:00:00Z`);
  if (!isReal) throw refusal(`there is no moment '${text}'`);
  return `${at.toISOString().slice(0, 19)}.${fraction.padEnd(6, '0')}Z`;
}

/** `+01` and `+0130` as `+01:00` and `+01:30`. */
function wholeOffset(zone: string): string {
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  return `${zone[0]}${digits.slice(0, 2)}:${digits.slice(2)}`;
}

/** The day of the month, which is another one if there is no such day. */
function dayIn(iso: string): number {
  return new Date(iso).getUTCDate();
}

function refusal(problem: string): HoldfastError {
  return new HoldfastError('E_USAGE', problem, {
    hint: "Give a date, a time and a zone, such as --at '2026-11-29 10:15:30+01' or '2026-11-29T09:15:30Z'; or --at latest.",
  });
}
