import { MiB, SECOND_MS } from '../../core/units.ts';
import { type DatasetDiff, diffVersions } from './diff.ts';
import type { RowChange } from './row-changes.ts';
import { PAGE_BYTES, SHOWN_CHARACTERS } from './rows-page.ts';
import { type ShownFields, shownFields } from './shown-fields.ts';
import type { Version } from './version.ts';

/** Comparing ends after that time, with what was counted. */
const COMPARE_MS = 15 * SECOND_MS;
/** Bytes of differing rows to hold. */
const MOST_HELD_BYTES = 16 * MiB;

/** What is compared, and which rows are given. */
export interface DiffPageOptions {
  /** Names; all datasets, definitions too, when undefined. */
  readonly datasets?: readonly string[] | undefined;
  /** The rows of one dataset. @default none, only counts */
  readonly rows?: { readonly skipped: number; readonly limit: number } | undefined;
  /** @default 15 s */
  readonly mostMs?: number | undefined;
  readonly signal: AbortSignal;
}

/** A row that differs, as an answer of limited size gives it. */
export interface ShownChange {
  readonly change: RowChange['change'];
  /** Whole values. */
  readonly key: readonly (string | null)[];
  readonly before: ShownFields | undefined;
  readonly after: ShownFields | undefined;
  /** Of a changed row: places of the columns that differ. */
  readonly changedColumns: readonly number[];
}

/** What differs of a dataset. */
export interface DiffPage {
  readonly name: string;
  readonly kind: 'schema' | 'data';
  readonly isIn: DatasetDiff['isIn'];
  /** Undefined if there was no time to compare it. */
  readonly found:
    | {
        readonly diff: DatasetDiff;
        readonly counts: Readonly<Record<RowChange['change'], number>>;
        readonly rows: readonly ShownChange[];
        /** Rows lie behind those. */
        readonly hasMore: boolean;
      }
    | undefined;
}

/**
 * Compares two versions for an answer that is there soon. Datasets that there was no time for are named and not counted.
 *
 * @throws E_NO_DATASET for a name that neither has; E_USAGE for backups of different kinds of databases; E_SOURCE_*, E_DAMAGED,
 *   E_STORE_*, E_ABORTED
 */
export async function readDiffPage(
  first: Version,
  second: Version,
  { datasets, rows, mostMs = COMPARE_MS, signal }: DiffPageOptions,
): Promise<readonly DiffPage[]> {
  const names = datasets ?? namesOf(first, second);
  const timeUp = AbortSignal.timeout(mostMs);
  const stop = AbortSignal.any([signal, timeUp]);
  const pages: DiffPage[] = [];
  for (const name of names) {
    const about = aboutOf(name, first, second);
    try {
      const options = { datasets: [name], mostHeldBytes: MOST_HELD_BYTES, signal: stop };
      stop.throwIfAborted();
      for await (const diff of diffVersions(first, second, options))
        pages.push({ ...about, kind: diff.kind, isIn: diff.isIn, found: await read(diff, rows, stop) });
    } catch (error) {
      if (!timeUp.aborted || signal.aborted) throw error;
      pages.push({ ...about, found: undefined });
    }
  }
  if (!timeUp.aborted) for (const version of [first, second]) await version.check(signal);
  return pages;
}

function namesOf(first: Version, second: Version): readonly string[] {
  const all = [...second.contents.datasets, ...first.contents.datasets];
  return [...new Set(all.map(({ name }) => name))];
}

function aboutOf(name: string, first: Version, second: Version): Omit<DiffPage, 'found'> {
  const [a, b] = [first, second].map(({ contents }) => contents.datasets.find((one) => one.name === name));
  return { name, kind: (b ?? a)?.kind ?? 'data', isIn: a && b ? 'both' : a ? 'first' : 'second' };
}

async function read(
  diff: DatasetDiff,
  wanted: DiffPageOptions['rows'],
  stop: AbortSignal,
): Promise<NonNullable<DiffPage['found']>> {
  const { skipped = 0, limit = 0 } = wanted ?? {};
  const counts = { added: 0, removed: 0, changed: 0 };
  const rows: ShownChange[] = [];
  let seen = 0;
  let bytes = 0;
  let isFull = false;
  for await (const change of diff.changes()) {
    counts[change.change]++;
    if (++seen % 1000 === 0) stop.throwIfAborted();
    isFull ||= rows.length >= limit || bytes >= PAGE_BYTES;
    if (isFull || seen <= skipped) continue;
    const shown = shownChange(diff, change);
    rows.push(shown);
    bytes += (shown.before?.bytes ?? 0) + (shown.after?.bytes ?? 0);
  }
  return { diff, counts, rows, hasMore: limit > 0 && seen > skipped + rows.length };
}

function shownChange({ columns, key }: DatasetDiff, { change, before, after }: RowChange): ShownChange {
  const all = after ?? before ?? [];
  const shown = (fields: RowChange['before']) => (fields ? shownFields(fields, SHOWN_CHARACTERS) : undefined);
  return {
    change,
    key: key.map((name) => all[columns.findIndex((column) => column.name === name)] ?? null),
    before: shown(before),
    after: shown(after),
    changedColumns: before && after ? columns.flatMap((_, i) => (before[i] === after[i] ? [] : [i])) : [],
  };
}
