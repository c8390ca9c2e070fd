import { backupName } from '../../../shared/core/backup-words.ts';
import { bytes, span } from '../../../shared/core/human.ts';
import { number, plural } from '../../../shared/core/plural.ts';
import { SECOND_MS } from '../../../shared/core/units.ts';
import { backupHref, restoreHref } from '../../routes.ts';
import { Button } from '../../ui/button.tsx';
import { Ago, Moment } from '../../ui/moment.tsx';
import { Badge, Card, Facts, Note, PageHead } from '../../ui/parts.tsx';
import { ScrollX } from '../../ui/scroll-x.tsx';
import { shortSource } from '../../ui/source-name.tsx';
import { Empty, Shown } from '../../ui/states.tsx';
import { type Changes, useChanges } from './answer.ts';
import { Gaps } from './gaps.tsx';
import { Picture } from './picture.tsx';

const MOST_HOURS = 48;

/** The screen of a source that is backed up continuously: which moments can be restored, and how far behind it is. */
export function ChangesOf({ source }: { readonly source: string }) {
  const changes = useChanges(source);
  return (
    <div class="page">
      <PageHead
        title={`Moments of ${shortSource(source)}`}
        back={{ href: '#/', name: 'Overview' }}
        actions={
          <Button icon="restore" href={`${restoreHref()}?source=${encodeURIComponent(source)}`}>
            Restore a moment
          </Button>
        }
      />
      <Shown of={changes}>{(value) => <Parts changes={value} />}</Shown>
    </div>
  );
}

function Parts({ changes }: { readonly changes: Changes }) {
  return (
    <>
      <State changes={changes} />
      <Card title="Moments that can be restored">
        {changes.restorable.length === 0 ? (
          <Empty title="No moment can be restored yet">
            <p>Changes need a backup to begin with, and a poll after it.</p>
          </Empty>
        ) : (
          <>
            <Picture changes={changes} />
            <Restorable changes={changes} />
          </>
        )}
      </Card>
      <Card title="Gaps" isBare>
        <Gaps changes={changes} />
      </Card>
      <Card title="What is stored" isBare>
        <Stored changes={changes} />
      </Card>
    </>
  );
}

function State({ changes }: { readonly changes: Changes }) {
  const { recoveryPoint, readAt, everySeconds, keepSeconds, held, warnings } = changes;
  return (
    <Card title="Recovery point">
      <div class="stack">
        <Note tone={recoveryPoint.isMet ? 'good' : 'warn'}>
          <strong>{recoveryPoint.sentence}</strong>
        </Note>
        <Facts
          facts={[
            ['Stored up to', readAt === null ? 'nothing yet' : <Moment at={readAt} />],
            ['Polled', `every ${secondsText(everySeconds)}`],
            ['Any moment for', span(keepSeconds * SECOND_MS)],
            ['Log held by the server', <Held held={held} />],
            ['Stored', `${plural(changes.segments, 'segment')}, ${bytes(changes.storedBytes)}`],
          ]}
        />
        {warnings.length > 0 && (
          <Note tone="warn">
            <strong>What the changes lack, or warn of:</strong>
            <ul>
              {warnings.map((warning) => (
                <li key={warning}>{warning}</li>
              ))}
            </ul>
          </Note>
        )}
      </div>
    </Card>
  );
}

function secondsText(seconds: number): string {
  if (seconds === 60) return 'minute';
  return seconds % 60 === 0 ? span(seconds * SECOND_MS) : plural(seconds, 'second');
}

function Held({ held }: Pick<Changes, 'held'>) {
  if (held === null) return <>not known here</>;
  const limit = `let go at ${bytes(held.limitBytes)}`;
  return (
    <>
      {held.bytes === null ? 'not known' : bytes(held.bytes)}, {limit}
      {held.problem !== null && <span class="small ink-warn"> {held.problem}</span>}
    </>
  );
}

function Restorable({ changes: { restorable, left } }: { readonly changes: Changes }) {
  return (
    <ScrollX label="Moments that can be restored">
      <table class="table times">
        <caption class="unseen">Stretches of time; every moment of each can be restored</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">Begins with</th>
          </tr>
        </thead>
        <tbody>
          {restorable.map(({ from, to, base }) => (
            <tr key={from}>
              <td>
                <Moment at={from} />
              </td>
              <td>
                <Moment at={to} />
              </td>
              <td>
                <a href={backupHref(base)}>{backupName(base)}</a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {left.restorable > 0 && <p class="small soft">{number(left.restorable)} older ones are not shown.</p>}
    </ScrollX>
  );
}

function Stored({ changes: { hours, bases } }: { readonly changes: Changes }) {
  const most = Math.max(1, ...hours.map(({ storedBytes }) => storedBytes));
  return (
    <>
      <div class="card-body">
        <p>
          <Badge tone="info">{plural(bases.length, 'backup')}</Badge> can be brought up to later moments
          {bases[0] && (
            <>
              , the newest <a href={backupHref(bases[0].key)}>{backupName(bases[0].key)}</a>,{' '}
              <Ago at={bases[0].at} />
            </>
          )}
          .
        </p>
      </div>
      <table class="table times">
        <caption class="unseen">Changes that were stored, by the hour</caption>
        <thead>
          <tr>
            <th scope="col">Hour</th>
            <th scope="col" class="number">
              Segments
            </th>
            <th scope="col" class="number">
              Size
            </th>
          </tr>
        </thead>
        <tbody>
          {hours.slice(0, MOST_HOURS).map(({ hour, segments, storedBytes }) => (
            <tr key={hour}>
              <td>
                <Moment at={hour} />
              </td>
              <td class="number">{number(segments)}</td>
              <td class="number">
                <span class="hour-bar" aria-hidden="true">
                  <span style={{ width: `${Math.round((storedBytes / most) * 100)}%` }} />
                </span>
                {bytes(storedBytes)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
