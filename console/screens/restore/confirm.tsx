import { bytes, duration } from '../../../shared/core/human.ts';
import { number, plural } from '../../../shared/core/plural.ts';
import type { SourceState } from '../../api/status.ts';
import { Moment } from '../../ui/moment.tsx';
import { Facts, Note } from '../../ui/parts.tsx';
import { Conflicts } from './conflicts.tsx';
import { type Plan, placeOf, type Wish } from './plan.ts';
import { estimateRestoreMs } from './restore-estimate.ts';
import { Typed } from './typed.tsx';
import { WillChange } from './will-change.tsx';

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
  const place = placeOf(wish);
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
      {plan.changes && <WillChange changes={plan.changes} />}
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
        place={place}
        expiresAt={plan.confirmExpiresAt}
        action={`Restore into ${place}`}
        refusal={isRefused ? 'First choose what to do about the target.' : undefined}
        isDanger={wish.mode === 'replace'}
        onBack={onBack}
        onConfirm={onConfirm}
      >
        After the restore every dataset is read back and compared with the backup.
      </Typed>
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
