import { type OnPick, type Pick, type Picks, pickName } from './picks.ts';

/** A box that picks a row, named by its key. */
export function PickBox({
  row,
  names,
  picks,
  onPick,
}: {
  readonly row: Pick;
  /** Of the key's columns. */
  readonly names: readonly string[];
  readonly picks: Picks;
  readonly onPick: OnPick;
}) {
  const said = names.map((name, i) => `${name} ${row.key[i] ?? 'NULL'}`).join(', ');
  return (
    <input
      type="checkbox"
      aria-label={row.gone ? `Remove the row with ${said}` : `Pick the row with ${said}`}
      checked={picks.has(pickName(row.key))}
      onChange={(event) => onPick([row], event.currentTarget.checked)}
    />
  );
}

/** A box that picks all of some rows that are shown, or none. */
export function PickAll({
  label = 'Pick all rows that are shown',
  rows,
  picks,
  onPick,
}: {
  readonly label?: string;
  readonly rows: readonly Pick[];
  readonly picks: Picks;
  readonly onPick: OnPick;
}) {
  return (
    <input
      type="checkbox"
      aria-label={label}
      checked={rows.length > 0 && rows.every(({ key }) => picks.has(pickName(key)))}
      onChange={(event) => onPick(rows, event.currentTarget.checked)}
    />
  );
}
