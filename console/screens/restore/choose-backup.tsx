import { useState } from 'preact/hooks';
import { bytes } from '../../../shared/core/human.ts';
import { number } from '../../../shared/core/plural.ts';
import { call } from '../../api/client.ts';
import { useResource } from '../../api/resource.ts';
import type { Status } from '../../api/status.ts';
import { backupHref, backupName } from '../../routes.ts';
import { BackupState } from '../../ui/backup-state.tsx';
import { Button } from '../../ui/button.tsx';
import { Choice, TextField } from '../../ui/fields.tsx';
import { Ago, Moment } from '../../ui/moment.tsx';
import { Badge } from '../../ui/parts.tsx';
import { SourceName } from '../../ui/source-name.tsx';
import { Empty, Shown } from '../../ui/states.tsx';

/** As many as one looks through. */
const OFFERED = 20;

export function ChooseBackup({
  status,
  chosen,
  onChoose,
  onNext,
}: {
  readonly status: Status;
  readonly chosen: string;
  readonly onChoose: (name: string) => void;
  readonly onNext: () => void;
}) {
  const [until, setUntil] = useState('');
  const list = useResource(`to restore ${until}`, () =>
    call('list', { query: { to: until, limit: OFFERED } }),
  );
  const good = new Set(status.sources.map(({ newestGood }) => newestGood?.key));
  return (
    <>
      <h2>Which backup?</h2>
      <TextField
        label="Not after"
        type="date"
        value={until}
        onInput={setUntil}
        hint="To go back to before something went wrong."
      />
      <Shown of={list}>
        {({ backups }) =>
          backups.length === 0 ? (
            <Empty title="No backup is that old" />
          ) : (
            <div class="stack" role="radiogroup" aria-label="Backup">
              {backups.map((backup) => (
                <Choice
                  key={backup.key}
                  type="radio"
                  name="backup"
                  isChosen={backup.name === chosen}
                  onChoose={() => onChoose(backup.name)}
                  title={
                    <span class="row">
                      <Moment at={backup.startedAt} />
                      <span class="soft">
                        <Ago at={backup.startedAt} />
                      </span>
                      <Badge>{backup.type}</Badge>
                      {good.has(backup.key) && <Badge tone="good">Newest good backup</Badge>}
                      <BackupState backup={backup} />
                    </span>
                  }
                >
                  <SourceName source={backup.source} /> · {number(backup.records)} records ·{' '}
                  {bytes(backup.plainBytes)}
                </Choice>
              ))}
            </div>
          )
        }
      </Shown>
      <div class="dialog-foot">
        {chosen !== '' && (
          <a class="button quiet" href={backupHref(chosen)}>
            Look at {backupName(chosen)}
          </a>
        )}
        <Button look="primary" why={chosen === '' ? 'Choose a backup first.' : undefined} onClick={onNext}>
          Next
        </Button>
      </div>
    </>
  );
}
