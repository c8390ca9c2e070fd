import { useState } from 'preact/hooks';
import { isWaiting } from '../../../shared/core/backup-words.ts';
import { bytes } from '../../../shared/core/human.ts';
import { number } from '../../../shared/core/plural.ts';
import { call } from '../../api/client.ts';
import { useResource } from '../../api/resource.ts';
import type { Status } from '../../api/status.ts';
import { backupHref, runHref } from '../../routes.ts';
import { BackupState, isDamaged } from '../../ui/backup-state.tsx';
import { Button } from '../../ui/button.tsx';
import { Choice, TextField } from '../../ui/fields.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Ago, Moment } from '../../ui/moment.tsx';
import { Badge } from '../../ui/parts.tsx';
import { Empty, Shown } from '../../ui/states.tsx';
import { ChooseTime } from './choose-time.tsx';
import { momentOf, type TimelineEntry, timelineOf } from './moments.ts';
import type { Wish } from './plan.ts';

/** As many as one looks through. */
const OFFERED = 40;

interface MomentProps {
  readonly status: Status;
  readonly source: string;
  readonly wish: Wish;
  readonly onChoose: (part: Pick<Wish, 'backup' | 'moment'>) => void;
}

/** When: a backup, or any moment of a source that is backed up continuously. */
export function ChooseMoment({
  onBack,
  onNext,
  ...props
}: MomentProps & { readonly onBack: (() => void) | undefined; readonly onNext: () => void }) {
  const { status, source, wish, onChoose } = props;
  const state = status.sources.find((one) => one.source.name === source);
  const [isOfTime, setOfTime] = useState(wish.moment !== undefined);
  const choose = (isTime: boolean) => {
    setOfTime(isTime);
    const backup = isTime ? '' : (state?.newestGood?.name ?? '');
    onChoose({ backup, moment: undefined });
  };
  const { backup, moment } = wish;
  const why =
    backup !== '' ? undefined : isOfTime ? 'Give a moment that can be restored.' : 'Choose a backup.';
  return (
    <>
      {state?.continuous && <Ways isOfTime={isOfTime} onChoose={choose} />}
      {isOfTime ? (
        <ChooseTime source={source} chosen={moment?.at} onChoose={onChoose} />
      ) : (
        <ChooseBackup {...props} />
      )}
      <div class="dialog-foot">
        {onBack && <Button onClick={onBack}>Back</Button>}
        {backup !== '' && (
          <Button look="quiet" href={backupHref(backup)}>
            Open backup
          </Button>
        )}
        <Button look="primary" why={why} onClick={onNext}>
          Continue
        </Button>
      </div>
    </>
  );
}

function Ways({
  isOfTime,
  onChoose,
}: {
  readonly isOfTime: boolean;
  readonly onChoose: (isOfTime: boolean) => void;
}) {
  return (
    <fieldset class="picks" aria-label="A backup, or a moment">
      <Choice type="radio" name="way" title="To a moment" isChosen={isOfTime} onChoose={() => onChoose(true)}>
        Any second for which changes are stored.
      </Choice>
      <Choice type="radio" name="way" title="A backup" isChosen={!isOfTime} onChoose={() => onChoose(false)}>
        As it was when a backup was made.
      </Choice>
    </fieldset>
  );
}

/** A timeline of the source, with what speaks for and against each backup. */
function ChooseBackup({ status, source, wish, onChoose }: MomentProps) {
  const [given, setGiven] = useState('');
  const until = momentOf(given);
  const list = useResource(`to restore ${source} ${until ?? ''}`, async () => {
    const [{ backups }, { runs }] = await Promise.all([
      call('list', { query: { source, to: until, limit: OFFERED } }),
      call('runs', { query: { limit: 200 } }),
    ]);
    return timelineOf(backups, runs, { source, until });
  });
  return (
    <>
      <TextField
        label="Not after"
        type="datetime-local"
        value={given}
        onInput={setGiven}
        hint="Date and time, to go back to before something went wrong. Times are in your time zone."
      />
      <Shown of={list}>
        {(entries) =>
          entries.length === 0 ? (
            <Empty title="No backup is that old" />
          ) : (
            <div class="moments" role="radiogroup" aria-label="Moment">
              {entries.map((entry) =>
                entry.kind === 'failed' ? (
                  <FailedRun key={entry.run.id} entry={entry} />
                ) : (
                  <Backup
                    key={entry.backup.key}
                    entry={entry}
                    status={status}
                    isChosen={entry.backup.name === wish.backup}
                    onChoose={() => onChoose({ backup: entry.backup.name, moment: undefined })}
                  />
                ),
              )}
            </div>
          )
        }
      </Shown>
    </>
  );
}

function FailedRun({ entry }: { readonly entry: TimelineEntry & { readonly kind: 'failed' } }) {
  const { run } = entry;
  return (
    <div class="moment tone-bad">
      <Icon name="bad" />
      <span>
        <span class="row">
          <Moment at={run.startedAt} /> <Badge tone="bad">Failed</Badge>
        </span>
        <span class="small soft">
          No backup was made: <a href={runHref(run.id)}>{run.error?.message ?? 'open the run'}</a>
        </span>
      </span>
    </div>
  );
}

function Backup({
  entry: { backup },
  status,
  isChosen,
  onChoose,
}: {
  readonly entry: TimelineEntry & { readonly kind: 'backup' };
  readonly status: Status;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}) {
  const isNewestGood = status.sources.some(({ newestGood }) => newestGood?.key === backup.key);
  const lock = status.locked?.find(({ backup: of, until }) => of === backup.key && until !== null);
  const tone = isDamaged(backup) ? 'bad' : isWaiting(backup) ? 'warn' : 'good';
  return (
    <div class={`moment tone-${tone}`}>
      <Icon name={tone === 'good' ? 'check' : tone === 'warn' ? 'attention' : 'bad'} />
      <Choice
        type="radio"
        name="moment"
        isChosen={isChosen}
        onChoose={onChoose}
        title={
          <span class="row">
            <Moment at={backup.startedAt} />
            <span class="soft">
              <Ago at={backup.startedAt} />
            </span>
            <Badge>{backup.type}</Badge>
            {isNewestGood && <Badge tone="good">Newest good backup</Badge>}
            {lock?.until && (
              <Badge tone="info" icon="hold">
                Locked until <Moment at={lock.until} />
              </Badge>
            )}
            <BackupState backup={backup} />
          </span>
        }
      >
        {number(backup.records)} records · {bytes(backup.plainBytes)}
        {backup.note !== null && ` · ${backup.note}`}
      </Choice>
    </div>
  );
}
