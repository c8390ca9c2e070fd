import { computed, signal } from '@preact/signals';

/** Where one is: the part of the address behind `#`, so that any server of files can serve the console. */
export interface ScreenPlace {
  /** `backups`, `backups/backup_daily_20260301_020000`; the overview is the empty one. */
  readonly path: string;
  readonly query: URLSearchParams;
}

const hash = signal(location.hash);
addEventListener('hashchange', () => {
  // A link that signs in is no place: the screen stays.
  if (!location.hash.startsWith('#token=')) hash.value = location.hash;
});

export const place = computed<ScreenPlace>(() => {
  const [path = '', query = ''] = hash.value.replace(/^#\/?/, '').split('?', 2);
  return { path: decoded(path), query: new URLSearchParams(query) };
});

function decoded(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

export function go(path: string): void {
  location.hash = `#/${path}`;
}

/** Changes the address without a step in the history: filters. */
export function replacePlace(path: string, query: URLSearchParams): void {
  const text = query.toString();
  history.replaceState(null, '', `#/${path}${text === '' ? '' : `?${text}`}`);
  hash.value = location.hash;
}

/** Address of a backup, of its whole key or name. */
export function backupHref(key: string): string {
  return `#/backups/${backupName(key)}`;
}

export function restoreHref(key?: string): string {
  return key === undefined ? '#/restore' : `#/restore/${backupName(key)}`;
}

export function runHref(run: string): string {
  return `#/runs/${run}`;
}

/** @param name of the report */
export function drillHref(name: string): string {
  return `#/drills/${name}`;
}

/** `backup_daily_20260301_020000`. */
export function backupName(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1).replace(/\.json$/, '');
}
