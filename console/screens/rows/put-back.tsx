import { useEffect, useRef, useState } from 'preact/hooks';
import { plural } from '../../../shared/core/plural.ts';
import { call } from '../../api/client.ts';
import { useStatus } from '../../api/status.ts';
import { go } from '../../routes.ts';
import { FailureNote, Shown } from '../../ui/states.tsx';
import { tell } from '../../ui/toasts.tsx';
import type { Detail } from '../backups/detail.ts';
import { usePlan } from '../restore/use-plan.ts';
import type { RowSelection } from './answers.ts';
import { ConfirmRows } from './confirm-rows.tsx';
import { PutBackHow, type RowWish } from './put-back-how.tsx';

/** Puts rows of a backup back: where to and how, then the plan, then a name that is typed. Nothing changes before. */
export function PutBack({
  backup,
  rows,
  hasKey = true,
  onConflict = 'fail',
  onBack,
}: {
  readonly backup: Detail;
  readonly rows: RowSelection;
  /** Without one, rows fit only into a new table. */
  readonly hasKey?: boolean;
  /** What is offered first for rows that are there, and differ. */
  readonly onConflict?: RowWish['onConflict'];
  readonly onBack: () => void;
}) {
  const status = useStatus();
  const [wish, setWish] = useState<RowWish>({ to: '', onConflict, isBeside: !hasKey });
  const [isPlanned, setPlanned] = useState(false);
  const { plan, failure, isBusy, ask, forget } = usePlan();
  const body = {
    backup: backup.name,
    to: wish.to,
    rows: { ...rows, onConflict: wish.onConflict, beside: wish.isBeside },
  };
  const askFor = async () => setPlanned(await ask(body));
  const begin = async () => {
    if (!plan) return;
    const begun = await call('restore', { body: { ...body, dryRun: false, confirm: plan.confirm } });
    tell('The rows are being put back.');
    go(`runs/${(begun as { readonly run: string }).run}`);
  };
  return (
    <section class="card" aria-label="Put rows back">
      <div class="card-body stack">
        <Head title={isPlanned ? 'Is this right?' : saidOf(rows)} />
        <Shown of={status}>
          {({ configured }) =>
            isPlanned && plan ? (
              <ConfirmRows wish={wish} plan={plan} onBack={() => setPlanned(false)} onConfirm={begin} />
            ) : (
              <PutBackHow
                backup={backup}
                configured={configured}
                wish={wish}
                tables={tablesFor(hasKey, rows)}
                onChange={(part) => {
                  forget();
                  setWish({ ...wish, ...part });
                }}
                isBusy={isBusy}
                onBack={onBack}
                onNext={() => void askFor()}
              />
            )
          }
        </Shown>
        {failure && <FailureNote failure={failure} />}
      </div>
    </section>
  );
}

/** Rows of several datasets go into their own tables only, and so do rows that come while others go. */
function tablesFor(hasKey: boolean, { more = [], ...first }: RowSelection): readonly ('own' | 'beside')[] {
  const canBeBeside = more.length === 0 && first.remove === undefined;
  return [...(hasKey ? (['own'] as const) : []), ...(canBeBeside ? (['beside'] as const) : [])];
}

/** `Put back 1 row of public.customers and 3 rows of public.orders, and remove 1 row of public.customers`. */
function saidOf({ more = [], ...first }: RowSelection): string {
  const all = [first, ...more];
  const back = all.flatMap(backOf).join(' and ');
  const gone = all
    .flatMap(({ dataset, remove }) => (remove ? [`${plural(remove.length, 'row')} of ${dataset}`] : []))
    .join(' and ');
  if (back === '') return `Remove ${gone}`;
  return gone === '' ? `Put back ${back}` : `Put back ${back}, and remove ${gone}`;
}

/** `3 rows of public.orders`, `the rows of public.orders where "id" > 7`; none if rows of it only go. */
function backOf({ dataset, keys, where = [], remove }: Omit<RowSelection, 'more'>): readonly string[] {
  if (keys) return [`${plural(keys.length, 'row')} of ${dataset}`];
  if (where.length > 0) return [`the rows of ${dataset} where ${where.join(' and ')}`];
  return remove ? [] : [`all rows of ${dataset}`];
}

/** Takes the focus when it appears or says something else, so that screen readers go on there. */
function Head({ title }: { readonly title: string }) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => head.current?.focus(), [title]);
  return (
    <h2 ref={head} tabIndex={-1}>
      {title}
    </h2>
  );
}
