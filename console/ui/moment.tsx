import { signal } from '@preact/signals';
import { age } from '../../shared/core/human.ts';

const TICK_MS = 15_000;
/** Clocks differ, and `now` is some seconds old: a time only slightly ahead counts as now. */
const SKEW_MS = 60_000;

/** The present time, updated as often as ages on the screen need it. */
export const now = signal(new Date());
setInterval(() => {
  now.value = new Date();
}, TICK_MS);

const LOCAL = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});
const SECONDS = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

/** `2026-11-26 02:00:00 UTC`, as the tooltips have it. */
export function utc(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `26 Nov 2026, 02:00`, in the browser's zone. */
export function momentText(at: string): string {
  return LOCAL.format(new Date(at));
}

/** A time in the viewer's zone; in UTC under the pointer. */
export function Moment({ at }: { readonly at: string }) {
  const date = new Date(at);
  return (
    <time dateTime={at} title={utc(date)}>
      {LOCAL.format(date)}
    </time>
  );
}

/** The time of day with seconds: for log lines. */
export function TimeOfDay({ at }: { readonly at: string | Date }) {
  const date = new Date(at);
  return (
    <time dateTime={date.toISOString()} title={utc(date)}>
      {SECONDS.format(date)}
    </time>
  );
}

/** `3 hours ago`, or `in 3 hours`; the time itself under the pointer. */
export function Ago({ at }: { readonly at: string }) {
  const date = new Date(at);
  return (
    <time dateTime={at} title={`${LOCAL.format(date)} · ${utc(date)}`}>
      {date.getTime() > now.value.getTime() + SKEW_MS ? ahead(date, now.value) : age(date, now.value)}
    </time>
  );
}

/** A time, and below it how long ago it was. @param href where the time leads */
export function When({
  at,
  href,
  class: name,
}: {
  readonly at: string;
  readonly href?: string;
  readonly class?: string;
}) {
  return (
    <>
      {href === undefined ? (
        <Moment at={at} />
      ) : (
        <a class={name} href={href}>
          <Moment at={at} />
        </a>
      )}
      <br />
      <span class="small faint">
        <Ago at={at} />
      </span>
    </>
  );
}

function ahead(then: Date, from: Date): string {
  const said = age(from, then);
  return said === 'just now' ? 'in a moment' : `in ${said.replace(/ ago$/, '')}`;
}
