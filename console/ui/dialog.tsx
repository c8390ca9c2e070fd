import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { type Failure, failureOf } from '../api/problem.ts';
import { Button } from './button.tsx';
import { FailureNote } from './states.tsx';

/** A question in front of the screen. The browser keeps the focus inside, and returns it afterwards. */
export function Dialog({
  title,
  onClose,
  children,
  action,
  act,
  isDanger = false,
  why,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  /** The button's text. */
  readonly action: string;
  /** The action; the dialog closes when it succeeds, and shows what went wrong otherwise. */
  readonly act: () => Promise<void>;
  readonly isDanger?: boolean;
  readonly why?: string | undefined;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const submit = async () => {
    setBusy(true);
    setFailure(undefined);
    try {
      await act();
      onClose();
    } catch (error) {
      setFailure(failureOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={id} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!isBusy && why === undefined) void submit();
        }}
      >
        <h2 id={id}>{title}</h2>
        {children}
        {failure && <FailureNote failure={failure} />}
        <div class="dialog-foot">
          <Button onClick={() => dialog.current?.close()}>Cancel</Button>
          <Button isSubmit look={isDanger ? 'danger' : 'primary'} why={isBusy ? 'In progress.' : why}>
            {action}
          </Button>
        </div>
      </form>
    </dialog>
  );
}
