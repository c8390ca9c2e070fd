import { useId, useState } from 'preact/hooks';
import { DAY_MS } from '../../../shared/core/units.ts';
import { go } from '../../routes.ts';
import { ScrollX } from '../../ui/scroll-x.tsx';
import { shortSource } from '../../ui/source-name.tsx';
import { Empty } from '../../ui/states.tsx';
import { Attention } from './attention.tsx';
import {
  calendarOf,
  calendarsBySource,
  type DayCell,
  describeDay,
  describeYear,
  type Storage,
  WEEKS,
} from './days.ts';
import { Legend, lookOf } from './legend.tsx';

const STEP = 13;
const CELL = 11;
const LEFT = 30;
const TOP = 16;
const MONTH = new Intl.DateTimeFormat(undefined, { month: 'short', timeZone: 'UTC' });
const WEEKDAY = new Intl.DateTimeFormat(undefined, { weekday: 'short', timeZone: 'UTC' });
/** A Monday. */
const MONDAY_MS = Date.UTC(2024, 0, 1);

/** Twelve months of each source, one square per day. */
export function Calendars({ storage }: { readonly storage: Storage }) {
  const sources = calendarsBySource(storage);
  if (sources.length === 0) return <Empty title="Nothing in the last twelve months" />;
  const now = new Date(storage.now);
  return (
    <div class="stack">
      {sources.map(({ source, days }) => (
        <Calendar
          key={`${source.source.kind} ${source.source.name}`}
          name={shortSource(source.source.name)}
          cells={calendarOf(days, { now, since: source.since })}
          basis={source.basis}
          isNamed={sources.length > 1}
        />
      ))}
      <Legend />
    </div>
  );
}

interface CalendarProps {
  readonly name: string;
  readonly cells: readonly DayCell[];
  readonly basis: Storage['sources'][number]['basis'];
  readonly isNamed: boolean;
}

/** For the keyboard it is one control: arrows move from day to day, Enter opens the day's backups. */
function Calendar({ name, cells, basis, isNamed }: CalendarProps) {
  const [hovered, setHovered] = useState<number>();
  const [chosen, setChosen] = useState<number>();
  const caption = useId();
  const summary = describeYear(cells, basis);
  const at = hovered ?? chosen;
  const shown = at === undefined ? undefined : cells[at];
  const now = cells[chosen ?? cells.length - 1];
  return (
    <figure class="year">
      <figcaption id={caption} class="row small">
        {isNamed && <strong>{name}</strong>}
        <span class="soft">{shown ? describeDay(shown) : summary}</span>
      </figcaption>
      <ScrollX label={`Calendar of ${name}`} isAtEnd>
        <div
          class="year-days"
          role="slider"
          tabIndex={0}
          aria-label={`Backups of ${name} by day. ${summary}`}
          aria-valuemin={1}
          aria-valuemax={cells.length}
          aria-valuenow={(chosen ?? cells.length - 1) + 1}
          aria-valuetext={now ? describeDay(now) : summary}
          onKeyDown={(event) => {
            const to = moved(event.key, chosen ?? cells.length - 1, cells.length);
            if (to === undefined && event.key !== 'Enter') return;
            event.preventDefault();
            if (to === undefined) open(now);
            else {
              setChosen(to);
              event.currentTarget
                .querySelector(`[data-day="${to}"]`)
                ?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
            }
          }}
          onFocus={() => setChosen((before) => before ?? cells.length - 1)}
          onPointerOver={({ target }) => setHovered(indexOf(target))}
          onPointerLeave={() => setHovered(undefined)}
          onClick={({ target }) => open(cells[indexOf(target) ?? -1])}
        >
          <svg class="heat" viewBox={`0 0 ${LEFT + WEEKS * STEP} ${TOP + 7 * STEP}`} aria-hidden="true">
            <Names cells={cells} />
            {cells.map((day, i) => (
              <rect
                key={day.date}
                data-day={i}
                class={`${lookOf(day)} ${i === chosen ? 'chosen' : ''}`}
                x={LEFT + day.week * STEP}
                y={TOP + day.weekday * STEP}
                width={CELL}
                height={CELL}
              />
            ))}
          </svg>
        </div>
      </ScrollX>
      <Attention name={name} cells={cells} />
    </figure>
  );
}

/** Keys, with the number of days they move. */
const MOVES: Readonly<Record<string, number>> = {
  ArrowUp: -1,
  ArrowDown: 1,
  ArrowLeft: -7,
  ArrowRight: 7,
  PageUp: -28,
  PageDown: 28,
  Home: -Infinity,
  End: Infinity,
};

function moved(key: string, from: number, count: number): number | undefined {
  const by = MOVES[key];
  return by === undefined ? undefined : Math.min(count - 1, Math.max(0, from + by));
}

function indexOf(target: EventTarget | null): number | undefined {
  const day = target instanceof SVGElement ? target.dataset['day'] : undefined;
  return day === undefined ? undefined : Number(day);
}

/** Opens the backups of a day that has some. */
function open(cell: DayCell | undefined): void {
  if (cell?.day && cell.day.backups > 0) go(`backups?from=${cell.date}&to=${cell.date}`);
}

function Names({ cells }: { readonly cells: readonly DayCell[] }) {
  const firsts = cells.filter(({ date, week }) => date.endsWith('-01') && week < WEEKS - 2);
  return (
    <>
      {firsts.map(({ date, week }) => (
        <text key={date} x={LEFT + week * STEP} y={10}>
          {MONTH.format(new Date(date))}
        </text>
      ))}
      {[0, 2, 4].map((weekday) => (
        <text key={weekday} x={0} y={TOP + weekday * STEP + 9}>
          {WEEKDAY.format(new Date(MONDAY_MS + weekday * DAY_MS))}
        </text>
      ))}
    </>
  );
}
