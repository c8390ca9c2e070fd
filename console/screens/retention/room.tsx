import { bytes as bytesText } from '../../../shared/core/human.ts';
import { plural } from '../../../shared/core/plural.ts';
import type { RetentionAnswer } from './answer.ts';

type Bytes = RetentionAnswer['bytes'];

/** The bytes of all packs as a bar: removals first. */
export function Room({ bytes, graceDays }: { readonly bytes: Bytes; readonly graceDays: number }) {
  const parts = partsOf(bytes, graceDays);
  const shown = parts.filter(({ size }) => size > 0);
  const said = parts.map(({ name, text }) => `${name}: ${text}`).join('; ');
  return (
    <div class="stack">
      <div class="room" role="img" aria-label={`Of ${bytesText(bytes.stored)} stored. ${said}`}>
        {shown.map(({ look, size }) => (
          <span key={look} class={look} style={{ flexGrow: String(size / bytes.stored) }} />
        ))}
      </div>
      <dl class="room-key">
        {parts.map(({ look, name, text, why }) => (
          <div key={look}>
            <dt>
              <span class={`swatch ${look}`} />
              {name}
            </dt>
            <dd>
              <strong>{text}</strong>
              <span class="small faint">{why}</span>
            </dd>
          </div>
        ))}
      </dl>
      <p class="small soft">
        {bytesText(bytes.stored)} are stored in all. Backups share packs: a pack stays as long as one backup
        needs it.
        {!bytes.isLockKnown && (
          <>
            {' '}
            Not every lock was checked, so less may be freed. <code>holdfast prune --dry-run</code> checks
            each.
          </>
        )}
      </p>
    </div>
  );
}

interface Part {
  /** Class that gives the colour. */
  readonly look: string;
  readonly name: string;
  readonly size: number;
  readonly text: string;
  readonly why: string;
}

function partsOf({ now, later, held, kept, isLockKnown }: Bytes, graceDays: number): readonly Part[] {
  const freed = (size: number) => `${isLockKnown || size === 0 ? '' : 'at most '}${bytesText(size)}`;
  const least = isLockKnown ? '' : 'at least ';
  return [
    {
      look: 'room-now',
      name: 'Freed by the next prune',
      size: now,
      text: freed(now),
      why: 'no backup needs it, and its grace is over',
    },
    {
      look: 'room-later',
      name: 'Freed by a later prune',
      size: later,
      text: freed(later),
      why: `once its grace of ${plural(graceDays, 'day')} is over`,
    },
    {
      look: 'room-held',
      name: 'Held or locked',
      size: held,
      text: `${least}${bytesText(held)}`,
      why: 'it would go without the hold or lock',
    },
    { look: 'room-kept', name: 'Kept', size: kept, text: bytesText(kept), why: 'kept backups need it' },
  ];
}
