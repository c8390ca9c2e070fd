import { useState } from 'preact/hooks';
import { number, plural } from '../../shared/core/plural.ts';
import { call } from '../api/client.ts';
import type { AnswerOf } from '../api/types.ts';
import { backupHref } from '../routes.ts';
import { SelectField } from '../ui/fields.tsx';
import { When } from '../ui/moment.tsx';
import { usePages } from '../ui/pages.ts';
import { Badge, Card, Facts, Note, PageHead } from '../ui/parts.tsx';
import { ScrollX } from '../ui/scroll-x.tsx';
import { ShowMore } from '../ui/show-more.tsx';
import { SourceName } from '../ui/source-name.tsx';
import { Empty, FailureNote, Loading } from '../ui/states.tsx';

type Answer = AnswerOf<'retention'>;
const SHOWN = [
  ['all', 'All'],
  ['kept', 'What stays'],
  ['expiring', 'What goes'],
] as const;
type ShownKind = (typeof SHOWN)[number][0];

/** What the next prune would do, and why. */
export function Retention() {
  const [show, setShow] = useState<ShownKind>('all');
  const found = usePages(`retention ${show}`, (cursor) => call('retention', { query: { show, cursor } }));
  const pages = found.pages.value;
  const first = pages[0];
  const failure = found.failure.value;
  return (
    <div class="page">
      <PageHead title="Retention">
        <p class="soft">What the next prune would keep and remove, and why. Looking changes nothing.</p>
      </PageHead>
      {failure && <FailureNote failure={failure} />}
      {first && <Policy answer={first} />}
      <section class="card" aria-label="Decisions">
        <div class="filters">
          <SelectField
            label="Show"
            value={show}
            onInput={(value) => setShow(value as ShownKind)}
            options={SHOWN}
          />
        </div>
        {first ? (
          <Decisions decisions={pages.flatMap(({ decisions }) => decisions)} />
        ) : (
          !failure && <Loading lines={9} />
        )}
        <ShowMore of={found} />
      </section>
    </div>
  );
}

function Policy({ answer }: { readonly answer: Answer }) {
  const { kept, expiring, refusal, policy } = answer;
  return (
    <>
      {refusal !== null && (
        <Note tone="warn">
          <strong>The next prune would refuse.</strong>
          <span>{refusal}</span>
        </Note>
      )}
      <Card title={expiring === 0 ? 'Nothing would go' : `${plural(expiring, 'backup')} would go`}>
        <Facts
          facts={[
            ['Stay', number(kept)],
            ['Go', number(expiring)],
            ...Object.entries(policy.days).map(
              ([type, days]) =>
                [`Type ${type}`, days === 0 ? 'by counts alone' : plural(days, 'day')] as const,
            ),
            ...Object.entries(policy.counts).map(([name, count]) => [`Keep ${name}`, number(count)] as const),
            ['Grace', plural(policy.graceDays, 'day')],
          ]}
        />
      </Card>
    </>
  );
}

function Decisions({ decisions }: { readonly decisions: Answer['decisions'] }) {
  if (decisions.length === 0) return <Empty title="None" />;
  return (
    <ScrollX label="Decisions">
      <table class="table">
        <thead>
          <tr>
            <th>Backup</th>
            <th>Type</th>
            <th>Source</th>
            <th>Decision</th>
            <th>Why</th>
          </tr>
        </thead>
        <tbody>
          {decisions.map(({ key, type, source, startedAt, keep, reasons }) => (
            <tr key={key}>
              <td>
                <When at={startedAt} href={backupHref(key)} />
              </td>
              <td>
                <Badge>{type}</Badge>
              </td>
              <td>{source ? <SourceName source={source} /> : '—'}</td>
              <td>
                <Badge tone={keep ? 'good' : 'warn'}>{keep ? 'Stays' : 'Goes'}</Badge>
              </td>
              <td>{reasons.join(' · ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}
