import { plural } from '../../../shared/core/plural.ts';
import { useRefusal } from '../../api/status.ts';
import { Button } from '../../ui/button.tsx';
import { actionOf, type PickCounts, type PicksByDataset, pickCounts } from './picks.ts';

/** How many rows are picked, and the button that puts them back. */
export function PickBar({
  picks,
  all,
  onPutBack,
  onClear,
}: {
  readonly picks: PicksByDataset;
  /** What the button takes if nothing is picked: `all rows that match`; undefined: it then waits. */
  readonly all?: string | undefined;
  readonly onPutBack: () => void;
  readonly onClear: () => void;
}) {
  const refusal = useRefusal('restorer');
  const counts = pickCounts(picks);
  const action = actionOf(counts) ?? (all && `Put back ${all}`);
  return (
    <div class="list-foot pick-bar">
      <span role="status">{counts.length > 0 ? saidOf(counts) : 'No row is picked.'}</span>
      <span class="row">
        {counts.length > 0 && (
          <Button look="quiet" onClick={onClear}>
            Pick none
          </Button>
        )}
        <Button
          look="primary"
          icon="restore"
          why={refusal ?? (action === undefined ? 'Pick rows first: tick their boxes.' : undefined)}
          onClick={onPutBack}
        >
          {action ?? 'Put back rows'}
        </Button>
      </span>
    </div>
  );
}

/** `Picked: 1 row of public.customers, 3 rows of public.orders; to remove: 1 row of public.customers.` */
function saidOf(counts: readonly PickCounts[]): string {
  const list = (of: 'back' | 'gone') =>
    counts
      .filter((count) => count[of] > 0)
      .map((count) => `${plural(count[of], 'row')} of ${count.dataset}`)
      .join(', ');
  const [back, gone] = [list('back'), list('gone')];
  if (back === '') return `Picked to remove: ${gone}.`;
  return `Picked: ${back}${gone === '' ? '' : `; to remove: ${gone}`}.`;
}
