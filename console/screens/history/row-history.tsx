import { useEffect, useState } from 'preact/hooks';
import { backupName } from '../../../shared/core/backup-words.ts';
import { plural } from '../../../shared/core/plural.ts';
import { call } from '../../api/client.ts';
import { useRefusal, useStatus } from '../../api/status.ts';
import { place, replacePlace } from '../../routes.ts';
import { Button } from '../../ui/button.tsx';
import { usePages } from '../../ui/pages.ts';
import { Card, Note, PageHead } from '../../ui/parts.tsx';
import { shortSource } from '../../ui/source-name.tsx';
import { Empty, FailureNote, Loading, Shown } from '../../ui/states.tsx';
import { useBackup } from '../backups/backup.tsx';
import { PutBack } from '../rows/put-back.tsx';
import type { RowVersion } from './answer.ts';
import { Versions } from './versions.tsx';
import { type WantedRow, wantedRow } from './wanted-row.ts';

/** More backups than are looked into at first. */
const MOST_BACKUPS = '100';

/** The screen of one row: every version of it that is stored, from what to what, each to be put back. */
export function RowHistory() {
  const wanted = wantedRow(place.value.query);
  const status = useStatus();
  const refusal = useRefusal('restorer');
  return (
    <div class="page">
      <PageHead title={wanted ? `History of a row of ${wanted.dataset}` : 'History of a row'} back={BACK}>
        {wanted && (
          <p class="soft">
            {shortSource(wanted.source)}: the row with the key {wanted.key.join(', ')}. Looking changes
            nothing, and is in the audit trail.
          </p>
        )}
      </PageHead>
      {!wanted && (
        <Empty title="No row is chosen">
          <p>Open it from the rows of a backup, or from a comparison.</p>
        </Empty>
      )}
      {wanted && (
        <Shown of={status}>
          {() =>
            refusal === undefined ? (
              <Found wanted={wanted} />
            ) : (
              <Note tone="warn">
                <strong>{refusal}</strong>
                <span>A history shows values as they are.</span>
              </Note>
            )
          }
        </Shown>
      )}
    </div>
  );
}

const BACK = { href: '#/backups', name: 'Backups' };

function Found({ wanted }: { readonly wanted: WantedRow }) {
  const { query } = place.value;
  const [chosen, setChosen] = useState<RowVersion>();
  // going back in the history leads to versions, not to a plan
  useEffect(() => setChosen(undefined), [query.toString()]);
  if (chosen?.key != null)
    return <PutBackVersion wanted={wanted} of={chosen.key} onBack={() => setChosen(undefined)} />;
  return <Stored wanted={wanted} onPutBack={setChosen} />;
}

function Stored({
  wanted,
  onPutBack,
}: {
  readonly wanted: WantedRow;
  readonly onPutBack: (version: RowVersion) => void;
}) {
  const { query, path } = place.value;
  const moments = query.get('moments') === 'true';
  const limit = query.get('limit') === MOST_BACKUPS ? Number(MOST_BACKUPS) : undefined;
  const { source, dataset, key } = wanted;
  const asked = {
    source,
    dataset,
    key: JSON.stringify(key),
    moments: moments ? ('true' as const) : undefined,
    limit,
  };
  const found = usePages(`history ${JSON.stringify(asked)}`, async () => ({
    ...(await call('rowHistory', { query: asked })),
    nextCursor: null,
  }));
  const set = (name: string, value: string) => {
    const next = new URLSearchParams(query);
    next.set(name, value);
    replacePlace(path, next);
  };
  const [answer] = found.pages.value;
  const failure = found.failure.value;
  return (
    <Card
      title="Versions"
      isBare
      aside={<Moments source={source} isOn={moments} onChange={(on) => set('moments', String(on))} />}
    >
      {failure && (
        <div class="card-body stack">
          <FailureNote failure={failure} />
          <Button onClick={() => void found.more()}>Try again</Button>
        </div>
      )}
      {!answer && !failure && <Loading lines={6} />}
      {answer && (
        <>
          {answer.warnings.length > 0 && (
            <div class="card-body">
              <Note tone="warn">
                {answer.warnings.map((warning) => (
                  <span key={warning}>{warning}</span>
                ))}
              </Note>
            </div>
          )}
          {answer.versions.every(({ values }) => values === null) ? (
            <Empty title={`None of ${plural(answer.backups, 'backup')} has this row`} />
          ) : (
            <Versions versions={answer.versions} onPutBack={onPutBack} />
          )}
          <div class="list-foot">
            <span role="status">
              {answer.isComplete
                ? `Looked into ${plural(answer.backups, 'backup')}: all that there are.`
                : `Looked into the newest ${plural(answer.backups, 'backup')}; there are others.`}
            </span>
            {!answer.isComplete && limit === undefined && (
              <Button onClick={() => set('limit', MOST_BACKUPS)}>Look into {MOST_BACKUPS} backups</Button>
            )}
          </div>
        </>
      )}
    </Card>
  );
}

/** Only for a source whose changes are stored. */
function Moments({
  source,
  isOn,
  onChange,
}: {
  readonly source: string;
  readonly isOn: boolean;
  readonly onChange: (isOn: boolean) => void;
}) {
  const known = useStatus().value.value?.sources ?? [];
  if (!isOn && !known.some((one) => one.source.name === source && one.continuous)) return null;
  return (
    <label class="row small">
      <input type="checkbox" checked={isOn} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>Also between backups, to the transaction</span>
    </label>
  );
}

/** The whole row as that backup has it. */
function PutBackVersion({
  wanted: { dataset, key },
  of,
  onBack,
}: {
  readonly wanted: WantedRow;
  readonly of: string;
  readonly onBack: () => void;
}) {
  const found = useBackup(backupName(of));
  return (
    <Shown of={found}>
      {(backup) => (
        <PutBack backup={backup} rows={{ dataset, keys: [[...key]] }} onConflict="replace" onBack={onBack} />
      )}
    </Shown>
  );
}
