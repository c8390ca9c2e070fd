import { plural } from '../../../shared/core/plural.ts';
import { useRefusal } from '../../api/status.ts';
import { Button } from '../../ui/button.tsx';
import { type PicksByDataset, pickCount } from './picks.ts';

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
  const count = pickCount(picks);
  const what = count > 0 ? plural(count, 'row') : all;
  return (
    <div class="list-foot pick-bar">
      <span role="status">{count > 0 ? saidOf(picks) : 'No row is picked.'}</span>
      <span class="row">
        {count > 0 && (
          <Button look="quiet" onClick={onClear}>
            Pick none
          </Button>
        )}
        <Button
          look="primary"
          icon="restore"
          why={refusal ?? (what === undefined ? 'Pick rows first: tick their boxes.' : undefined)}
          onClick={onPutBack}
        >
          Put back {what ?? 'rows'}
        </Button>
      </span>
    </div>
  );
}

/** `Picked: 1 row of public.customers, 3 rows of public.orders.` */
function saidOf(picks: PicksByDataset): string {
  const parts = [...picks].map(([dataset, rows]) => `${plural(rows.size, 'row')} of ${dataset}`);
  return `Picked: ${parts.join(', ')}.`;
}
