import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Button } from './button.tsx';

/** Filters of a list; on a phone folded until somebody wants them. */
export function FoldedFilters({
  count,
  isNarrow = false,
  children,
}: {
  /** How many are set. */
  readonly count: number;
  /** There are few. */
  readonly isNarrow?: boolean;
  readonly children: ComponentChildren;
}) {
  const [isOpen, setOpen] = useState(false);
  return (
    <search class={isOpen ? 'foldable open' : 'foldable'}>
      <div class="only-phone">
        <Button onClick={() => setOpen(!isOpen)}>
          {isOpen ? 'Hide filters' : `Filters${count > 0 ? ` (${count})` : ''}`}
        </Button>
      </div>
      <div class={isNarrow ? 'filters narrow' : 'filters'}>{children}</div>
    </search>
  );
}
