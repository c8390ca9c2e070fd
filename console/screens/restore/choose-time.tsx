import { useState } from 'preact/hooks';
import { backupName } from '../../../shared/core/backup-words.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/fields.tsx';
import { now, utc } from '../../ui/moment.tsx';
import { Note } from '../../ui/parts.tsx';
import { Shown } from '../../ui/states.tsx';
import { type Changes, changesHref, useChanges } from '../changes/answer.ts';
import type { Wish } from './plan.ts';
import { fieldsOf, momentIn, type Reach, reachOf, secondText, zoneText } from './reach.ts';

type Chosen = Pick<Wish, 'backup' | 'moment'>;

/** The step of a restore that chooses a moment to the second, of a source that is backed up continuously. */
export function ChooseTime({
  source,
  chosen,
  onChoose,
}: {
  readonly source: string;
  readonly chosen: string | undefined;
  readonly onChoose: (part: Chosen) => void;
}) {
  const changes = useChanges(source);
  return (
    <Shown of={changes}>
      {(value) => <Picker source={source} changes={value} chosen={chosen} onChoose={onChoose} />}
    </Shown>
  );
}

function Picker({
  source,
  changes,
  chosen,
  onChoose,
}: {
  readonly source: string;
  readonly changes: Changes;
  readonly chosen: string | undefined;
  readonly onChoose: (part: Chosen) => void;
}) {
  const [fields, setFields] = useState(() => (chosen ? fieldsOf(chosen) : { date: '', time: '' }));
  const take = (at: string | undefined) => {
    const reach = at === undefined ? undefined : reachOf(at, changes);
    const isReached = at !== undefined && reach?.isReached === true;
    const base = isReached ? backupName(reach.base) : '';
    onChoose({ backup: base, moment: isReached ? { source, at, beforeTransaction: undefined } : undefined });
  };
  const change = (part: Partial<typeof fields>) => {
    const next = { ...fields, ...part };
    setFields(next);
    take(momentIn(next.date, next.time));
  };
  const offer = (at: string) => {
    setFields(fieldsOf(at));
    take(at);
  };
  const at = chosen ?? momentIn(fields.date, fields.time);
  const [newest, oldest] = [changes.restorable[0], changes.restorable.at(-1)];
  return (
    <div class="stack">
      <div class="two-fields">
        <TextField label="Date" type="date" value={fields.date} onInput={(date) => change({ date })} />
        <TextField
          label="Time"
          type="time"
          step={1}
          value={fields.time}
          onInput={(time) => change({ time })}
          hint="Hours, minutes and, if you like, seconds."
        />
      </div>
      <p class="small soft">
        Your time zone: {zoneText(at ?? now.value.toISOString())}
        {at !== undefined && <>. That is {utc(new Date(at))}</>}.
        {newest && oldest && (
          <>
            {' '}
            The earliest moment is {secondText(oldest.from)}, the latest {secondText(newest.to)}.{' '}
          </>
        )}
        <a href={changesHref(source)}>See all moments</a>
      </p>
      {newest && (
        <div class="row">
          <Button onClick={() => offer(newest.to)}>Latest moment</Button>
        </div>
      )}
      <div role="status">{at !== undefined && <Said reach={reachOf(at, changes)} onOffer={offer} />}</div>
    </div>
  );
}

function Said({ reach, onOffer }: { readonly reach: Reach; readonly onOffer: (at: string) => void }) {
  if (reach.isReached)
    return (
      <p class="small soft">
        This moment can be restored: from {backupName(reach.base)}, and the changes after it.
      </p>
    );
  return (
    <Note tone="warn">
      <strong>{reach.why}</strong>
      <div class="row">
        {reach.offers.map(({ at, says }) => (
          <Button key={at} onClick={() => onOffer(at)}>
            Take {says}: {secondText(at)}
          </Button>
        ))}
      </div>
    </Note>
  );
}
