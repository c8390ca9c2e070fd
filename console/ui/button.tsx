import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { Icon, type IconName } from './icon.tsx';

/** What a button shows and does. */
export interface ButtonProps {
  readonly children: ComponentChildren;
  readonly icon?: IconName;
  readonly look?: 'primary' | 'danger' | 'quiet';
  readonly onClick?: () => void;
  /** Makes it a link. */
  readonly href?: string;
  readonly isSubmit?: boolean;
  /** Why it cannot be used; the keyboard still reaches it, and it says why. */
  readonly why?: string | undefined;
}

/** A button, or a link that looks like one. */
export function Button({ children, icon, look, onClick, href, isSubmit = false, why }: ButtonProps) {
  const id = useId();
  const look_ = `button ${look ?? ''}`;
  const inside = (
    <>
      {icon && <Icon name={icon} />}
      {children}
    </>
  );
  if (href !== undefined && why === undefined)
    return (
      <a class={look_} href={href}>
        {inside}
      </a>
    );
  const isRefused = why !== undefined;
  return (
    <>
      <button
        type={isSubmit ? 'submit' : 'button'}
        class={look_}
        aria-disabled={isRefused ? 'true' : undefined}
        aria-describedby={isRefused ? id : undefined}
        title={why}
        onClick={(event) => {
          if (isRefused) event.preventDefault();
          else onClick?.();
        }}
      >
        {inside}
      </button>
      {isRefused && (
        <span id={id} class="unseen">
          {why}
        </span>
      )}
    </>
  );
}
