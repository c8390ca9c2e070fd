import { type OnPick, type Picks, pickName, type RowKey } from './picks.ts';

/** A box that picks a row, named by its key. */
export function PickBox({
  rowKey,
  names,
  picks,
  onPick,
}: {
  readonly rowKey: RowKey;
  /** Of the key's columns. */
  readonly names: readonly string[];
  readonly picks: Picks;
  readonly onPick: OnPick;
}) {
  const said = names.map((name, i) => `${name} ${rowKey[i] ?? 'NULL'}`).join(', ');
  return (
    <input
      type="checkbox"
      aria-label={`Pick the row with ${said}`}
      checked={picks.has(pickName(rowKey))}
      onChange={(event) => onPick([rowKey], event.currentTarget.checked)}
    />
  );
}

/** A box that picks all rows that are shown, or none. */
export function PickAll({
  keys,
  picks,
  onPick,
}: {
  readonly keys: readonly RowKey[];
  readonly picks: Picks;
  readonly onPick: OnPick;
}) {
  return (
    <input
      type="checkbox"
      aria-label="Pick all rows that are shown"
      checked={keys.length > 0 && keys.every((key) => picks.has(pickName(key)))}
      onChange={(event) => onPick(keys, event.currentTarget.checked)}
    />
  );
}
