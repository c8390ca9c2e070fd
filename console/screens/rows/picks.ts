import { plural } from '../../../shared/core/plural.ts';
import type { RowSelection } from './answers.ts';

/** The values of a row's key, in the order of its columns. */
export type RowKey = readonly (string | null)[];

/** A row that somebody picked. */
export interface Pick {
  readonly key: RowKey;
  /** Of one that came later, and is to be removed: what it held when it was picked. */
  readonly gone?: Readonly<Record<string, string | null>>;
}

/** Rows that somebody picked, by their keys. */
export type Picks = ReadonlyMap<string, Pick>;
/** Picked rows by their dataset. */
export type PicksByDataset = ReadonlyMap<string, Picks>;

/** None. */
export const NO_PICKS: Picks = new Map();

/** Told of rows that were picked, or no longer are. */
export type OnPick = (rows: readonly Pick[], isPicked: boolean) => void;

/** The same for the same key. */
export function pickName(key: RowKey): string {
  return JSON.stringify(key);
}

/** With these rows of a dataset picked, or none of them. */
export function pickedIn(
  before: PicksByDataset,
  dataset: string,
  { rows, isPicked }: { readonly rows: readonly Pick[]; readonly isPicked: boolean },
): PicksByDataset {
  const picks = new Map(before.get(dataset));
  for (const row of rows) {
    if (isPicked) picks.set(pickName(row.key), row);
    else picks.delete(pickName(row.key));
  }
  const next = new Map(before);
  if (picks.size > 0) next.set(dataset, picks);
  else next.delete(dataset);
  return next;
}

/** How many rows of a dataset are picked to come back, and to go. */
export interface PickCounts {
  readonly dataset: string;
  readonly back: number;
  readonly gone: number;
}

/** The picked rows of each dataset. */
export function pickCounts(picks: PicksByDataset): readonly PickCounts[] {
  return [...picks].map(([dataset, rows]) => {
    const gone = [...rows.values()].filter((row) => row.gone !== undefined).length;
    return { dataset, back: rows.size - gone, gone };
  });
}

/** `Put back 3 rows, remove 1 row`; undefined if nothing is picked. */
export function actionOf(counts: readonly PickCounts[]): string | undefined {
  const sum = (of: 'back' | 'gone') => counts.reduce((all, count) => all + count[of], 0);
  const [back, gone] = [sum('back'), sum('gone')];
  if (back === 0) return gone === 0 ? undefined : `Remove ${plural(gone, 'row')}`;
  return `Put back ${plural(back, 'row')}${gone === 0 ? '' : `, remove ${plural(gone, 'row')}`}`;
}

/** The picked rows as the API takes them: of all datasets in one transaction. Undefined if there are none. */
export function selectionOf(picks: PicksByDataset): RowSelection | undefined {
  const [first, ...more] = [...picks].map(([dataset, rows]) => {
    const all = [...rows.values()];
    const keys = all.filter(({ gone }) => gone === undefined).map(({ key }) => [...key]);
    const remove = all.flatMap(({ gone }) => (gone === undefined ? [] : [gone]));
    return {
      dataset,
      ...(keys.length > 0 ? { keys } : {}),
      ...(remove.length > 0 ? { remove } : {}),
    };
  });
  return first && { ...first, ...(more.length > 0 ? { more } : {}) };
}
