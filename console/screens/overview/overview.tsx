import { call } from '../../api/client.ts';
import { useResource } from '../../api/resource.ts';
import { type Status, useStatus } from '../../api/status.ts';
import { Ago } from '../../ui/moment.tsx';
import { Card, PageHead } from '../../ui/parts.tsx';
import { Shown } from '../../ui/states.tsx';
import { BackUpNow } from '../backups/back-up-now.tsx';
import { FirstBackups } from '../backups/first-backups.tsx';
import { Calendars } from './calendar.tsx';
import { Growth } from './growth.tsx';
import { SecondPlaces } from './second-places.tsx';
import { SourceCard } from './source-card.tsx';
import { VerdictCard } from './verdict.tsx';

const STORAGE_PACE_MS = 300_000;

/** The first screen: whether all is well, and what to do. */
export function Overview() {
  const status = useStatus();
  const storage = useResource(
    'storage',
    () => call('storage'),
    () => STORAGE_PACE_MS,
  );
  return (
    <div class="page">
      <PageHead title="Overview" actions={<BackUpNow />}>
        {status.value.value && (
          <p class="soft small">
            {status.value.value.repository.location} · as of <Ago at={status.value.value.now} />
          </p>
        )}
      </PageHead>
      <Shown of={status}>{(value) => <State status={value} />}</Shown>
      <Card title="Backups by day">
        <Shown of={storage}>{(value) => <Calendars storage={value} />}</Shown>
      </Card>
      <Card title="Storage">
        <Shown of={storage}>{(value) => <Growth storage={value} />}</Shown>
      </Card>
    </div>
  );
}

function State({ status }: { readonly status: Status }) {
  return (
    <>
      <VerdictCard status={status} />
      {status.sources.length === 0 ? (
        <Card>
          <FirstBackups />
        </Card>
      ) : (
        status.sources.map((source) => (
          <SourceCard key={`${source.source.kind} ${source.source.name}`} state={source} status={status} />
        ))
      )}
      <SecondPlaces copies={status.copies} />
    </>
  );
}
