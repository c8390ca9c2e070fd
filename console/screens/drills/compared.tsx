import { number, plural } from '../../../shared/core/plural.ts';
import { Badge, Card } from '../../ui/parts.tsx';
import { ScrollX } from '../../ui/scroll-x.tsx';
import type { Evidence } from './answer.ts';

type Sealed = NonNullable<Evidence['sealed']>;

/** Each dataset of a drill, with the records on both sides. */
export function Compared({ comparison }: Pick<Sealed, 'comparison'>) {
  if (comparison.length === 0) return null;
  const rows = comparison.toSorted(
    (a, b) => Number(a.equal) - Number(b.equal) || b.backupRecords - a.backupRecords,
  );
  return (
    <Card title="Datasets" isBare>
      <ScrollX label="Datasets that were compared">
        <table class="table">
          <thead>
            <tr>
              <th>Dataset</th>
              <th class="number">In the backup</th>
              <th class="number">Restored</th>
              <th class="number">Missing</th>
              <th class="number">Unexpected</th>
              <th>Result</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ dataset, equal, backupRecords, targetRecords, missing, unexpected }) => (
              <tr key={dataset}>
                <td>{dataset}</td>
                <td class="number">{number(backupRecords)}</td>
                <td class="number">{number(targetRecords)}</td>
                <td class="number">{number(missing)}</td>
                <td class="number">{number(unexpected)}</td>
                <td>
                  <Badge tone={equal ? 'good' : 'bad'}>{equal ? 'Equal' : 'Different'}</Badge>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollX>
    </Card>
  );
}

/** How the restored schema compares with the backup's. */
export function Schema({ schema }: Pick<Sealed, 'schema'>) {
  if (!schema || schema.outcome === 'none') return null;
  const { outcome, objects, missing, unexpected, changed, why } = schema;
  const said = { equal: 'all equal', different: 'different', names: 'all there by name' }[outcome];
  const lists = [
    ['Missing', missing],
    ['Unexpected', unexpected],
    ['Changed', changed],
  ] as const;
  return (
    <Card title="Schema">
      <div class="stack">
        <p>
          {plural(objects, 'object')}, {said}
          {why !== null && `: ${why}`}
        </p>
        {lists.map(
          ([title, names]) =>
            names.length > 0 && (
              <div key={title}>
                <h3>{title}</h3>
                <Lines lines={names} />
              </div>
            ),
        )}
      </div>
    </Card>
  );
}

/** What the drill did not compare, one sentence each. */
export function LeftOut({ sentences }: { readonly sentences: readonly string[] }) {
  return (
    <Card title="Left out">
      {sentences.length === 0 ? (
        <p>Nothing: the whole backup was restored and compared.</p>
      ) : (
        <Lines lines={sentences} />
      )}
    </Card>
  );
}

function Lines({ lines }: { readonly lines: readonly string[] }) {
  return (
    <ul class="stack">
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}
