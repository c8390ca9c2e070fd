import { useEffect, useState } from 'preact/hooks';
import { call } from '../../api/client.ts';
import { type Failure, failureOf } from '../../api/problem.ts';
import { useRefusal, useStatus } from '../../api/status.ts';
import { go } from '../../routes.ts';
import { Icon } from '../../ui/icon.tsx';
import { Note, PageHead } from '../../ui/parts.tsx';
import { FailureNote, Shown } from '../../ui/states.tsx';
import { tell } from '../../ui/toasts.tsx';
import { ChooseBackup } from './choose-backup.tsx';
import { ChooseWhat } from './choose-what.tsx';
import { type Plan, planOf, type Wish } from './plan.ts';
import { PlanStep } from './plan-step.tsx';

const STEPS = ['Backup', 'What and where', 'Plan', 'Confirm'] as const;
type Step = 0 | 1 | 2 | 3;

/** From a backup to a restored database, in four steps. Nothing is changed before the last. */
export function Restore({ name }: { readonly name: string | undefined }) {
  const status = useStatus();
  const refusal = useRefusal('restorer');
  return (
    <div class="page">
      <PageHead title="Restore" back={{ href: '#/backups', name: 'Backups' }}>
        <p class="soft">You see the whole plan first. Nothing is changed before you confirm it.</p>
      </PageHead>
      <Shown of={status}>
        {(value) =>
          refusal === undefined ? (
            <Wizard status={value} chosen={name} />
          ) : (
            <Note tone="warn">
              <strong>{refusal}</strong>
              <span>
                Ask whoever gives out roles, or restore with the command line:{' '}
                <code>holdfast restore {name ?? 'latest'} --to …</code>
              </span>
            </Note>
          )
        }
      </Shown>
    </div>
  );
}

function Wizard({
  status,
  chosen,
}: {
  readonly status: NonNullable<ReturnType<typeof useStatus>['value']['value']>;
  readonly chosen: string | undefined;
}) {
  const newest = status.sources.find(({ newestGood }) => newestGood !== null)?.newestGood;
  const { targets } = status.configured;
  const [step, setStep] = useState<Step>(chosen === undefined ? 0 : 1);
  const [wish, setWish] = useState<Wish>({
    backup: chosen ?? newest?.name ?? '',
    to: targets.length === 1 ? (targets[0]?.name ?? '') : '',
    datasets: undefined,
    mode: 'empty',
  });
  const { plan, failure, isBusy, ask, forget } = usePlan();
  useEffect(() => {
    if (chosen === undefined) return;
    setWish((before) => ({ ...before, backup: chosen, datasets: undefined }));
    setStep(1);
  }, [chosen]);
  const change = (part: Partial<Wish>) => {
    forget();
    setWish({ ...wish, ...part });
  };
  const askFor = async (next: Wish) => {
    setWish(next);
    if (await ask(next)) setStep(2);
  };
  const begin = async () => {
    if (!plan) return;
    const { run } = (await call('restore', {
      body: { ...planOf(wish), dryRun: false, confirm: plan.confirm },
    })) as { readonly run: string };
    tell('The restore has begun.');
    go(`runs/${run}`);
  };
  return (
    <section class="card" aria-label="Restore">
      <div class="card-body stack">
        <Steps at={step} />
        {step === 0 && (
          <ChooseBackup
            status={status}
            chosen={wish.backup}
            onChoose={(backup) => change({ backup, datasets: undefined })}
            onNext={() => setStep(1)}
          />
        )}
        {step === 1 && (
          <ChooseWhat
            wish={wish}
            targets={targets}
            onChange={change}
            onBack={() => setStep(0)}
            onNext={() => void askFor(wish)}
            isBusy={isBusy}
          />
        )}
        {failure && step < 3 && <FailureNote failure={failure} />}
        {step >= 2 && plan && (
          <PlanStep
            wish={wish}
            plan={plan}
            isConfirming={step === 3}
            isBusy={isBusy}
            onBack={() => setStep(step === 3 ? 2 : 1)}
            onNext={() => setStep(3)}
            onReplan={(part) => void askFor({ ...wish, ...part })}
            onConfirm={begin}
          />
        )}
      </div>
    </section>
  );
}

/** The plan of a restore, asked for and kept until the wish changes. */
function usePlan() {
  const [plan, setPlan] = useState<Plan>();
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);
  const forget = () => {
    setPlan(undefined);
    setFailure(undefined);
  };
  const ask = async (wish: Wish): Promise<boolean> => {
    forget();
    setBusy(true);
    try {
      setPlan((await call('restore', { body: { ...planOf(wish), dryRun: true } })) as Plan);
      return true;
    } catch (error) {
      setFailure(failureOf(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { plan, failure, isBusy, ask, forget };
}

function Steps({ at }: { readonly at: Step }) {
  return (
    <ol class="steps" aria-label="Steps">
      {STEPS.map((name, i) => (
        <li key={name} class={i < at ? 'past' : ''} aria-current={i === at ? 'step' : undefined}>
          <span>{i < at ? <Icon name="check" /> : i + 1}</span>
          {name}
        </li>
      ))}
    </ol>
  );
}
