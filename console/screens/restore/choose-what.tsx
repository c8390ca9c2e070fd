import { useEffect } from 'preact/hooks';
import { bytes } from '../../../shared/core/human.ts';
import { number } from '../../../shared/core/plural.ts';
import type { Status } from '../../api/status.ts';
import { compareHref, rowsHref } from '../../routes.ts';
import { Button } from '../../ui/button.tsx';
import { Choice } from '../../ui/fields.tsx';
import { Shown } from '../../ui/states.tsx';
import { useBackup } from '../backups/backup.tsx';
import type { Detail } from '../backups/detail.ts';
import { Warnings } from '../backups/warnings.tsx';
import { asOf, isGoodName, newNameFor, serversFor, Where } from './choose-where.tsx';
import { placeOf, type Wish } from './plan.ts';

/** The step of a restore that chooses datasets. */
export function ChooseWhat({
  wish,
  configured,
  onChange,
  onBack,
  onNext,
  isBusy,
}: {
  readonly wish: Wish;
  readonly configured: Status['configured'];
  readonly onChange: (part: Partial<Wish>) => void;
  readonly onBack: () => void;
  readonly onNext: () => void;
  readonly isBusy: boolean;
}) {
  const backup = useBackup(wish.backup);
  const known = backup.value.value;
  // a new database is in nobody's way, so it is the default until somebody chooses otherwise
  useEffect(() => {
    const [server] = known ? serversFor(known.source.kind, configured) : [];
    if (known && server && placeOf(wish) === '')
      onChange({ to: server[0], newDatabase: newNameFor(asOf(known, wish)) });
  }, [known]);
  return (
    <Shown of={backup}>
      {(detail) => (
        <>
          <Warnings backup={detail} />
          <h3>What?</h3>
          <What detail={detail} wish={wish} onChange={onChange} />
          <h3>Where to?</h3>
          <Where detail={detail} wish={wish} configured={configured} onChange={onChange} />
          <div class="dialog-foot">
            <Button onClick={onBack}>Back</Button>
            <Button look="primary" why={whyNot(wish, isBusy)} onClick={onNext}>
              {isBusy ? 'Planning…' : 'Continue'}
            </Button>
          </div>
        </>
      )}
    </Shown>
  );
}

function whyNot(wish: Wish, isBusy: boolean): string | undefined {
  const { newDatabase, datasets } = wish;
  if (isBusy) return 'Making the plan…';
  if (datasets?.length === 0) return 'Choose at least one dataset.';
  if (newDatabase !== undefined && !isGoodName(newDatabase))
    return "A name has 1 to 63 of A-Z, a-z, 0-9, '_' and '-', beginning with a letter.";
  return placeOf(wish) === '' ? 'Choose where to restore to.' : undefined;
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
      {datasets.length > 0 && (
        <p class="row small soft">
          Only some rows were lost?
          <Button href={compareHref(detail.key)}>See what changed since</Button>
          <Button href={rowsHref(detail.key)}>Find rows</Button>
        </p>
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
