import type { RowVersion } from './answer.ts';

/** A column of a row in two versions of it. */
export interface FieldChange {
  readonly column: string;
  /** Undefined: the version has no such column. */
  readonly before: Side | undefined;
  readonly after: Side | undefined;
}

interface Side {
  readonly value: string | null;
  /** Of the column, from 0. */
  readonly place: number;
}

/** The columns in which two versions of a row differ; all of the later one if there was no row before. */
export function changesBetween(before: RowVersion | undefined, after: RowVersion): readonly FieldChange[] {
  const names = [...new Set([...after.columns, ...(before?.columns ?? [])].map(({ name }) => name))];
  const all = names.map((column) => ({
    column,
    before: sideOf(before, column),
    after: sideOf(after, column),
  }));
  if (!before?.values) return all.filter((change) => change.after !== undefined);
  return all.filter((change) => isOtherwise(change, before, after));
}

function sideOf(version: RowVersion | undefined, column: string): Side | undefined {
  const place = version?.columns.findIndex(({ name }) => name === column) ?? -1;
  return place < 0 || !version?.values ? undefined : { value: version.values[place] ?? null, place };
}

/** Of cut values the length counts too: what was left out may differ, and then nothing else says so. */
function isOtherwise({ before, after }: FieldChange, earlier: RowVersion, later: RowVersion): boolean {
  if (!before || !after) return true;
  const lengthOf = (version: RowVersion, place: number) =>
    version.cut?.find(({ column }) => column === place)?.characters;
  return before.value !== after.value || lengthOf(earlier, before.place) !== lengthOf(later, after.place);
}
