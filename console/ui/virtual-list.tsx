import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** Rows above and below the visible ones, so that scrolling shows no gaps. */
const SPARE = 8;
const FIRST_HEIGHT = 800;
const PHONE = matchMedia('(width <= 860px)');

/** A list of rows of one height, of which only the visible ones exist. */
export function VirtualList<T>({
  label,
  head,
  rows,
  total,
  keyOf,
  heights,
  memory,
  onNearEnd,
  children,
}: {
  readonly label: string;
  readonly head: ComponentChildren;
  readonly rows: readonly T[];
  /** The total, for screen readers; undefined if not known. */
  readonly total: number | undefined;
  readonly keyOf: (row: T) => string;
  /** Height of a row in pixels, as in the style sheet. */
  readonly heights: { readonly wide: number; readonly phone: number };
  /** The scroll position when it was last shown, which it returns to. */
  readonly memory: { top: number };
  readonly onNearEnd: () => void;
  readonly children: (row: T) => ComponentChildren;
}) {
  const host = useRef<HTMLDivElement>(null);
  const view = useView(host, memory);
  const height = view.isPhone ? heights.phone : heights.wide;
  const first = Math.max(0, Math.floor(view.top / height) - SPARE);
  const last = Math.min(rows.length, Math.ceil((view.top + view.height) / height) + SPARE);
  const isNearEnd = last >= rows.length - SPARE;
  // a further row may end near
  useEffect(() => {
    if (isNearEnd) onNearEnd();
  }, [isNearEnd, rows.length]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section ref={host} class="list" aria-label={label} tabIndex={0}>
      <div class="list-head" aria-hidden="true">
        {head}
      </div>
      <ul class="list-space" style={{ height: `${rows.length * height}px` }}>
        {rows.slice(first, last).map((row, i) => (
          <li
            key={keyOf(row)}
            class="list-row"
            aria-setsize={total ?? -1}
            aria-posinset={first + i + 1}
            style={{ transform: `translateY(${(first + i) * height}px)` }}
          >
            {children(row)}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The visible part of a scrolling element. */
function useView(host: { readonly current: HTMLElement | null }, memory: { top: number }) {
  const [view, setView] = useState({ top: memory.top, height: FIRST_HEIGHT, isPhone: PHONE.matches });
  // before it is painted, so that nothing jumps
  useLayoutEffect(() => {
    const element = host.current;
    if (!element) return;
    element.scrollTop = memory.top;
    const look = () => {
      memory.top = element.scrollTop;
      setView({ top: element.scrollTop, height: element.clientHeight, isPhone: PHONE.matches });
    };
    const resize = new ResizeObserver(look);
    resize.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      resize.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, [host, memory]);
  return view;
}
