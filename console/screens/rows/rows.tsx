import { useEffect, useState } from 'preact/hooks';
import { backupHref, place, replacePlace } from '../../routes.ts';
import { backupMoment } from '../../ui/backup-link.tsx';
import { SelectField } from '../../ui/fields.tsx';
import { PageHead } from '../../ui/parts.tsx';
import { Empty, Shown } from '../../ui/states.tsx';
import { useBackup } from '../backups/backup.tsx';
import type { Detail } from '../backups/detail.ts';
import { DatasetRows } from './dataset-rows.tsx';

/** The screen of the rows of a backup: to find some, and to put them back. */
export function Rows({ name }: { readonly name: string }) {
  const found = useBackup(name);
  return (
    <div class="page">
      <PageHead title={`Rows · ${backupMoment(name)}`} back={{ href: backupHref(name), name: 'Backup' }}>
        <p class="soft">
          As they are in the backup. Looking changes nothing, and is recorded in the audit trail.
        </p>
      </PageHead>
      <Shown of={found}>{(backup) => <Datasets backup={backup} />}</Shown>
    </div>
  );
}

function Datasets({ backup }: { readonly backup: Detail }) {
  const names = (backup.sealed?.datasets ?? [])
    .filter(({ kind }) => kind === 'data')
    .map((dataset) => dataset.name);
  const { query, path } = place.value;
  const given = query.get('dataset') ?? '';
  const dataset = names.length === 1 ? (names[0] ?? '') : given;
  const [isPuttingBack, setPuttingBack] = useState(false);
  // going back in the history leads to rows, not to a plan
  useEffect(() => setPuttingBack(false), [dataset]);
  if (names.length === 0)
    return (
      <section class="card" aria-label="Rows">
        {backup.sealed ? (
          <Empty title="The backup has no rows" />
        ) : (
          <Empty title="The rows are sealed">
            <p>This API has no key to open them with.</p>
          </Empty>
        )}
      </section>
    );
  return (
    <>
      {!isPuttingBack && (
        <section class="card" aria-label="Which rows">
          <div class="card-body">
            <SelectField
              label="Dataset"
              value={dataset}
              onInput={(name) =>
                replacePlace(path, new URLSearchParams(name === '' ? {} : { dataset: name }))
              }
              options={[
                ...(names.includes(dataset) ? [] : [['', 'Choose one'] as const]),
                ...names.map((name) => [name, name] as const),
              ]}
            />
          </div>
        </section>
      )}
      {names.includes(dataset) && (
        <DatasetRows
          key={dataset}
          backup={backup}
          dataset={dataset}
          isPuttingBack={isPuttingBack}
          onPutBack={setPuttingBack}
        />
      )}
    </>
  );
}
