import { useEffect, useRef, useState } from 'preact/hooks';
import { bytes } from '../../../shared/core/human.ts';
import { plural } from '../../../shared/core/plural.ts';
import { DAY_MS } from '../../../shared/core/units.ts';
import { go } from '../../routes.ts';
import { ScrollX } from '../../ui/scroll-x.tsx';
import { shortSource } from '../../ui/source-name.tsx';
import { Empty } from '../../ui/states.tsx';
import { type CalendarDay, calendarOf, type Day, daysBySource, type Storage, WEEKS } from './days.ts';

const STEP = 13;
const CELL = 11;
const LEFT = 30;
const TOP = 16;
const MONTH = new Intl.DateTimeFormat(undefined, { month: 'short', timeZone: 'UTC' });
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone: 'UTC' });
const WEEKDAY = new Intl.DateTimeFormat(undefined, { weekday: 'short', timeZone: 'UTC' });
/** A Monday. */
const MONDAY_MS = Date.UTC(2024, 0, 1);

/** Twelve months of each source, a square a day. */
export function Calendars({ storage }: { readonly storage: Storage }) {
  const sources = [...daysBySource(storage)];
  if (sources.length === 0) return <Empty title="Nothing in the last twelve months" />;
  const now = new Date(storage.now);
  return (
    <div class="stack">
      {sources.map(([id, days]) => (
        <Calendar key={id} days={days} now={now} isNamed={sources.length > 1} />
      ))}
      <Legend />
    </div>
  );
}

function Calendar({
  days,
  now,
  isNamed,
}: {
  readonly days: readonly Day[];
  readonly now: Date;
  readonly isNamed: boolean;
}) {
  const cells = calendarOf(days, now);
  const [shown, setShown] = useState<CalendarDay>();
  const name = shortSource(days[0]?.source.name ?? '');
  const summary = summarise(cells);
  const drawing = useRef<SVGSVGElement>(null);
  usePointer(drawing, cells, setShown);
  return (
    <figure>
      <figcaption class="row small">
        {isNamed && <strong>{name}</strong>}
        <span class="soft">{shown ? describe(shown) : summary}</span>
      </figcaption>
      <ScrollX label={`Calendar of ${name}`} isAtEnd>
        <svg
          ref={drawing}
          class="heat"
          viewBox={`0 0 ${LEFT + WEEKS * STEP} ${TOP + 7 * STEP}`}
          role="img"
          aria-label={`Backups of ${name} by day. ${summary}`}
        >
          <Names cells={cells} />
          {cells.map((day, i) => (
            <rect
              key={day.date}
              data-day={i}
              class={classOf(day)}
              x={LEFT + day.week * STEP}
              y={TOP + day.weekday * STEP}
              width={CELL}
              height={CELL}
            />
          ))}
        </svg>
      </ScrollX>
    </figure>
  );
}

/** Says what is under the pointer, and leads to the backups of a day that is clicked; `Backups` does it by keyboard. */
function usePointer(
  drawing: { readonly current: SVGSVGElement | null },
  cells: readonly CalendarDay[],
  onShow: (day: CalendarDay | undefined) => void,
): void {
  useEffect(() => {
    const svg = drawing.current;
    if (!svg) return;
    const over = new AbortController();
    const { signal } = over;
    const dayOf = ({ target }: Event) =>
      target instanceof SVGElement && target.dataset['day'] !== undefined
        ? cells[Number(target.dataset['day'])]
        : undefined;
    svg.addEventListener('pointerover', (event) => onShow(dayOf(event)), { signal });
    svg.addEventListener('pointerleave', () => onShow(undefined), { signal });
    svg.addEventListener(
      'click',
      (event) => {
        const day = dayOf(event);
        if (day && day.backups > 0) go(`backups?from=${day.date}&to=${day.date}`);
      },
      { signal },
    );
    return () => over.abort();
  }, [drawing, cells, onShow]);
}

function Names({ cells }: { readonly cells: readonly CalendarDay[] }) {
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

function Legend() {
  const names = ['no backup', '1', '2', '3 or more'];
  return (
    <div class="heat-key">
      {names.map((name, level) => (
        <span key={name}>
          <Swatch look={`heat-${level}`} />
          {name}
        </span>
      ))}
      <span>
        <Swatch look="day-suspect" />
        suspect
      </span>
      <span>
        <Swatch look="day-failed" />
        failed or damaged
      </span>
      <span>
        <Swatch look="gap" />
        missing
      </span>
      <span>Days are of UTC. Only backups that are still listed count.</span>
    </div>
  );
}

function Swatch({ look }: { readonly look: string }) {
  return (
    <svg class="heat-swatch" viewBox="0 0 11 11" aria-hidden="true">
      <rect class={look} x="0.5" y="0.5" width="10" height="10" />
    </svg>
  );
}

function classOf({ backups, isGap, outcome }: CalendarDay): string {
  if (isGap && outcome === undefined) return 'gap';
  return outcome === 'suspect' || outcome === 'failed' ? `day-${outcome}` : `heat-${Math.min(backups, 3)}`;
}

function describe({ date, backups, newBytes, isGap, outcome }: CalendarDay): string {
  const day = DATE.format(new Date(date));
  if (outcome === 'suspect') return `${day}: ${plural(backups, 'backup')}, suspect`;
  if (outcome === 'failed') return `${day}: ${backups > 0 ? 'damaged' : 'failed'}`;
  if (backups > 0) return `${day}: ${plural(backups, 'backup')}, ${bytes(newBytes)} new`;
  return isGap ? `${day}: no backup is listed` : `${day}: nothing yet`;
}

function summarise(cells: readonly CalendarDay[]): string {
  const withBackups = cells.filter(({ backups }) => backups > 0).length;
  const gaps = cells.filter(({ isGap }) => isGap).length;
  const missing = gaps === 0 ? 'none missing' : `${plural(gaps, 'day')} without`;
  return `${plural(withBackups, 'day')} with backups, ${missing}`;
}
