import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

const HEIGHT = 250;
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone: 'UTC' });
const MONTH = new Intl.DateTimeFormat(undefined, { month: 'short', year: '2-digit', timeZone: 'UTC' });
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' });
const DAY_S = 86_400;
const MONTH_S = 30.5 * DAY_S;
/** Shorter spans name days instead of months. */
const SHORT_S = 4 * MONTH_S;

/** What a chart draws. */
export interface ChartProps {
  /** What a screen reader says instead. */
  readonly label: string;
  /** Times in seconds, then one row of values per series; null: none at that time. */
  readonly data: readonly (readonly (number | null)[])[];
  /** `look` is a class that gives the colour. */
  readonly series: readonly { readonly name: string; readonly look: string; readonly isDashed?: boolean }[];
  /** Names of the axes. */
  readonly axes: { readonly x: string; readonly y: string };
  readonly format: (value: number) => string;
}

/** Lines over time, from zero. */
export function Chart(props: ChartProps) {
  const { label, data, series, format } = props;
  const host = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number>();
  // `data` stands for everything that is drawn
  useEffect(() => (host.current ? draw(host.current, props, setAt) : undefined), [JSON.stringify(data)]);
  const shown = at ?? (data[0]?.length ?? 0) - 1;
  return (
    <figure>
      <div ref={host} role="img" aria-label={label} />
      <figcaption class="plot-tip">
        {DATE.format(new Date((data[0]?.[shown] ?? 0) * 1000))}
        {series.map(({ name, look }, i) => {
          const value = data[i + 1]?.[shown];
          return (
            typeof value === 'number' && (
              <span key={name}>
                {' · '}
                <span class={look}>{name}</span> {format(value)}
              </span>
            )
          );
        })}
      </figcaption>
    </figure>
  );
}

function draw(
  host: HTMLElement,
  props: ChartProps,
  onPoint: (index: number | undefined) => void,
): () => void {
  let plot = make(host, props, onPoint);
  const again = () => {
    plot.destroy();
    plot = make(host, props, onPoint);
  };
  const resize = new ResizeObserver(() => plot.setSize({ width: host.clientWidth, height: HEIGHT }));
  resize.observe(host);
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  scheme.addEventListener('change', again);
  return () => {
    resize.disconnect();
    scheme.removeEventListener('change', again);
    plot.destroy();
  };
}

function make(
  host: HTMLElement,
  { data, series, axes, format }: ChartProps,
  onPoint: (at?: number) => void,
): uPlot {
  const stroke = colour(host, 'ink-axis');
  const axis = { stroke, font: '11px sans-serif', labelFont: '11px sans-serif', labelSize: 18, labelGap: 0 };
  const grid = { stroke: colour(host, 'ink-grid'), width: 1 };
  const times = (data[0] ?? []) as readonly number[];
  const isShort = (times.at(-1) ?? 0) - (times[0] ?? 0) < SHORT_S;
  return new uPlot(
    {
      width: Math.max(host.clientWidth, 200),
      height: HEIGHT,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
      hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? undefined)] },
      axes: [
        {
          ...axis,
          label: axes.x,
          ticks: { show: false },
          grid: { show: false },
          space: 60,
          size: 28,
          values: (_, at) => at.map((time) => (isShort ? DAY : MONTH).format(new Date(time * 1000))),
          incrs: isShort
            ? [1, 2, 7, 14, 28].map((days) => days * DAY_S)
            : [1, 2, 3, 6].map((months) => months * MONTH_S),
        },
        {
          ...axis,
          label: axes.y,
          ticks: { show: false },
          grid,
          size: 72,
          space: 36,
          incrs: POWERS_OF_TWO,
          values: (_, splits) => splits.map((value) => format(value).replace(/\.0+ /, ' ')),
        },
      ],
      series: [
        {},
        ...series.map(({ name, look, isDashed = false }) => ({
          label: name,
          stroke: colour(host, look),
          width: 2,
          spanGaps: true,
          ...(isDashed ? { dash: [6, 5] } : {}),
          points: { show: false },
        })),
      ],
    },
    data.map((row) => [...row]) as unknown as uPlot.AlignedData,
    host,
  );
}

/** Divisors of bytes on an axis. */
const POWERS_OF_TWO = Array.from({ length: 60 }, (_, i) => 2 ** i);

/** The colour of a class, in the canvas's form. */
function colour(host: HTMLElement, look: string): string {
  const probe = document.createElement('i');
  probe.className = look;
  host.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
