import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Icon, type IconName } from './icon.tsx';

/** What a colour means; every place says it in words too. */
export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'plain';

/** A word or two that say how something stands. */
export function Badge({
  tone = 'plain',
  icon,
  title,
  children,
}: {
  readonly tone?: Tone;
  readonly icon?: IconName;
  readonly title?: string | undefined;
  readonly children: ComponentChildren;
}) {
  return (
    <span class={`badge tone-${tone}`} title={title}>
      {icon && <Icon name={icon} />}
      {children}
    </span>
  );
}

const NOTE_ICONS: Readonly<Record<Tone, IconName>> = {
  good: 'good',
  warn: 'attention',
  bad: 'bad',
  info: 'clock',
  plain: 'clock',
};

/** A few sentences that should not be missed. */
export function Note({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return (
    <div class={`note tone-${tone}`} role={tone === 'bad' ? 'alert' : undefined}>
      <Icon name={NOTE_ICONS[tone]} />
      <div>{children}</div>
    </div>
  );
}

/** A part of a screen with a title of its own. */
export function Card({
  title,
  aside,
  children,
  isBare = false,
}: {
  readonly title?: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
  /** Without space around the content: tables. */
  readonly isBare?: boolean;
}) {
  return (
    <section class="card" aria-label={title}>
      {title !== undefined && (
        <div class="card-head">
          <h2>{title}</h2>
          {aside}
        </div>
      )}
      {isBare ? children : <div class="card-body">{children}</div>}
    </section>
  );
}

/** Head of a screen; takes the focus when the screen opens, so that screen readers begin there. */
export function PageHead({
  title,
  back,
  children,
  actions,
}: {
  readonly title: string;
  readonly back?: { readonly href: string; readonly name: string };
  readonly children?: ComponentChildren;
  readonly actions?: ComponentChildren;
}) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Holdfast`;
    head.current?.focus({ preventScroll: true });
  }, [title]);
  return (
    <header class="page-head">
      <div>
        {back && (
          <a class="back" href={back.href}>
            <Icon name="back" />
            {back.name}
          </a>
        )}
        <h1 ref={head} tabIndex={-1}>
          {title}
        </h1>
        {children}
      </div>
      {actions !== undefined && <div class="row">{actions}</div>}
    </header>
  );
}

/** Names and values, one below the other. */
export function Facts({
  facts,
}: {
  readonly facts: readonly (readonly [name: string, value: ComponentChildren])[];
}) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name} class={isLong(value) ? 'wide' : undefined}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Such as the address of a database: it would be broken in a narrow column. */
const LONG_CHARS = 22;

function isLong(value: ComponentChildren): boolean {
  return typeof value === 'string' && value.length > LONG_CHARS;
}
