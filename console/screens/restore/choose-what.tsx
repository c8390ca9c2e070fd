import { bytes } from '../../../shared/core/human.ts';
import { number } from '../../../shared/core/plural.ts';
import type { Status } from '../../api/status.ts';
import { BackupState } from '../../ui/backup-state.tsx';
import { Button } from '../../ui/button.tsx';
import { Choice } from '../../ui/fields.tsx';
import { Moment } from '../../ui/moment.tsx';
import { Note } from '../../ui/parts.tsx';
import { kindName } from '../../ui/source-name.tsx';
import { Shown } from '../../ui/states.tsx';
import { type Detail, useBackup } from '../backups/backup.tsx';
import { Warnings } from '../backups/warnings.tsx';
import type { Wish } from './plan.ts';

export function ChooseWhat({
  wish,
  targets,
  onChange,
  onBack,
  onNext,
  isBusy,
}: {
  readonly wish: Wish;
  readonly targets: Status['configured']['targets'];
  readonly onChange: (part: Partial<Wish>) => void;
  readonly onBack: () => void;
  readonly onNext: () => void;
  readonly isBusy: boolean;
}) {
  const backup = useBackup(wish.backup);
  return (
    <Shown of={backup}>
      {(detail) => (
        <>
          <p class="row">
            <strong>
              <Moment at={detail.startedAt} />
            </strong>
            <BackupState backup={detail} />
          </p>
          <Warnings backup={detail} />
          <h2>What?</h2>
          <What detail={detail} wish={wish} onChange={onChange} />
          <h2>Where to?</h2>
          <Where detail={detail} wish={wish} targets={targets} onChange={onChange} />
          <div class="dialog-foot">
            <Button onClick={onBack}>Back</Button>
            <Button look="primary" why={whyNot(wish, isBusy)} onClick={onNext}>
              {isBusy ? 'Planning …' : 'See the plan'}
            </Button>
          </div>
        </>
      )}
    </Shown>
  );
}

function whyNot({ to, datasets }: Wish, isBusy: boolean): string | undefined {
  if (isBusy) return 'The plan is being made.';
  if (datasets?.length === 0) return 'Choose at least one dataset.';
  return to === '' ? 'Choose where to restore to.' : undefined;
}

function What({
  detail,
  wish,
  onChange,
}: {
  readonly detail: Detail;
  readonly wish: Wish;
  readonly onChange: (part: Partial<Wish>) => void;
}) {
  const datasets = (detail.sealed?.datasets ?? []).filter(({ kind }) => kind === 'data');
  return (
    <>
      <Choice
        type="radio"
        name="what"
        title="Everything"
        isChosen={wish.datasets === undefined}
        onChoose={() => onChange({ datasets: undefined })}
      >
        {number(detail.records)} records, {bytes(detail.plainBytes)}
      </Choice>
      {datasets.length > 0 && (
        <Choice
          type="radio"
          name="what"
          title="Only some datasets"
          isChosen={wish.datasets !== undefined}
          onChoose={() => onChange({ datasets: [] })}
        >
          Tables, collections or top-level nodes.
        </Choice>
      )}
      {wish.datasets !== undefined && <Picks datasets={datasets} wish={wish} onChange={onChange} />}
    </>
  );
}

function Picks({
  datasets,
  wish,
  onChange,
}: {
  readonly datasets: readonly {
    readonly name: string;
    readonly records: number;
    readonly plainBytes: number;
  }[];
  readonly wish: Wish;
  readonly onChange: (part: Partial<Wish>) => void;
}) {
  const picked = new Set(wish.datasets);
  const toggle = (name: string) => {
    if (!picked.delete(name)) picked.add(name);
    onChange({ datasets: datasets.map((dataset) => dataset.name).filter((one) => picked.has(one)) });
  };
  return (
    <fieldset class="picks" aria-label="Datasets">
      {datasets.map(({ name, records, plainBytes }) => (
        <label key={name}>
          <input type="checkbox" checked={picked.has(name)} onChange={() => toggle(name)} />
          <span class="clip">{name}</span>
          <span class="small soft number">{number(records)}</span>
          <span class="small soft number">{bytes(plainBytes)}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Where({
  detail,
  wish,
  targets,
  onChange,
}: {
  readonly detail: Detail;
  readonly wish: Wish;
  readonly targets: Status['configured']['targets'];
  readonly onChange: (part: Partial<Wish>) => void;
}) {
  const fitting = targets.filter(({ kind }) => kind === detail.source.kind || kind === 'files');
  if (fitting.length === 0)
    return (
      <Note tone="warn">
        <strong>No target fits this backup.</strong>
        <span>
          Add one of kind {kindName(detail.source.kind)} to `targets` of the configuration, or restore with
          the command line: <code>holdfast restore {detail.name} --to …</code>
        </span>
      </Note>
    );
  return (
    <>
      {fitting.map(({ name, kind }) => (
        <Choice
          key={name}
          type="radio"
          name="target"
          title={name}
          isChosen={wish.to === name}
          onChoose={() => onChange({ to: name, mode: 'empty' })}
        >
          {kindName(kind)}
        </Choice>
      ))}
    </>
  );
}
