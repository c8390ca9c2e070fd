import { backupHref } from '../../routes.ts';
import { When } from '../../ui/moment.tsx';
import type { Pages } from '../../ui/pages.ts';
import { Badge, Card } from '../../ui/parts.tsx';
import { ScrollX } from '../../ui/scroll-x.tsx';
import { ShowMore } from '../../ui/show-more.tsx';
import { SourceName } from '../../ui/source-name.tsx';
import { Empty, FailureNote, Loading } from '../../ui/states.tsx';
import type { RetentionAnswer } from './answer.ts';

/** Backups with what the next prune does with each, and why. */
export function Decisions({ title, of }: { readonly title: string; readonly of: Pages<RetentionAnswer> }) {
  const pages = of.pages.value;
  const failure = of.failure.value;
  return (
    <Card title={title} isBare>
      {failure && <FailureNote failure={failure} />}
      {pages.length > 0 ? (
        <Rows label={title} decisions={pages.flatMap(({ decisions }) => decisions)} />
      ) : (
        !failure && <Loading lines={5} />
      )}
      <ShowMore of={of} />
    </Card>
  );
}

function Rows({
  label,
  decisions,
}: {
  readonly label: string;
  readonly decisions: RetentionAnswer['decisions'];
}) {
  if (decisions.length === 0) return <Empty title="None" />;
  return (
    <ScrollX label={label}>
      <table class="table cards">
        <thead>
          <tr>
            <th>Backup</th>
            <th>Type</th>
            <th>Source</th>
            <th>Why</th>
          </tr>
        </thead>
        <tbody>
          {decisions.map(({ key, type, source, startedAt, reasons }) => (
            <tr key={key}>
              <td>
                <When at={startedAt} href={backupHref(key)} />
              </td>
              <td>
                <Badge>{type}</Badge>
              </td>
              <td>{source ? <SourceName source={source} /> : '—'}</td>
              <td class="whole">{reasons.join(' · ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}
