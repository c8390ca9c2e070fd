import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

const HEIGHT = 230;
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone: 'UTC' });
const MONTH = new Intl.DateTimeFormat(undefined, { month: 'short', timeZone: 'UTC' });

export interface ChartProps {
  /** What a screen reader says instead. */
  readonly label: string;
  /** Times in seconds, then one row of values a series. */
  readonly data: readonly (readonly number[])[];
  /** `look` is a class that gives the colour. */
  readonly series: readonly { readonly name: string; readonly look: string }[];
  readonly format: (value: number) => string;
}

/** Lines over time, by powers of two: what differs a hundredfold can be seen side by side. */
export function Chart(props: ChartProps) {
  const { label, data, series, format } = props;
  const host = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number>();
  // `data` stands for all that is drawn
  useEffect(() => (host.current ? draw(host.current, props, setAt) : undefined), [JSON.stringify(data)]);
  const shown = at ?? (data[0]?.length ?? 0) - 1;
  return (
    <figure>
      <div ref={host} role="img" aria-label={label} />
      <figcaption class="plot-tip">
        {DATE.format(new Date((data[0]?.[shown] ?? 0) * 1000))}
        {series.map(({ name, look }, i) => (
          <span key={name}>
            {' · '}
            <span class={look}>{name}</span> {format(data[i + 1]?.[shown] ?? 0)}
          </span>
        ))}
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
  { data, series, format }: ChartProps,
  onPoint: (at?: number) => void,
): uPlot {
  const axis = { stroke: colour(host, 'ink-axis'), font: '11px sans-serif', ticks: { show: false } };
  const grid = { stroke: colour(host, 'ink-grid'), width: 1, filter: everyThirdPower };
  return new uPlot(
    {
      width: Math.max(host.clientWidth, 200),
      height: HEIGHT,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { y: { distr: 3, log: 2 } },
      hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? undefined)] },
      axes: [
        {
          ...axis,
          grid: { show: false },
          space: 48,
          size: 28,
          values: (_, times) => times.map((time) => MONTH.format(new Date(time * 1000))),
          incrs: [1, 2, 3, 6].map((months) => months * 30.5 * 86_400),
        },
        {
          ...axis,
          grid,
          size: 66,
          space: 32,
          filter: everyThirdPower,
          values: (_, splits) =>
            splits.map((value) => (value === null ? '' : format(value).replace(/\.0+ /, ' '))),
        },
      ],
      series: [
        {},
        ...series.map(({ name, look }) => ({
          label: name,
          stroke: colour(host, look),
          width: 2,
          points: { show: false },
        })),
      ],
    },
    data.map((row) => [...row]) as unknown as uPlot.AlignedData,
    host,
  );
}

/** 8, 64, 512: of the powers of two those that leave room for their names. */
const everyThirdPower = (_: uPlot, splits: number[]): (number | null)[] =>
  splits.map((value) => (Math.round(Math.log2(value)) % 3 === 0 ? value : null));

/** The colour that a class gives, as the canvas wants it. */
function colour(host: HTMLElement, look: string): string {
  const probe = document.createElement('i');
  probe.className = look;
  host.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
