import type { RowSelection } from './answers.ts';

/** The values of a row's key, in the order of its columns. */
export type RowKey = readonly (string | null)[];

/** Rows that somebody picked, by their keys. */
export type Picks = ReadonlyMap<string, RowKey>;
/** Picked rows by their dataset. */
export type PicksByDataset = ReadonlyMap<string, Picks>;

/** None. */
export const NO_PICKS: Picks = new Map();

/** Told of rows that were picked, or no longer are. */
export type OnPick = (keys: readonly RowKey[], isPicked: boolean) => void;

/** The same for the same key. */
export function pickName(key: RowKey): string {
  return JSON.stringify(key);
}

/** With these rows of a dataset picked, or none of them. */
export function pickedIn(
  before: PicksByDataset,
  dataset: string,
  { keys, isPicked }: { readonly keys: readonly RowKey[]; readonly isPicked: boolean },
): PicksByDataset {
  const rows = new Map(before.get(dataset));
  for (const key of keys) {
    if (isPicked) rows.set(pickName(key), key);
    else rows.delete(pickName(key));
  }
  const next = new Map(before);
  if (rows.size > 0) next.set(dataset, rows);
  else next.delete(dataset);
  return next;
}

/** How many rows are picked. */
export function pickCount(picks: PicksByDataset): number {
  return [...picks.values()].reduce((sum, { size }) => sum + size, 0);
}

/** The picked rows as the API takes them: of all datasets in one transaction. Undefined if there are none. */
export function selectionOf(picks: PicksByDataset): RowSelection | undefined {
  const [first, ...more] = [...picks].map(([dataset, rows]) => ({
    dataset,
    keys: [...rows.values()].map((key) => [...key]),
  }));
  return first && { ...first, ...(more.length > 0 ? { more } : {}) };
}
