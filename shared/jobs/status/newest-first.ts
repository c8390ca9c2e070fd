import { parseBackupKey } from '../../core/ids.ts';
import { DAY_MS } from '../../core/units.ts';
import { parseHistoryKey } from '../../format/history.ts';
import { isReportKey } from '../../format/report.ts';
import type { ObjectInfo, ObjectStore } from '../../store/object-store.ts';

/** Paths asked for at once: what a store returns for one request. */
const MOST_KEYS = 1000;
const FIRST_WINDOW_DAYS = 31;
const LONGEST_WINDOW_DAYS = 16 * FIRST_WINDOW_DAYS;
/** Sorts after every digit and every `/`: no path has it. */
const LAST = '~';

/** An object whose path says when it was made: `<folder><YYYYMMDD>/…_<YYYYMMDD>_<HHMMSS>…`. */
export interface DatedKey {
  readonly key: string;
  /** 14 digits, UTC. */
  readonly stamp: string;
  readonly info: ObjectInfo;
}

/** Where a list continues: after that path, going back in time. */
export type Position = Pick<DatedKey, 'key' | 'stamp'>;

/** Where a listing begins and ends. */
export interface NewestFirstOptions {
  readonly now: Date;
  /** Begins after this one. */
  readonly after?: Position | undefined;
  /** 14 digits: nothing older. */
  readonly from?: string | undefined;
  /** 14 digits: nothing as new as this, or newer. */
  readonly to?: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Objects of several folders, newest first, read from the store one window of time at a time: the first is
 * some weeks, and grows if it is empty and shrinks if it is very full. A consumer that stops early leaves the
 * rest unread.
 */
export async function* newestFirst(
  store: ObjectStore,
  folders: readonly string[],
  options: NewestFirstOptions,
): AsyncGenerator<DatedKey> {
  const sources = folders.map((folder) => ofFolder(store, folder, options));
  try {
    const heads = await Promise.all(sources.map((source) => source.next()));
    for (;;) {
      let newest = -1;
      for (const [i, head] of heads.entries())
        if (!head.done && (newest < 0 || isNewer(head.value, heads[newest]?.value))) newest = i;
      const head = heads[newest];
      if (!head || head.done) return;
      yield head.value;
      heads[newest] = (await sources[newest]?.next()) ?? { done: true, value: undefined };
    }
  } finally {
    for (const source of sources) await source.return(undefined);
  }
}

/** Folders directly below `prefix`, with one small request each. */
export async function foldersBelow(
  store: ObjectStore,
  prefix: string,
  signal: AbortSignal,
): Promise<string[]> {
  const folders: string[] = [];
  for (let after = prefix; ; ) {
    const [first] = await Array.fromAsync(store.list(prefix, { after, most: 1, signal }));
    if (!first) return folders;
    const end = first.key.indexOf('/', prefix.length);
    if (end > 0) folders.push(first.key.slice(0, end + 1));
    after = end > 0 ? first.key.slice(0, end + 1) + LAST : first.key;
  }
}

/** 14 digits of a time, UTC. */
export function keyStamp(at: Date): string {
  return at.toISOString().replaceAll(/[-:T]/g, '').slice(0, 14);
}

/** Whether `a` comes first. Within one second, as within one whole list, the larger path does. */
function isNewer(a: Position, b: Position | undefined): boolean {
  if (!b) return true;
  return a.stamp > b.stamp || (a.stamp === b.stamp && a.key > b.key);
}

async function* ofFolder(
  store: ObjectStore,
  folder: string,
  options: NewestFirstOptions,
): AsyncGenerator<DatedKey, undefined> {
  const { after, from = '', to } = options;
  const isWanted = (found: DatedKey) =>
    found.stamp >= from && (to === undefined || found.stamp < to) && (!after || isNewer(after, found));
  for await (const keys of windows(store, folder, options))
    for (const key of keys.toReversed()) if (isWanted(key)) yield key;
}

/** Windows from the newest to the oldest; future dates are in the first, which has no end. */
async function* windows(
  store: ObjectStore,
  folder: string,
  { now, after, from = '', to, signal }: NewestFirstOptions,
): AsyncGenerator<readonly DatedKey[]> {
  let end = endOf(after, to);
  let days = FIRST_WINDOW_DAYS;
  let oldest: string | undefined;
  for (;;) {
    const read = await readWindow(store, folder, { end, until: end ?? dayOf(now), days, signal });
    yield read.keys;
    if (read.begin <= from.slice(0, 8)) return;
    if (read.keys.length === 0) {
      oldest ??= await oldestDay(store, folder, signal);
      if (read.begin <= oldest) return;
    }
    days = read.keys.length === 0 ? Math.min(LONGEST_WINDOW_DAYS, read.days * 2) : read.days;
    end = read.begin;
  }
}

/** The window, or a shorter one if it is very full; at least one whole day. */
async function readWindow(
  store: ObjectStore,
  folder: string,
  { end, until, days, signal }: Omit<Window, 'begin'> & { readonly until: string; readonly days: number },
): Promise<{ readonly keys: readonly DatedKey[]; readonly begin: string; readonly days: number }> {
  for (let length = days; ; length = Math.max(1, Math.floor(length / 2))) {
    const begin = addDays(until, -length);
    const most = length > 1 ? MOST_KEYS : undefined;
    const keys = await listWindow(store, folder, { begin, end, signal }, most);
    if (keys) return { keys, begin, days: length };
  }
}

interface Window {
  /** Day as 8 digits; it belongs to the window. */
  readonly begin: string;
  /** The first day after it. Undefined: none. */
  readonly end: string | undefined;
  readonly signal: AbortSignal;
}

/** Objects of a window, oldest first; undefined if there are `most` or more. */
async function listWindow(
  store: ObjectStore,
  folder: string,
  { begin, end, signal }: Window,
  most: number | undefined,
): Promise<DatedKey[] | undefined> {
  const found: DatedKey[] = [];
  let seen = 0;
  for await (const info of store.list(folder, { after: folder + addDays(begin, -1) + LAST, most, signal })) {
    if (end !== undefined && info.key >= folder + end) return found;
    seen++;
    const dated = datedKey(info);
    if (dated) found.push(dated);
  }
  return seen === most ? undefined : found;
}

/** '99999999' if the folder is empty: everything is earlier. */
async function oldestDay(store: ObjectStore, folder: string, signal: AbortSignal): Promise<string> {
  const [first] = await Array.fromAsync(store.list(folder, { most: 1, signal }));
  return first?.key.slice(folder.length, folder.length + 8) ?? '99999999';
}

const STAMP = /_(\d{8})_(\d{6})(?:_[0-9a-f]{8})?\.json$/;

function datedKey(info: ObjectInfo): DatedKey | undefined {
  const { key } = info;
  const stamp = parseHistoryKey(key)?.stamp;
  if (stamp !== undefined) return { key, stamp, info };
  if (!parseBackupKey(key) && !isReportKey(key)) return undefined;
  const [, date = '', time = ''] = STAMP.exec(key) ?? [];
  return { key, stamp: date + time, info };
}

/** The day after the newest possible day of the wanted objects; undefined: there is no bound. */
function endOf(after: Position | undefined, to: string | undefined): string | undefined {
  const bounds = [after?.stamp, to].flatMap((stamp) => (stamp === undefined ? [] : [stamp.slice(0, 8)]));
  const [first] = bounds.sort();
  return first === undefined ? undefined : addDays(first, 1);
}

function dayOf(at: Date): string {
  return addDays(keyStamp(at).slice(0, 8), 1);
}

function addDays(day: string, days: number): string {
  const at = Date.UTC(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6, 8)));
  const moved = new Date(Math.max(at + days * DAY_MS, 0));
  return keyStamp(moved).slice(0, 8);
}
