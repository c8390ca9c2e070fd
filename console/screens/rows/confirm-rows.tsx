import { number, plural } from '../../../shared/core/plural.ts';
import { Facts, Note } from '../../ui/parts.tsx';
import { ScrollX } from '../../ui/scroll-x.tsx';
import type { Plan } from '../restore/plan.ts';
import { Typed } from '../restore/typed.tsx';
import type { RowWish } from './put-back-how.tsx';

type RowsPlan = NonNullable<Plan['plan']['rows']>;

/** The last step: how many rows come, change and stay, what stands against it, and the target's name to type. */
export function ConfirmRows({
  wish,
  plan,
  onBack,
  onConfirm,
}: {
  readonly wish: RowWish;
  readonly plan: Plan;
  readonly onBack: () => void;
  readonly onConfirm: () => Promise<void>;
}) {
  const { target, warnings, rows } = plan.plan;
  if (!rows) return null;
  const { beside, datasets, violations } = rows;
  return (
    <>
      <Facts
        facts={[['Target', target], ...(beside === undefined ? [] : ([['New table', beside]] as const))]}
      />
      <Counts datasets={datasets} />
      {warnings.map((warning) => (
        <Note key={warning} tone="warn">
          {warning}
        </Note>
      ))}
      {violations.length > 0 && (
        <Note tone="bad">
          <strong>Nothing can be written yet:</strong>
          <ul class="plan">
            {violations.map((violation) => (
              <li key={violation}>{violation}</li>
            ))}
          </ul>
          <span>Go back and choose what to do with rows that differ, or pick the rows that these need.</span>
        </Note>
      )}
      <Typed
        place={wish.to}
        expiresAt={plan.confirmExpiresAt}
        action={actionFor(rows, wish.to)}
        refusal={refusalOf(rows)}
        isDanger={datasets.some(({ changed, removed }) => changed + removed > 0)}
        onBack={onBack}
        onConfirm={onConfirm}
      >
        The rows are written in one transaction, and read back before it is committed.
      </Typed>
    </>
  );
}

function actionFor({ datasets }: RowsPlan, to: string): string {
  const isOnlyRemoving =
    datasets.some(({ removed }) => removed > 0) &&
    datasets.every(({ added, changed }) => added + changed === 0);
  return isOnlyRemoving ? `Remove from ${to}` : `Put back into ${to}`;
}

function refusalOf({ datasets, violations }: RowsPlan): string | undefined {
  if (violations.length > 0) return 'Something stands against it: see above.';
  const isSome = datasets.some(({ added, changed, removed }) => added + changed + removed > 0);
  return isSome ? undefined : 'There is nothing to put back.';
}

function Counts({ datasets }: Pick<RowsPlan, 'datasets'>) {
  const missing = datasets.reduce((sum, { notFound }) => sum + notFound, 0);
  const isRemoving = datasets.some(({ removed }) => removed > 0);
  return (
    <>
      <ScrollX label="What will change">
        <table class="table">
          <thead>
            <tr>
              <th>Dataset</th>
              <th class="number">Come back</th>
              <th class="number">Change</th>
              {isRemoving && <th class="number">Are removed</th>}
              <th class="number">Differ and stay</th>
              <th class="number">Are there already</th>
            </tr>
          </thead>
          <tbody>
            {datasets.map(({ name, added, changed, removed, kept, same }) => (
              <tr key={name}>
                <td>{name}</td>
                <td class="number">{plural(added, 'row')}</td>
                <td class="number">{number(changed)}</td>
                {isRemoving && <td class="number">{number(removed)}</td>}
                <td class="number">{number(kept)}</td>
                <td class="number">{number(same)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollX>
      {missing > 0 && (
        <Note tone="warn">{`The backup lacks ${plural(missing, 'row')} that was asked for.`}</Note>
      )}
    </>
  );
}
