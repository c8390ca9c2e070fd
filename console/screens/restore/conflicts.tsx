import { number, plural } from '../../../shared/core/plural.ts';
import { Button } from '../../ui/button.tsx';
import { Note } from '../../ui/parts.tsx';
import type { Plan, Wish } from './plan.ts';

/** What is in the way at the target, and by name what replacing would drop. */
export function Conflicts({
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
  const { conflicts, drops, losses } = plan;
  if (wish.mode === 'replace') return <Drops drops={drops} losses={losses} />;
  if (conflicts.length === 0) return <Note tone="good">Nothing is in the way at the target.</Note>;
  const isNew = wish.newDatabase !== undefined;
  return (
    <Note tone={wish.mode === 'empty' && !wish.resume ? 'bad' : 'warn'}>
      <strong>
        {isNew
          ? 'No database of that name can be made.'
          : `The target is not empty: ${plural(conflicts.length, 'thing')} in the way.`}
      </strong>
      <Names names={conflicts} />
      {isNew && <span>Go back and choose another name.</span>}
      {wish.mode === 'empty' && !isNew && !wish.resume && (
        <span class="row">
          <Button why={isBusy ? 'Making the plan…' : undefined} onClick={() => onReplan({ mode: 'replace' })}>
            Replace what is in the way
          </Button>
          <span class="small">You will see the new plan first, and what it would drop.</span>
        </span>
      )}
    </Note>
  );
}

function Drops({ drops, losses }: { readonly drops: readonly string[]; readonly losses: readonly string[] }) {
  return (
    <>
      <Note tone={drops.length > 0 ? 'bad' : 'warn'}>
        <strong>
          {drops.length > 0
            ? `${plural(drops.length, 'thing')} at the target will be dropped first:`
            : 'Whatever is in the way will be replaced; there is nothing now.'}
        </strong>
        <Names names={drops} />
      </Note>
      {losses.length > 0 && (
        <Note tone="bad">
          <strong>These are dropped too, and the backup does not restore them:</strong>
          <Names names={losses} />
        </Note>
      )}
    </>
  );
}

const MOST_NAMED = 12;

function Names({ names }: { readonly names: readonly string[] }) {
  if (names.length === 0) return null;
  const rest = names.slice(MOST_NAMED);
  return (
    <>
      <ul class="plan">
        {names.slice(0, MOST_NAMED).map((name) => (
          <li key={name}>{name}</li>
        ))}
      </ul>
      {rest.length > 0 && (
        <details>
          <summary>and {number(rest.length)} more</summary>
          <ul class="plan">
            {rest.map((name) => (
              <li key={name}>{name}</li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
