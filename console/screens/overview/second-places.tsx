import { number, plural } from '../../../shared/core/plural.ts';
import type { Status } from '../../api/status.ts';
import { backupHref } from '../../routes.ts';
import { Ago } from '../../ui/moment.tsx';
import { Badge, Card } from '../../ui/parts.tsx';

type CopyState = Status['copies'][number];

/** How far each second place is behind; nothing without one. */
export function SecondPlaces({ copies }: { readonly copies: readonly CopyState[] }) {
  if (copies.length === 0) return null;
  return (
    <Card title="Second places" isBare>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Place</th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          {copies.map((copy) => (
            <tr key={copy.name}>
              <td>{copy.name}</td>
              <td>{copy.to}</td>
              <td>
                <State copy={copy} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function State({ copy }: { readonly copy: CopyState }) {
  const { wanted, missing, missingSegments, problem } = copy;
  if (problem !== null)
    return (
      <>
        <Badge tone="bad">not known</Badge> {problem}
      </>
    );
  if (missing + missingSegments === 0) return <Badge tone="good">has all {plural(wanted, 'backup')}</Badge>;
  return (
    <>
      <Backups copy={copy} />
      <Segments copy={copy} />
    </>
  );
}

function Segments({ copy: { missingSegments, oldestSegmentAt } }: { readonly copy: CopyState }) {
  if (missingSegments === 0) return null;
  return (
    <>
      {' '}
      <Badge tone="warn">{plural(missingSegments, 'change segment')} missing</Badge>
      {oldestSegmentAt && (
        <span class="small soft">
          {' '}
          the oldest <Ago at={oldestSegmentAt} />
        </span>
      )}
    </>
  );
}

function Backups({ copy: { wanted, missing, oldestMissing } }: { readonly copy: CopyState }) {
  if (missing === 0) return <>has all {plural(wanted, 'backup')}</>;
  return (
    <>
      <Badge tone="warn">
        {number(missing)} of {plural(wanted, 'backup')} missing
      </Badge>
      {oldestMissing && (
        <span class="small soft">
          {' '}
          the oldest <a href={backupHref(oldestMissing.key)}>{oldestMissing.name}</a>,{' '}
          <Ago at={oldestMissing.startedAt} />
        </span>
      )}
    </>
  );
}
