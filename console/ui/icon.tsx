/** Strokes on a grid of 24. */
const PATHS = {
  overview: 'M4 13h6V4H4zM14 20h6v-9h-6zM14 4v3h6V4zM4 17v3h6v-3z',
  backups:
    'M4 7c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 7v5c0 1.7 3.6 3 8 3s8-1.3 8-3V7M4 12v5c0 1.7 3.6 3 8 3s8-1.3 8-3v-5',
  runs: 'M12 4a8 8 0 1 1-7.4 5M4 4v5h5M12 8v4l3 2',
  retention: 'M5 5h14v4H5zM6.5 9v10h11V9M10 13h4',
  audit: 'M7 3h8l4 4v14H7zM15 3v4h4M10 12h6M10 16h6',
  bell: 'M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 21h4',
  restore: 'M4 12a8 8 0 1 0 2.5-5.8M4 4v5h5M12 8v8M9 13l3 3 3-3',
  good: 'M12 3l7 3v5c0 4.6-3 8.2-7 10-4-1.8-7-5.4-7-10V6zM9 12l2.2 2.2L15.2 10',
  attention: 'M12 4l9 16H3zM12 10v4M12 17v.2',
  bad: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 8v5M12 16v.2',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  close: 'M6 6l12 12M18 6L6 18',
  back: 'M14 6l-6 6 6 6',
  arrow: 'M4 12h15M13 6l6 6-6 6',
  hold: 'M7 11V8a5 5 0 0 1 10 0v3M5 11h14v9H5z',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  verify: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20M8 10.5l2 2 3.5-3.5',
  play: 'M7 5l11 7-11 7z',
  drill:
    'M4 7c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 7v10c0 1.7 3.6 3 8 3M20 7v4M14 18l2.2 2.2L20.5 16',
  clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.5 2',
  empty: 'M4 13l2.5-8h11L20 13v6H4zM4 13h5l1.2 2.5h3.6L15 13h5',
  more: 'M6 12h.01M12 12h.01M18 12h.01',
  plug: 'M9 3v5M15 3v5M7 8h10v3a5 5 0 0 1-10 0zM12 16v5',
} as const;

/** A picture, by its name. */
export type IconName = keyof typeof PATHS;

/** A picture that adds nothing to the words beside it. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The sign of the product. */
export function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#2450b8" />
      <path
        d="M16 6v15M9.5 11.5h13M8 18c0 4.8 3.4 8 8 8s8-3.2 8-8"
        fill="none"
        stroke="#fff"
        stroke-width="2.6"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
