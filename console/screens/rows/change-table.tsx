import { Badge, type Tone } from '../../ui/parts.tsx';
import { ScrollX } from '../../ui/scroll-x.tsx';
import type { ChangedRow, Column } from './answers.ts';
import { PickAll, PickBox } from './pick-box.tsx';
import type { OnPick, Pick, Picks, RowKey } from './picks.ts';
import { ColumnHead, HistoryLink } from './row-table.tsx';
import { charactersIn, Value } from './value.tsx';

/** Longer values of a row that is removed are not sent along: its key and the others tell whether it changed. */
const MOST_SAID = 200;

/**
 * Rows that differ; of changed ones both values. Those that the backup has can be picked to come back, and those that came later, if
 * they can be removed, to go: only by a box of their own.
 */
export function ChangeTable({
  dataset,
  columns,
  rows,
  otherName,
  canRemove,
  picks,
  onPick,
  historyOf,
}: {
  readonly dataset: string;
  readonly columns: readonly Column[];
  readonly rows: readonly ChangedRow[];
  readonly otherName: string;
  readonly canRemove: boolean;
  readonly picks: Picks;
  readonly onPick: OnPick;
  /** The address of the history of a row. */
  readonly historyOf: (key: RowKey) => string | undefined;
}) {
  const names = columns.filter(({ isKey }) => isKey).map(({ name }) => name);
  const pickOf = (row: ChangedRow) => pickableOf(row, columns, canRemove);
  const all = rows.flatMap((row) => pickOf(row) ?? []);
  const back = all.filter(({ gone }) => gone === undefined);
  const gone = all.filter((row) => row.gone !== undefined);
  const removeAll = `Remove ${gone.length === 1 ? 'the row' : `all ${gone.length} rows`} that ${gone.length === 1 ? 'is' : 'are'} only in ${otherName}`;
  return (
    <>
      {gone.length > 0 && (
        <div class="table-head remove-all">
          <PickAll label={removeAll} rows={gone} picks={picks} onPick={onPick} />
          <span aria-hidden="true">{removeAll}</span>
        </div>
      )}
      <ScrollX label={`Rows of ${dataset} that differ`}>
        <table class="table rows">
          <thead>
            <tr>
              <th class="pick">{back.length > 0 && <PickAll rows={back} picks={picks} onPick={onPick} />}</th>
              <th scope="col">What</th>
              {columns.map((column) => (
                <ColumnHead key={column.name} column={column} />
              ))}
              {names.length > 0 && (
                <th scope="col">
                  <span class="unseen">History</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => {
              const pick = pickOf(row);
              return (
                <tr key={i} class={row.change}>
                  <td class="pick">
                    {pick && <PickBox row={pick} names={names} picks={picks} onPick={onPick} />}
                  </td>
                  <td>
                    <What change={row.change} otherName={otherName} />
                  </td>
                  {columns.map(({ name }, at) => (
                    <td key={name}>
                      <Cell row={row} at={at} otherName={otherName} />
                    </td>
                  ))}
                  {names.length > 0 && (
                    <td>
                      <HistoryLink href={historyOf(row.key)} names={names} rowKey={row.key} />
                    </td>
                  )}
                </tr>
              );
            })}
          </tbody>
        </table>
      </ScrollX>
    </>
  );
}

/** Undefined for a row that has no key to name it by, or that came later and has to stay. */
function pickableOf(
  { change, key, after = [], cut }: ChangedRow,
  columns: readonly Column[],
  canRemove: boolean,
): Pick | undefined {
  if (key.length === 0) return undefined;
  if (change !== 'added') return { key };
  if (!canRemove) return undefined;
  const said = columns.flatMap(({ name, isKey }, at) => {
    const value = after[at] ?? null;
    const isLong = charactersIn(cut, at) !== undefined || (value?.length ?? 0) > MOST_SAID;
    return isKey || isLong ? [] : [[name, value] as const];
  });
  const names = columns.filter(({ isKey }) => isKey).map(({ name }) => name);
  return {
    key,
    gone: Object.fromEntries([...names.map((name, i) => [name, key[i] ?? null] as const), ...said]),
  };
}

const TONES: Readonly<Record<ChangedRow['change'], Tone>> = {
  removed: 'warn',
  added: 'plain',
  changed: 'info',
};

function What({ change, otherName }: { readonly change: ChangedRow['change']; readonly otherName: string }) {
  const said = {
    removed: '− Only in this backup',
    added: `+ Only in ${otherName}`,
    changed: '~ Changed',
  }[change];
  return <Badge tone={TONES[change]}>{said}</Badge>;
}

/** A value, or what it was and what it is: struck through and underlined, and said to screen readers. */
function Cell({
  row: { change, before, after, changedColumns, cut },
  at,
  otherName,
}: {
  readonly row: ChangedRow;
  readonly at: number;
  readonly otherName: string;
}) {
  const characters = charactersIn(cut, at);
  if (change !== 'changed' || !changedColumns?.includes(at))
    return <Value text={(before ?? after)?.[at] ?? null} characters={characters} />;
  return (
    <>
      <del>
        <span class="unseen">in this backup </span>
        <Value text={before?.[at] ?? null} characters={characters} />
      </del>{' '}
      <ins>
        <span class="unseen">in {otherName} </span>
        <Value text={after?.[at] ?? null} characters={characters} />
      </ins>
    </>
  );
}
