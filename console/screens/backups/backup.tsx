import { bytes, duration } from '../../../shared/core/human.ts';
import { number } from '../../../shared/core/plural.ts';
import { call } from '../../api/client.ts';
import { useResource } from '../../api/resource.ts';
import { compareHref, rowsHref } from '../../routes.ts';
import { BackupLink } from '../../ui/backup-link.tsx';
import { BackupState } from '../../ui/backup-state.tsx';
import { Button } from '../../ui/button.tsx';
import { Moment, momentText, When } from '../../ui/moment.tsx';
import { Card, Facts, PageHead } from '../../ui/parts.tsx';
import { kindName, SourceName, shortSource } from '../../ui/source-name.tsx';
import { Shown } from '../../ui/states.tsx';
import { Actions } from './actions.tsx';
import { Datasets } from './datasets.tsx';
import type { Detail } from './detail.ts';
import { History } from './history.tsx';
import { Warnings } from './warnings.tsx';

/** The resource of a backup, also for whatever changes it. */
export function useBackup(name: string) {
  return useResource(`backup ${name}`, () => call('backup', { param: name }));
}

/** The screen of one backup. */
export function Backup({ name }: { readonly name: string }) {
  const found = useBackup(name);
  const backup = found.value.value;
  return (
    <div class="page">
      <PageHead
        title={backup ? `${shortSource(backup.source.name)} · ${momentText(backup.startedAt)}` : name}
        back={{ href: '#/backups', name: 'Backups' }}
        actions={backup && <Actions backup={backup} onChange={() => found.refresh()} />}
      >
        {backup && <BackupState backup={backup} />}
      </PageHead>
      <Shown of={found}>{(value) => <Parts backup={value} />}</Shown>
    </div>
  );
}

function Parts({ backup }: { readonly backup: Detail }) {
  return (
    <>
      <Warnings backup={backup} />
      <div class="two">
        <div class="stack">
          <Card title="Details">
            <Figures backup={backup} />
          </Card>
          <Card title="Datasets" isBare aside={backup.sealed && <LookInside of={backup.key} />}>
            <Datasets backup={backup} />
          </Card>
        </div>
        <div class="stack">
          <Card title={backup.retention?.keep === false ? 'Why it goes' : 'Why it is kept'}>
            <WhyKept backup={backup} />
          </Card>
          <Card title="History">
            <History history={backup.history} />
          </Card>
        </div>
      </div>
    </>
  );
}

function LookInside({ of }: { readonly of: string }) {
  return (
    <span class="row">
      <Button href={rowsHref(of)}>Find rows</Button>
      <Button href={compareHref(of)}>Compare</Button>
    </span>
  );
}

function Figures({ backup }: { readonly backup: Detail }) {
  const { source, startedAt, finishedAt, records, plainBytes, storedBytes, neededBytes, parent } = backup;
  const tookMs = Date.parse(finishedAt) - Date.parse(startedAt);
  return (
    <Facts
      facts={[
        [
          'Source',
          <>
            <SourceName source={source} /> <span class="faint">({kindName(source.kind)})</span>
          </>,
        ],
        ...(backup.imported
          ? [
              ['Date of its file', <When at={startedAt} />] as const,
              ['Imported from a file', <When at={backup.imported.at} />] as const,
            ]
          : [['Started', <When at={startedAt} />] as const, ['Took', duration(tookMs)] as const]),
        ['Name', <span class="mono">{backup.name}</span>],
        ['Records', number(records)],
        ['Size', bytes(plainBytes)],
        ['New in the repository', bytes(storedBytes)],
        ['Packs it needs', `${bytes(neededBytes)} in ${number(backup.packs)}`],
        ['Compared with', parent === null ? 'none: it is a first one' : <BackupLink of={parent} />],
        ['Consistency', consistency(backup)],
        ['Server', backup.sealed?.server ?? 'known with the key only'],
        ['Written by', backup.software],
        ...(backup.note === null ? [] : ([['Note', backup.note]] as const)),
      ]}
    />
  );
}

function consistency({ consistency: kind, window }: Detail) {
  if (!window) return kind;
  return (
    <>
      {kind}, read from <Moment at={window.from} /> to <Moment at={window.to} />
    </>
  );
}

function WhyKept({ backup: { retention } }: { readonly backup: Detail }) {
  if (!retention) return <p class="soft">The next prune won't touch this backup.</p>;
  return (
    <ul class="stack">
      {retention.reasons.map((reason) => (
        <li key={reason}>{reason}</li>
      ))}
    </ul>
  );
}
