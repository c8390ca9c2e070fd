import { Badge, type Tone } from '../../ui/parts.tsx';
import { ScrollX } from '../../ui/scroll-x.tsx';
import type { ChangedRow, Column } from './answers.ts';
import { PickAll, PickBox } from './pick-box.tsx';
import type { OnPick, Picks } from './picks.ts';
import { ColumnHead } from './row-table.tsx';
import { charactersIn, Value } from './value.tsx';

/** Rows that differ; of changed ones both values. Those that the backup has can be picked. */
export function ChangeTable({
  dataset,
  columns,
  rows,
  otherName,
  picks,
  onPick,
}: {
  readonly dataset: string;
  readonly columns: readonly Column[];
  readonly rows: readonly ChangedRow[];
  readonly otherName: string;
  readonly picks: Picks;
  readonly onPick: OnPick;
}) {
  const names = columns.filter(({ isKey }) => isKey).map(({ name }) => name);
  const keys = rows.filter(isPickable).map(({ key }) => key);
  return (
    <ScrollX label={`Rows of ${dataset} that differ`}>
      <table class="table rows">
        <thead>
          <tr>
            <th class="pick">{keys.length > 0 && <PickAll keys={keys} picks={picks} onPick={onPick} />}</th>
            <th scope="col">What</th>
            {columns.map((column) => (
              <ColumnHead key={column.name} column={column} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i} class={row.change}>
              <td class="pick">
                {isPickable(row) && <PickBox rowKey={row.key} names={names} picks={picks} onPick={onPick} />}
              </td>
              <td>
                <What change={row.change} otherName={otherName} />
              </td>
              {columns.map(({ name }, at) => (
                <td key={name}>
                  <Cell row={row} at={at} otherName={otherName} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}

/** The backup has it, and it can be named. */
function isPickable({ change, key }: ChangedRow): boolean {
  return change !== 'added' && key.length > 0;
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
