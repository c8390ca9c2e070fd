import { number, plural } from '../../../shared/core/plural.ts';
import { Note } from '../../ui/parts.tsx';
import { ScrollX } from '../../ui/scroll-x.tsx';
import type { Plan } from './plan.ts';

type Changes = NonNullable<Plan['changes']>;

/** Rows that the restore would change at its target, as it is now. */
export function WillChange({ changes: { datasets, isComplete, problem } }: { readonly changes: Changes }) {
  if (problem !== null)
    return (
      <Note tone="info">
        <strong>It isn’t known which rows would change.</strong>
        <span>{problem}</span>
      </Note>
    );
  const changing = datasets.filter(
    ({ added, removed, changed }) => added !== 0 || removed !== 0 || changed !== 0,
  );
  const same = datasets.length - changing.length;
  return (
    <section class="stack" aria-label="What will change">
      <h3>What will change</h3>
      {changing.length > 0 && (
        <ScrollX label="Rows that will change">
          <table class="table">
            <thead>
              <tr>
                <th>Dataset</th>
                <th class="number">Rows that come</th>
                <th class="number">Rows that go</th>
                <th class="number">Rows that change</th>
              </tr>
            </thead>
            <tbody>
              {changing.map(({ name, added, removed, changed }) => (
                <tr key={name}>
                  <td>{name}</td>
                  <td class="number">{counted(added)}</td>
                  <td class="number">{counted(removed)}</td>
                  <td class="number">{counted(changed)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollX>
      )}
      {same > 0 && (
        <p class="soft">{plural(same, 'dataset')} at the target: every row is as in the backup.</p>
      )}
      {!isComplete && <p class="soft">There was no time to count everything.</p>}
    </section>
  );
}

function counted(rows: number | null): string {
  return rows === null ? 'not counted' : number(rows);
}
