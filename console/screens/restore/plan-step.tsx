import { useState } from 'preact/hooks';
import { bytes } from '../../../shared/core/human.ts';
import { number, plural } from '../../../shared/core/plural.ts';
import { type Failure, failureOf } from '../../api/problem.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/fields.tsx';
import { Moment } from '../../ui/moment.tsx';
import { Facts, Note } from '../../ui/parts.tsx';
import { FailureNote } from '../../ui/states.tsx';
import type { Plan, Wish } from './plan.ts';

export function PlanStep({
  wish,
  plan,
  isConfirming,
  isBusy,
  onBack,
  onNext,
  onReplan,
  onConfirm,
}: {
  readonly wish: Wish;
  readonly plan: Plan;
  readonly isConfirming: boolean;
  readonly isBusy: boolean;
  readonly onBack: () => void;
  readonly onNext: () => void;
  readonly onReplan: (part: Partial<Wish>) => void;
  readonly onConfirm: () => Promise<void>;
}) {
  if (isConfirming) return <Confirm wish={wish} plan={plan} onBack={onBack} onConfirm={onConfirm} />;
  const { datasets, steps, warnings } = plan.plan;
  const isRefused = plan.plan.conflicts.length > 0 && wish.mode === 'empty';
  return (
    <>
      <Sums plan={plan} />
      <Conflicts plan={plan} wish={wish} isBusy={isBusy} onReplan={onReplan} />
      {warnings.map((warning) => (
        <Note key={warning} tone="warn">
          {warning}
        </Note>
      ))}
      <h3>Steps</h3>
      <ol class="plan">
        {steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
      <details>
        <summary>{plural(datasets.length, 'dataset')}</summary>
        <ul class="plan">
          {datasets.map(({ name, records, plainBytes }) => (
            <li key={name}>
              {name}: {plural(records, 'record')}, {bytes(plainBytes)}
            </li>
          ))}
        </ul>
      </details>
      <div class="dialog-foot">
        <Button onClick={onBack}>Back</Button>
        <Button
          look="primary"
          why={isRefused ? 'The target holds something: choose what to do about it.' : undefined}
          onClick={onNext}
        >
          Go on
        </Button>
      </div>
    </>
  );
}

function Sums({ plan: { key, plan } }: { readonly plan: Plan }) {
  const { datasets, target } = plan;
  const records = datasets.reduce((sum, dataset) => sum + dataset.records, 0);
  const plainBytes = datasets.reduce((sum, dataset) => sum + dataset.plainBytes, 0);
  return (
    <Facts
      facts={[
        ['Backup', <span class="mono">{key.slice(key.lastIndexOf('/') + 1, -'.json'.length)}</span>],
        ['Target', <strong>{target}</strong>],
        ['Datasets', number(datasets.length)],
        ['Records', number(records)],
        ['Size', bytes(plainBytes)],
      ]}
    />
  );
}

/** What is in the way at the target, and what replacing would drop. */
function Conflicts({
  plan: { plan },
  wish,
  isBusy,
  onReplan,
}: {
  readonly plan: Plan;
  readonly wish: Wish;
  readonly isBusy: boolean;
  readonly onReplan: (part: Partial<Wish>) => void;
}) {
  const { conflicts, drops } = plan;
  const why = isBusy ? 'The plan is being made.' : undefined;
  if (wish.mode === 'replace')
    return (
      <Note tone={drops.length > 0 ? 'bad' : 'warn'}>
        <strong>
          {drops.length > 0
            ? `${plural(drops.length, 'thing')} at the target will be dropped first:`
            : 'What is in the way will be replaced; nothing is there now.'}
        </strong>
        <Names names={drops} />
      </Note>
    );
  if (conflicts.length === 0) return <Note tone="good">Nothing is in the way at the target.</Note>;
  return (
    <Note tone={wish.mode === 'empty' ? 'bad' : 'warn'}>
      <strong>The target is not empty: {plural(conflicts.length, 'thing')} in the way.</strong>
      <Names names={conflicts} />
      {wish.mode === 'empty' && (
        <span class="row">
          <Button why={why} onClick={() => onReplan({ mode: 'replace' })}>
            Replace what is in the way
          </Button>
          <span class="small">You see the new plan first, and what it would drop.</span>
        </span>
      )}
    </Note>
  );
}

const MOST_NAMED = 12;

function Names({ names }: { readonly names: readonly string[] }) {
  if (names.length === 0) return null;
  const more = names.length - MOST_NAMED;
  return (
    <ul class="plan">
      {names.slice(0, MOST_NAMED).map((name) => (
        <li key={name}>{name}</li>
      ))}
      {more > 0 && <li>and {number(more)} more</li>}
    </ul>
  );
}

function Confirm({
  wish,
  plan,
  onBack,
  onConfirm,
}: {
  readonly wish: Wish;
  readonly plan: Plan;
  readonly onBack: () => void;
  readonly onConfirm: () => Promise<void>;
}) {
  const [typed, setTyped] = useState('');
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);
  const isNamed = typed.trim() === wish.to;
  const act = async () => {
    setBusy(true);
    setFailure(undefined);
    await onConfirm().catch((error: unknown) => setFailure(failureOf(error)));
    setBusy(false);
  };
  const why = isBusy ? 'It is being begun.' : isNamed ? undefined : 'Type the name of the target first.';
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (why === undefined) void act();
      }}
    >
      <Sums plan={plan} />
      {wish.mode === 'replace' && plan.plan.drops.length > 0 && (
        <Note tone="bad">
          <strong>{plural(plan.plan.drops.length, 'thing')} at the target will be dropped.</strong>
        </Note>
      )}
      <TextField
        label={`To confirm, type the name of the target: ${wish.to}`}
        value={typed}
        onInput={setTyped}
        isMono
        isBad={typed !== '' && !wish.to.startsWith(typed.trim())}
      />
      <p class="small soft">
        The plan is good until <Moment at={plan.confirmExpiresAt} />. After the restore every dataset is read
        back and compared with the backup.
      </p>
      {failure && <FailureNote failure={failure} />}
      <div class="dialog-foot">
        <Button onClick={onBack}>Back</Button>
        <Button isSubmit look={wish.mode === 'replace' ? 'danger' : 'primary'} icon="restore" why={why}>
          Restore now
        </Button>
      </div>
    </form>
  );
}
