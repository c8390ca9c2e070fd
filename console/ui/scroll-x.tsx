import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** Content wider than a phone: it scrolls, and the page does not. */
export function ScrollX({
  label,
  isAtEnd = false,
  children,
}: {
  readonly label: string;
  /** It opens at its right end, where the newest is. */
  readonly isAtEnd?: boolean;
  readonly children: ComponentChildren;
}) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isAtEnd && host.current) host.current.scrollLeft = host.current.scrollWidth;
  }, [isAtEnd]);
  return (
    // No landmark: the card around it is one already, of the same name.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    // biome-ignore lint/a11y/useSemanticElements: it groups no fields
    <div ref={host} class="scroll-x" tabIndex={0} role="group" aria-label={label}>
      {children}
    </div>
  );
}
