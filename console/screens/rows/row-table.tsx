import { ScrollX } from '../../ui/scroll-x.tsx';
import type { Column, Row } from './answers.ts';
import { PickAll, PickBox } from './pick-box.tsx';
import type { OnPick, Picks, RowKey } from './picks.ts';
import { charactersIn, Value } from './value.tsx';

/** Rows of a dataset; those that have a key can be picked. */
export function RowTable({
  dataset,
  columns,
  shown,
  rows,
  picks,
  onPick,
  historyOf,
}: {
  readonly dataset: string;
  readonly columns: readonly Column[];
  /** Names of the columns to show. */
  readonly shown: readonly string[];
  readonly rows: readonly Row[];
  /** Undefined: nothing can be picked. */
  readonly picks: Picks | undefined;
  readonly onPick: OnPick;
  /** The address of the history of a row. */
  readonly historyOf: (key: RowKey) => string | undefined;
}) {
  const names = columns.filter(({ isKey }) => isKey).map(({ name }) => name);
  const keys = rows.map((row) => keyOf(row, columns));
  const places = columns.flatMap(({ name }, at) => (shown.includes(name) ? [at] : []));
  return (
    <ScrollX label={`Rows of ${dataset}`}>
      <table class="table rows">
        <thead>
          <tr>
            {picks && (
              <th class="pick">
                <PickAll rows={keys.flatMap((key) => (key ? [{ key }] : []))} picks={picks} onPick={onPick} />
              </th>
            )}
            {places.map((at) => (
              <ColumnHead key={at} column={columns[at]} />
            ))}
            {picks && (
              <th scope="col">
                <span class="unseen">History</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ values, cut }, i) => (
            <tr key={i}>
              {picks && (
                <td class="pick">
                  {keys[i] && <PickBox row={{ key: keys[i] }} names={names} picks={picks} onPick={onPick} />}
                </td>
              )}
              {places.map((at) => (
                <td key={at}>
                  <Value text={values[at] ?? null} characters={charactersIn(cut, at)} />
                </td>
              ))}
              {picks && (
                <td>{keys[i] && <HistoryLink href={historyOf(keys[i])} names={names} rowKey={keys[i]} />}</td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}

/** Leads to every version of a row. */
export function HistoryLink({
  href,
  names,
  rowKey,
}: {
  readonly href: string | undefined;
  /** Of the key's columns. */
  readonly names: readonly string[];
  readonly rowKey: RowKey;
}) {
  if (href === undefined) return null;
  return (
    <a href={href}>
      History
      <span class="unseen">
        {' '}
        of the row with {names.map((name, i) => `${name} ${rowKey[i] ?? ''}`).join(', ')}
      </span>
    </a>
  );
}

/** A column's name, its type, and whether it is of the key. */
export function ColumnHead({ column }: { readonly column: Column | undefined }) {
  return (
    <th scope="col">
      {column?.name} {column?.isKey && <span class="badge">key</span>}
      <span class="type faint">{column?.type}</span>
    </th>
  );
}

/** The whole values of a row's key; undefined if one of them was cut: it names no row. */
function keyOf({ values, cut }: Row, columns: readonly Column[]): RowKey | undefined {
  const places = columns.flatMap(({ isKey }, at) => (isKey ? [at] : []));
  if (places.some((at) => charactersIn(cut, at) !== undefined)) return undefined;
  return places.map((at) => values[at] ?? null);
}
