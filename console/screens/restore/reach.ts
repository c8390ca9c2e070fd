import type { Changes } from '../changes/answer.ts';

/** A moment that can be restored, and why it is offered. */
export interface Offer {
  readonly at: string;
  readonly says: string;
}

/** Whether a moment can be restored; if not, why, and what is nearest to it. */
export type Reach =
  /** `base`: the backup that it begins with, as far as can be told here. */
  | { readonly isReached: true; readonly base: string }
  | { readonly isReached: false; readonly why: string; readonly offers: readonly Offer[] };

type Stretch = Changes['restorable'][number];

/** What the timeline says of a moment, ISO in UTC. The plan has the last word. */
export function reachOf(moment: string, { restorable, gaps, bases }: Changes): Reach {
  const at = micros(moment);
  const within = restorable.find(({ from, to }) => micros(from) <= at && at <= micros(to));
  if (within) return { isReached: true, base: baseOf(at, within, bases) };
  const [newest, oldest] = [restorable[0], restorable.at(-1)];
  if (!newest || !oldest) return { isReached: false, why: 'No moment can be restored yet.', offers: [] };
  const latest = { at: newest.to, says: 'the latest moment' };
  if (at > micros(newest.to))
    return { isReached: false, why: 'Changes up to then are not stored yet.', offers: [latest] };
  if (at < micros(oldest.from)) {
    const earliest = { at: oldest.from, says: 'the earliest moment' };
    return {
      isReached: false,
      why: 'There is no backup that old to apply changes to.',
      offers: [earliest],
    };
  }
  const gap = gaps.find(({ from, to }) => (from === null || micros(from) < at) && at < micros(to));
  return {
    isReached: false,
    why: `This moment is in a gap: ${gap?.says ?? 'the backup after it came later.'}`,
    offers: nearest(at, restorable),
  };
}

/** The newest before the moment, of the same stretch. Its snapshot was taken a little before the time of its name. */
function baseOf(at: string, { base: oldest }: Stretch, bases: Changes['bases']): string {
  const first = bases.findIndex((base) => micros(base.at) <= at);
  const last = bases.findIndex(({ key }) => key === oldest);
  return first < 0 || first > last ? oldest : (bases[first]?.key ?? oldest);
}

function nearest(at: string, restorable: readonly Stretch[]): readonly Offer[] {
  const before = restorable.find(({ to }) => micros(to) < at);
  const after = restorable.findLast(({ from }) => micros(from) > at);
  return [
    ...(before ? [{ at: before.to, says: 'the last moment before it' }] : []),
    ...(after ? [{ at: after.from, says: 'the first moment after it' }] : []),
  ];
}

/** With six digits, so that texts compare as moments do. */
function micros(moment: string): string {
  const [seconds = '', fraction = ''] = moment.replace(/Z$/, '').split('.');
  return `${seconds}.${fraction.padEnd(6, '0')}Z`;
}

/** A date and a time of the browser's zone as a moment in UTC; undefined if it is none. */
export function momentIn(date: string, time: string): string | undefined {
  const at = new Date(`${date}T${time}`);
  return date === '' || time === '' || Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

/** The fields for a moment, in the browser's zone, without what is less than a second. */
export function fieldsOf(moment: string): { readonly date: string; readonly time: string } {
  const at = new Date(moment);
  const two = (value: number) => String(value).padStart(2, '0');
  return {
    date: `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`,
    time: `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`,
  };
}

const SECOND = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

/** `26 Nov 2026, 10:15:30`, in the browser's zone. */
export function secondText(moment: string): string {
  return SECOND.format(new Date(moment));
}

/** `Europe/Berlin, UTC+01:00` at a moment. */
export function zoneText(moment: string): string {
  const minutes = -new Date(moment).getTimezoneOffset();
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const offset = `UTC${minutes < 0 ? '-' : '+'}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
  return `${Intl.DateTimeFormat().resolvedOptions().timeZone}, ${offset}`;
}
