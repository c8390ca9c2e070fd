import { useEffect, useRef, useState } from 'preact/hooks';
import { call } from '../../api/client.ts';
import { useResource } from '../../api/resource.ts';
import { type Status, useRefusal, useStatus } from '../../api/status.ts';
import { go, place } from '../../routes.ts';
import { Icon } from '../../ui/icon.tsx';
import { Note, PageHead } from '../../ui/parts.tsx';
import { shortSource } from '../../ui/source-name.tsx';
import { FailureNote, Shown } from '../../ui/states.tsx';
import { tell } from '../../ui/toasts.tsx';
import { Banner } from './banner.tsx';
import { ChooseMoment } from './choose-moment.tsx';
import { ChooseSource } from './choose-source.tsx';
import { ChooseWhat } from './choose-what.tsx';
import { Confirm } from './confirm.tsx';
import { NO_WISH, planOf, type Wish, wishOf } from './plan.ts';
import { usePlan } from './use-plan.ts';

const STEPS = ['Source', 'Moment', 'What and where', 'Confirm'] as const;
const QUESTIONS = ['Which database?', 'Which moment?', 'What, and where to?', 'Is this right?'] as const;
type Step = 0 | 1 | 2 | 3;

/** From a source to a restored database, in four steps. Nothing changes before the last. */
export function Restore({ name }: { readonly name: string | undefined }) {
  const status = useStatus();
  const refusal = useRefusal('restorer');
  return (
    <div class="page">
      <PageHead title="Restore" back={{ href: '#/backups', name: 'Backups' }}>
        <p class="soft">You see the whole plan first. Nothing changes before you confirm it.</p>
      </PageHead>
      <Shown of={status}>
        {(value) =>
          refusal === undefined ? (
            <Wizard key={location.hash} status={value} chosen={name} />
          ) : (
            <Note tone="warn">
              <strong>{refusal}</strong>
              <span>
                Ask the person who assigns roles, or restore with the command line:{' '}
                <code>holdfast restore {name ?? 'latest'} --to …</code>
              </span>
            </Note>
          )
        }
      </Shown>
    </div>
  );
}

/** Where the address begins: at a backup, a source, or the only source there is. */
function beginning(status: Status, chosen: string | undefined) {
  const { query } = place.value;
  const made = chosen === undefined ? undefined : wishOf(chosen, query);
  const only = status.sources.length === 1 ? status.sources[0]?.source.name : undefined;
  const source = chosen === undefined ? (query.get('source') ?? only ?? '') : '';
  const step: Step = chosen !== undefined ? 2 : source !== '' ? 1 : 0;
  const newest = status.sources.find((one) => one.source.name === source)?.newestGood?.name;
  return { made, source, step, wish: made ?? { ...NO_WISH, backup: chosen ?? newest ?? '' } };
}

function Wizard({ status, chosen }: { readonly status: Status; readonly chosen: string | undefined }) {
  const [begun] = useState(() => beginning(status, chosen));
  const [step, setStep] = useState<Step>(begun.step);
  const [given, setSource] = useState(begun.source);
  const [wish, setWish] = useState<Wish>(begun.wish);
  const { plan, failure, isBusy, ask, forget } = usePlan();
  const source = useSourceOf(wish.backup) ?? given;
  const change = (part: Partial<Wish>) => {
    forget();
    setWish((before) => ({ ...before, ...part }));
  };
  const askFor = async (next: Wish) => {
    setWish(next);
    if (await ask(planOf(next))) setStep(3);
  };
  // a complete address leads to its plan at once
  useEffect(() => {
    if (begun.made) void askFor(begun.made);
  }, []);
  const begin = async () => {
    if (!plan) return;
    const body = { ...planOf(wish), dryRun: false, confirm: plan.confirm };
    const { run } = (await call('restore', { body })) as { readonly run: string };
    tell('The restore has begun.');
    go(`runs/${run}`);
  };
  const chooseSource = (name: string) => {
    const newest = status.sources.find((one) => one.source.name === name)?.newestGood?.name ?? '';
    setSource(name);
    forget();
    setWish({ ...NO_WISH, backup: newest });
    setStep(1);
  };
  return (
    <section class="card" aria-label="Steps of a restore">
      <div class="card-body stack">
        <Steps at={step} />
        <Banner wish={wish} source={shortSource(source)} />
        <Question at={step} />
        {step === 0 && <ChooseSource status={status} onChoose={chooseSource} />}
        {step === 1 && (
          <ChooseMoment
            status={status}
            source={source}
            wish={wish}
            onChoose={(part) => change({ ...NO_WISH, ...part })}
            onBack={status.sources.length > 1 ? () => setStep(0) : undefined}
            onNext={() => setStep(2)}
          />
        )}
        {step === 2 && (
          <ChooseWhat
            wish={wish}
            configured={status.configured}
            onChange={change}
            onBack={() => setStep(1)}
            onNext={() => void askFor(wish)}
            isBusy={isBusy}
          />
        )}
        {failure && <FailureNote failure={failure} />}
        {step === 3 && plan && (
          <Confirm
            wish={wish}
            plan={plan}
            drill={status.sources.find((one) => one.source.name === source)?.lastDrill}
            isBusy={isBusy}
            onBack={() => setStep(2)}
            onReplan={(part) => void askFor({ ...wish, ...part })}
            onConfirm={begin}
          />
        )}
      </div>
    </section>
  );
}

/** Name of a backup's source, as soon as it is known; undefined without a backup. */
function useSourceOf(backup: string): string | undefined {
  const found = useResource(backup === '' ? 'no backup' : `backup ${backup}`, async () =>
    backup === '' ? undefined : call('backup', { param: backup }),
  );
  return found.value.value?.source.name;
}

/** The question of a step; takes the focus when the step opens, so that screen readers begin there. */
function Question({ at }: { readonly at: Step }) {
  const head = useRef<HTMLHeadingElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current) head.current?.focus();
    isFirst.current = false;
  }, [at]);
  return (
    <h2 ref={head} tabIndex={-1}>
      {QUESTIONS[at]}
    </h2>
  );
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
