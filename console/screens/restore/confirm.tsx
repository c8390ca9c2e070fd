import { useState } from 'preact/hooks';
import { bytes, duration } from '../../../shared/core/human.ts';
import { number, plural } from '../../../shared/core/plural.ts';
import { type Failure, failureOf } from '../../api/problem.ts';
import type { SourceState } from '../../api/status.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/fields.tsx';
import { Moment } from '../../ui/moment.tsx';
import { Facts, Note } from '../../ui/parts.tsx';
import { FailureNote } from '../../ui/states.tsx';
import { Conflicts } from './conflicts.tsx';
import { type Plan, placeOf, type Wish } from './plan.ts';
import { estimateRestoreMs } from './restore-estimate.ts';

/** The last step: the whole plan, what would be dropped by name, and the field for the target's name. */
export function Confirm({
  wish,
  plan,
  drill,
  isBusy,
  onBack,
  onReplan,
  onConfirm,
}: {
  readonly wish: Wish;
  readonly plan: Plan;
  /** The last drill of the same source. */
  readonly drill: SourceState['lastDrill'] | undefined;
  readonly isBusy: boolean;
  readonly onBack: () => void;
  readonly onReplan: (part: Partial<Wish>) => void;
  readonly onConfirm: () => Promise<void>;
}) {
  const { datasets, steps, warnings, conflicts } = plan.plan;
  const isRefused = conflicts.length > 0 && wish.mode === 'empty' && !wish.resume;
  return (
    <>
      <Sums plan={plan} drill={drill} />
      {warnings.map((warning) => (
        <Note key={warning} tone="warn">
          {warning}
        </Note>
      ))}
      <Conflicts plan={plan} wish={wish} isBusy={isBusy} onReplan={onReplan} />
      <details>
        <summary>Steps, and {plural(datasets.length, 'dataset')}</summary>
        <ol class="plan">
          {steps.map((step) => (
            <li key={step}>{step}</li>
          ))}
        </ol>
        <ul class="plan">
          {datasets.map(({ name, records, plainBytes }) => (
            <li key={name}>
              {name}: {plural(records, 'record')}, {bytes(plainBytes)}
            </li>
          ))}
        </ul>
      </details>
      <Typed
        wish={wish}
        plan={plan}
        refusal={isRefused ? 'First choose what to do about the target.' : undefined}
        onBack={onBack}
        onConfirm={onConfirm}
      />
    </>
  );
}

function Sums({
  plan: { plan },
  drill,
}: {
  readonly plan: Plan;
  readonly drill: SourceState['lastDrill'] | undefined;
}) {
  const { datasets, target } = plan;
  const records = datasets.reduce((sum, dataset) => sum + dataset.records, 0);
  const plainBytes = datasets.reduce((sum, dataset) => sum + dataset.plainBytes, 0);
  const estimate = estimateRestoreMs(drill, records);
  return (
    <Facts
      facts={[
        ['Target', target],
        ['Datasets', number(datasets.length)],
        ['Records', number(records)],
        ['Size', bytes(plainBytes)],
        [
          'Takes about',
          drill && estimate !== undefined ? (
            <>
              {duration(estimate)}, judged by the drill of <Moment at={drill.at} />
            </>
          ) : (
            'not known: no drill of this source has succeeded'
          ),
        ],
      ]}
    />
  );
}

function Typed({
  wish,
  plan,
  refusal,
  onBack,
  onConfirm,
}: {
  readonly wish: Wish;
  readonly plan: Plan;
  readonly refusal: string | undefined;
  readonly onBack: () => void;
  readonly onConfirm: () => Promise<void>;
}) {
  const [typed, setTyped] = useState('');
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);
  const place = placeOf(wish);
  const act = async () => {
    setBusy(true);
    setFailure(undefined);
    await onConfirm().catch((error: unknown) => setFailure(failureOf(error)));
    setBusy(false);
  };
  const untyped = typed.trim() === place ? undefined : 'Type the name of the target first.';
  const why = isBusy ? 'The restore is starting.' : (refusal ?? untyped);
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (why === undefined) void act();
      }}
    >
      <TextField
        label={`To confirm, type the name of the target: ${place}`}
        value={typed}
        onInput={setTyped}
        isMono
        isBad={typed !== '' && !place.startsWith(typed.trim())}
      />
      <p class="small soft">
        The plan is valid until <Moment at={plan.confirmExpiresAt} />. After the restore every dataset is read
        back and compared with the backup.
      </p>
      {failure && <FailureNote failure={failure} />}
      <div class="dialog-foot">
        <Button onClick={onBack}>Back</Button>
        <Button isSubmit look={wish.mode === 'replace' ? 'danger' : 'primary'} icon="restore" why={why}>
          Restore into {place}
        </Button>
      </div>
    </form>
  );
}
