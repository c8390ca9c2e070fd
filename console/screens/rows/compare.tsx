import { useEffect, useState } from 'preact/hooks';
import { call } from '../../api/client.ts';
import { useResource } from '../../api/resource.ts';
import { useRefusal, useStatus } from '../../api/status.ts';
import { backupHref, place, replacePlace } from '../../routes.ts';
import { backupMoment } from '../../ui/backup-link.tsx';
import { type Option, SelectField } from '../../ui/fields.tsx';
import { momentText } from '../../ui/moment.tsx';
import { Note, PageHead } from '../../ui/parts.tsx';
import { Shown } from '../../ui/states.tsx';
import { useBackup } from '../backups/backup.tsx';
import type { Detail } from '../backups/detail.ts';
import { LIVE } from './answers.ts';
import { Differences } from './differences.tsx';

const MOST_OFFERED = 200;

/** The screen that compares a backup with another one, or with its database as it is now. */
export function Compare({ name }: { readonly name: string }) {
  const found = useBackup(name);
  const status = useStatus();
  const refusal = useRefusal('restorer');
  return (
    <div class="page">
      <PageHead title={`Compare · ${backupMoment(name)}`} back={{ href: backupHref(name), name: 'Backup' }}>
        <p class="soft">Row by row. Looking changes nothing, and is recorded in the audit trail.</p>
      </PageHead>
      <Shown of={status}>
        {() =>
          refusal === undefined ? (
            <Shown of={found}>{(backup) => <Sides backup={backup} />}</Shown>
          ) : (
            <Note tone="warn">
              <strong>{refusal}</strong>
              <span>A comparison shows values as they are.</span>
            </Note>
          )
        }
      </Shown>
    </div>
  );
}

function Sides({ backup }: { readonly backup: Detail }) {
  const { query, path } = place.value;
  const options = useOptions(backup);
  const other = query.get('with') ?? options[0]?.[0] ?? '';
  const [isPuttingBack, setPuttingBack] = useState(false);
  // going back in the history leads to rows, not to a plan
  useEffect(() => setPuttingBack(false), [other]);
  return (
    <>
      {!isPuttingBack && (
        <section class="card" aria-label="With what">
          <div class="card-body">
            <SelectField
              label="Compare with"
              value={other}
              onInput={(value) => replacePlace(path, new URLSearchParams({ with: value }))}
              options={options.some(([value]) => value === other) ? options : [...options, [other, other]]}
            />
          </div>
        </section>
      )}
      {other !== '' && (
        <Differences
          key={other}
          backup={backup}
          other={other}
          otherName={other === LIVE ? 'the database now' : 'the other backup'}
          isPuttingBack={isPuttingBack}
          onPutBack={setPuttingBack}
        />
      )}
    </>
  );
}

/** The database first, if it is configured, and then other backups of the source, newest first. */
function useOptions({ name, source }: Detail): readonly Option[] {
  const others = useResource(`backups of ${source.name}`, () =>
    call('list', { query: { source: source.name, limit: MOST_OFFERED } }),
  ).value.value;
  const known = useStatus().value.value?.sources ?? [];
  const isLive = known.some((one) => one.source.name === source.name && one.isConfigured);
  return [
    ...(isLive ? [[LIVE, 'the database as it is now'] as const] : []),
    ...(others?.backups ?? [])
      .filter((one) => one.name !== name)
      .map((one) => [one.name, `the backup of ${momentText(one.startedAt)}`] as const),
  ];
}
