import { plural } from '../../../shared/core/plural.ts';
import { backupMoment } from '../../ui/backup-link.tsx';
import { Icon } from '../../ui/icon.tsx';
import { placeOf, type Wish, type WishedMoment } from './plan.ts';
import { secondText } from './reach.ts';

/** What goes where, on every step: `shop, 26 Nov 2026, 02:00 → shop_copy`. */
export function Banner({ wish, source }: { readonly wish: Wish; readonly source: string }) {
  const place = placeOf(wish);
  return (
    <p class="restore-banner" role="status">
      <span>
        <strong>{source === '' ? '…' : source}</strong>
        {wish.moment
          ? `, ${wishedText(wish.moment)}`
          : wish.backup !== '' && `, ${backupMoment(wish.backup)}`}
      </span>
      <Icon name="arrow" />
      <span class="unseen">to</span>
      <strong>{place === '' ? '…' : place}</strong>
      {wish.datasets !== undefined && (
        <span class="soft">{plural(wish.datasets.length, 'dataset')} only</span>
      )}
    </p>
  );
}

function wishedText({ at, beforeTransaction }: WishedMoment): string {
  return at === undefined ? `before transaction ${beforeTransaction}` : secondText(at);
}
