import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { Icon } from './icon.tsx';

interface Toast {
  readonly id: number;
  readonly tone: 'good' | 'bad';
  readonly text: ComponentChildren;
}

const SHOWN_MS = 7_000;
const toasts = signal<readonly Toast[]>([]);
let count = 0;

/** Shows for some seconds that something was done. */
export function tell(text: ComponentChildren, tone: Toast['tone'] = 'good'): void {
  const id = ++count;
  toasts.value = [...toasts.value, { id, tone, text }];
  setTimeout(() => forget(id), SHOWN_MS);
}

function forget(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** Messages that come and go, read out by screen readers. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, tone, text }) => (
        <div key={id} class="toast">
          <Icon name={tone} />
          <div>{text}</div>
        </div>
      ))}
    </div>
  );
}
