import type { DayCell } from './days.ts';

/** The class that draws a day. */
export function lookOf({ state, day }: DayCell): string {
  return state === 'good' ? `heat-${Math.min(day?.backups ?? 1, 3)}` : `day-${state}`;
}

const LOOKS = [
  ['heat-1', '1 good backup'],
  ['heat-2', '2'],
  ['heat-3', '3 or more'],
  ['day-suspect', 'suspect'],
  ['day-failed', 'failed or damaged'],
  ['day-missing', 'missing'],
  ['day-removed', 'removed by retention'],
  ['day-none', 'none was due'],
  ['day-unknown', 'not known'],
] as const;

/** What the squares of the calendars mean. */
export function Legend() {
  return (
    <div class="heat-key">
      {LOOKS.map(([look, name]) => (
        <span key={look}>
          <svg class="heat-swatch" viewBox="0 0 11 11" aria-hidden="true">
            <rect class={look} x="0.5" y="0.5" width="10" height="10" />
          </svg>
          {name}
        </span>
      ))}
      <span>Days are in UTC. A schedule counts from the first backup it made.</span>
    </div>
  );
}
