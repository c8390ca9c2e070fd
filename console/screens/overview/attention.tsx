import { plural } from '../../../shared/core/plural.ts';
import { type DayCell, type DayState, describeDay } from './days.ts';

const MOST_DAYS = 30;
const BAD: readonly DayState[] = ['missing', 'failed', 'suspect'];

/** The days that need attention, in words, newest first: nobody has to find them by colour. */
export function Attention({ name, cells }: { readonly name: string; readonly cells: readonly DayCell[] }) {
  const found = cells.filter(({ state }) => BAD.includes(state)).toReversed();
  if (found.length === 0) return null;
  const more = found.length - MOST_DAYS;
  return (
    <details class="small">
      <summary>
        {plural(found.length, 'day')} of {name} need attention
      </summary>
      <ul class="soft">
        {found.slice(0, MOST_DAYS).map((day) => (
          <li key={day.date}>
            {day.day && day.day.backups > 0 ? (
              <a href={`#/backups?from=${day.date}&to=${day.date}`}>{describeDay(day)}</a>
            ) : (
              describeDay(day)
            )}
          </li>
        ))}
        {more > 0 && <li>and {plural(more, 'earlier day')}</li>}
      </ul>
    </details>
  );
}
