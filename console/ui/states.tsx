import type { ComponentChildren } from 'preact';
import type { Failure } from '../api/problem.ts';
import type { Resource } from '../api/resource.ts';
import { Button } from './button.tsx';
import { Icon } from './icon.tsx';
import { Note } from './parts.tsx';

/** Stands where something will be; says so to screen readers. */
export function Loading({ lines = 6 }: { readonly lines?: number }) {
  return (
    <div class="card-body" role="status">
      <span class="unseen">Loading</span>
      <div class="skeleton" aria-hidden="true">
        {Array.from({ length: lines }, (_, i) => (
          <span key={i} />
        ))}
      </div>
    </div>
  );
}

/** Says that there is nothing, and what could be done. */
export function Empty({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="state">
      <Icon name="empty" />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** What went wrong, in the API's words: message, what to do, code. */
export function FailureText({ failure }: { readonly failure: Failure }) {
  return (
    <>
      <strong>{failure.message}</strong>
      {failure.hint !== undefined && <span>{failure.hint}</span>}
      {failure.fields.map(({ field, problem }) => (
        <span key={field}>
          <code>{field}</code>: {problem}
        </span>
      ))}
      {failure.code !== '' && <code class="faint">{failure.code}</code>}
    </>
  );
}

/** A failure in words, with what to do next. */
export function FailureNote({ failure }: { readonly failure: Failure }) {
  return (
    <Note tone="bad">
      <FailureText failure={failure} />
    </Note>
  );
}

/** Nothing could be loaded, and there is nothing older to show. */
function FailureState({ failure, retry }: { readonly failure: Failure; readonly retry: () => void }) {
  return (
    <div class="state" role="alert">
      <Icon name={failure.kind === 'unreachable' ? 'plug' : 'bad'} />
      <FailureText failure={failure} />
      <Button onClick={retry}>Try again</Button>
    </div>
  );
}

/**
 * Shows a resource: its value however old, and a note if it could not be refreshed; or that it is loading, or
 * why it failed.
 */
export function Shown<T>({
  of,
  lines,
  children,
}: {
  readonly of: Resource<T>;
  readonly lines?: number;
  readonly children: (value: T) => ComponentChildren;
}) {
  const value = of.value.value;
  const failure = of.failure.value;
  if (value !== undefined)
    return (
      <>
        {failure?.kind === 'refused' && (
          <Note tone="warn">
            <span>Couldn't refresh. Showing older data; retrying automatically.</span>
            <FailureText failure={failure} />
          </Note>
        )}
        {children(value)}
      </>
    );
  const retry = () => void of.refresh();
  return failure ? (
    <FailureState failure={failure} retry={retry} />
  ) : (
    <Loading {...(lines === undefined ? {} : { lines })} />
  );
}
