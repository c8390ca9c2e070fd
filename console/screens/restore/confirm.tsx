import { backupName } from '../../../shared/core/backup-words.ts';
import { bytes, duration } from '../../../shared/core/human.ts';
import { number, plural } from '../../../shared/core/plural.ts';
import { SECOND_MS } from '../../../shared/core/units.ts';
import type { SourceState } from '../../api/status.ts';
import { Moment } from '../../ui/moment.tsx';
import { Facts, Note } from '../../ui/parts.tsx';
import { Conflicts } from './conflicts.tsx';
import { type Plan, placeOf, type Wish } from './plan.ts';
import { secondText } from './reach.ts';
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
      {plan.moment && <NotCarried moment={plan.moment} />}
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
        After the restore every dataset is read back and compared with the backup
        {plan.moment && ', before the changes are applied'}.
      </Typed>
    </>
  );
}

/** What a restored moment will lack. */
function NotCarried({ moment: { notCarried } }: { readonly moment: NonNullable<Plan['moment']> }) {
  if (notCarried.length === 0) return null;
  return (
    <Note tone="warn">
      <strong>The stored changes don’t cover everything:</strong>
      <ul>
        {notCarried.map((what) => (
          <li key={what}>{what}</li>
        ))}
      </ul>
    </Note>
  );
}

function momentFacts({ key, moment }: Plan) {
  if (!moment) return [];
  const { at, beforeTransaction, segments, transactions, plainBytes } = moment;
  return [
    ['Moment', at === null ? `before transaction ${beforeTransaction}` : secondText(at)],
    ['Begins with', backupName(key)],
    [
      'Then applies',
      `${plural(transactions, 'transaction')} in ${plural(segments, 'segment')}, ${bytes(plainBytes)}`,
    ],
  ] as const;
}

function Sums({
  plan: answer,
  drill,
}: {
  readonly plan: Plan;
  readonly drill: SourceState['lastDrill'] | undefined;
}) {
  const { plan, moment } = answer;
  const { datasets, target } = plan;
  const records = datasets.reduce((sum, dataset) => sum + dataset.records, 0);
  const plainBytes = datasets.reduce((sum, dataset) => sum + dataset.plainBytes, 0);
  const ofBase = estimateRestoreMs(drill, records);
  const estimate = ofBase === undefined ? undefined : ofBase + (moment?.replaySeconds ?? 0) * SECOND_MS;
  return (
    <Facts
      facts={[
        ['Target', target],
        ...momentFacts(answer),
        ['Datasets', number(datasets.length)],
        ['Records', number(records)],
        ['Size', bytes(plainBytes)],
        [
          'Takes about',
          drill && estimate !== undefined ? (
            <>
              {duration(estimate)}, judged by the drill of <Moment at={drill.at} />
              {moment?.replayBy === 'benchmark' && '; the changes by a benchmark'}
            </>
          ) : (
            `not known: no drill of this source has succeeded${moment ? `; the changes alone by estimate ${duration(moment.replaySeconds * SECOND_MS)}` : ''}`
          ),
        ],
      ]}
    />
  );
}
