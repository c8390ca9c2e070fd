import { computed, signal } from '@preact/signals';
import { backupName } from '../shared/core/backup-words.ts';

/** The current place: the part of the address after `#`, so that any file server can serve the console. */
export interface ScreenPlace {
  /** `backups`, `backups/backup_daily_20260301_020000`; empty for the overview. */
  readonly path: string;
  readonly query: URLSearchParams;
}

const hash = signal(location.hash);
addEventListener('hashchange', () => {
  // A sign-in link is not a place: the screen stays.
  if (!location.hash.startsWith('#token=')) hash.value = location.hash;
});

/** The screen that the address names, with its query. */
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

/** Opens a screen, as a step in the history. */
export function go(path: string): void {
  location.hash = `#/${path}`;
}

/** Changes the address without adding to the history: for filters. */
export function replacePlace(path: string, query: URLSearchParams): void {
  const text = query.toString();
  history.replaceState(null, '', `#/${path}${text === '' ? '' : `?${text}`}`);
  hash.value = location.hash;
}

/** Address of a backup, by its path or name. */
export function backupHref(key: string): string {
  return `#/backups/${backupName(key)}`;
}

/** The address of the rows of a backup. @param dataset undefined: it is chosen there */
export function rowsHref(key: string, dataset?: string): string {
  const query = dataset === undefined ? '' : `?${new URLSearchParams({ dataset })}`;
  return `#/rows/${backupName(key)}${query}`;
}

/** The address of the screen that compares a backup. */
export function compareHref(key: string): string {
  return `#/compare/${backupName(key)}`;
}

/** The address of the restore screen, of one backup or of any. */
export function restoreHref(key?: string): string {
  return key === undefined ? '#/restore' : `#/restore/${backupName(key)}`;
}

/** The address of the screen of a run. */
export function runHref(run: string): string {
  return `#/runs/${run}`;
}

/** @param name of the report */
export function drillHref(name: string): string {
  return `#/drills/${name}`;
}
