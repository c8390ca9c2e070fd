import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { duration } from '../../../shared/core/human.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../shared/core/units.ts';
import type { Drill } from '../../api/types.ts';
import { momentText } from '../../ui/moment.tsx';
import { shortSource } from '../../ui/source-name.tsx';

const LEAST_WIDTH = 280;
/** Least distance between the names of days. */
const APART = 96;
const HEIGHT = 230;
const EDGE = { left: 58, right: 16, top: 26, bottom: 44 };
const TICKS = 4;
const LOOKS = ['ink-new', 'ink-stored', 'ink-logical', 'ink-warn'] as const;
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });

interface Point {
  readonly at: number;
  readonly ms: number;
  readonly drill: Drill;
}

/**
 * How long restores took, drill by drill, one line per source. Failed drills restored nothing, and are left
 * out.
 */
export function Trend({ drills }: { readonly drills: readonly Drill[] }) {
  const points = drills
    .filter(({ outcome }) => outcome !== 'failed')
    .map((drill) => ({ at: Date.parse(drill.at), ms: drill.restoreMs, drill }))
    .toReversed();
  const lines = [...Map.groupBy(points, ({ drill }) => drill.source?.name ?? '')];
  const host = useRef<HTMLElement>(null);
  const width = useWidth(host);
  const scale = scaleOf(points, width);
  return (
    <figure ref={host}>
      <svg class="trend" viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={labelOf(points)}>
        <Axes scale={scale} points={points} />
        {lines.map(([name, ofSource], i) => (
          <g key={name} class={LOOKS[i % LOOKS.length]}>
            <polyline points={ofSource.map((one) => `${scale.x(one.at)},${scale.y(one.ms)}`).join(' ')} />
            {ofSource.map((one) => (
              <circle key={one.drill.report} cx={scale.x(one.at)} cy={scale.y(one.ms)} r={3.5}>
                <title>{`${momentText(one.drill.at)}: ${duration(one.ms)}`}</title>
              </circle>
            ))}
          </g>
        ))}
      </svg>
      {lines.length > 1 && (
        <figcaption class="row small">
          {lines.map(([name], i) => (
            <span key={name} class={LOOKS[i % LOOKS.length]}>
              ● {shortSource(name) || 'unknown source'}
            </span>
          ))}
        </figcaption>
      )}
    </figure>
  );
}

interface Scale {
  readonly width: number;
  readonly unit: { readonly name: string; readonly ms: number };
  /** Steps of the time axis, in its unit. */
  readonly ticks: readonly number[];
  x(at: number): number;
  y(ms: number): number;
}

function scaleOf(points: readonly Point[], width: number): Scale {
  const longest = Math.max(...points.map(({ ms }) => ms), 1);
  const unit =
    longest >= 2 * HOUR_MS
      ? { name: 'hours', ms: HOUR_MS }
      : longest >= 2 * MINUTE_MS
        ? { name: 'minutes', ms: MINUTE_MS }
        : longest >= 2 * SECOND_MS
          ? { name: 'seconds', ms: SECOND_MS }
          : { name: 'milliseconds', ms: 1 };
  const step = niceStep(longest / unit.ms / TICKS);
  const ticks = Array.from({ length: Math.ceil(longest / unit.ms / step) + 1 }, (_, i) => i * step);
  const most = (ticks.at(-1) ?? 1) * unit.ms;
  const [first = 0, last = 0] = [points[0]?.at, points.at(-1)?.at];
  const inner = { width: width - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom };
  return {
    width,
    unit,
    ticks,
    x: (at) => EDGE.left + (last > first ? ((at - first) / (last - first)) * inner.width : inner.width / 2),
    y: (ms) => EDGE.top + inner.height * (1 - ms / most),
  };
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5].find((times) => times * power >= least) ?? 10) * power;
}

function Axes({ scale, points }: { readonly scale: Scale; readonly points: readonly Point[] }) {
  const { width } = scale;
  const days = daysOf(points, scale);
  return (
    <>
      <text x={0} y={12}>
        Restore time ({scale.unit.name})
      </text>
      {scale.ticks.map((tick) => {
        const y = scale.y(tick * scale.unit.ms);
        return (
          <g key={tick}>
            <line class="ink-grid" x1={EDGE.left} x2={width - EDGE.right} y1={y} y2={y} />
            <text x={EDGE.left - 8} y={y + 4} text-anchor="end">
              {Number(tick.toPrecision(3))}
            </text>
          </g>
        );
      })}
      {days.map(
        (point, i) =>
          point && (
            <text
              key={point.drill.report}
              x={scale.x(point.at)}
              y={HEIGHT - EDGE.bottom + 18}
              text-anchor={
                days.length === 1 ? 'middle' : i === 0 ? 'start' : i === days.length - 1 ? 'end' : 'middle'
              }
            >
              {DAY.format(point.at)}
            </text>
          ),
      )}
      <text x={EDGE.left + (width - EDGE.left - EDGE.right) / 2} y={HEIGHT - 6} text-anchor="middle">
        Day of the drill
      </text>
    </>
  );
}

/** The first and the last, and one between them if there is room. */
function daysOf(points: readonly Point[], { x }: Scale): readonly (Point | undefined)[] {
  const [first, middle, last] = [points[0], points[Math.floor(points.length / 2)], points.at(-1)];
  if (!first || !middle || !last || x(last.at) - x(first.at) < APART) return [last];
  const hasRoom = x(middle.at) - x(first.at) > 1.5 * APART && x(last.at) - x(middle.at) > 1.5 * APART;
  return hasRoom ? [first, middle, last] : [first, last];
}

/** The present width of an element: the drawing adapts to every screen. */
function useWidth(host: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(LEAST_WIDTH);
  useLayoutEffect(() => {
    const element = host.current;
    if (!element) return;
    const look = () => setWidth(Math.max(LEAST_WIDTH, element.clientWidth));
    look();
    const resize = new ResizeObserver(look);
    resize.observe(element);
    return () => resize.disconnect();
  }, [host]);
  return width;
}

function labelOf(points: readonly Point[]): string {
  const times = points.map(({ ms }) => ms);
  const last = points.at(-1);
  if (!last) return 'No restore times yet';
  return `Restore times of ${points.length} drills: from ${duration(Math.min(...times))} to ${duration(Math.max(...times))}, the newest ${duration(last.ms)} on ${momentText(last.drill.at)}`;
}
