import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { type Failure, failureOf } from '../../api/problem.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/fields.tsx';
import { Moment } from '../../ui/moment.tsx';
import { FailureNote } from '../../ui/states.tsx';

/** The field for the target's name, and the button that begins what the plan says. */
export function Typed({
  place,
  expiresAt,
  action,
  refusal,
  isDanger,
  children,
  onBack,
  onConfirm,
}: {
  /** The name to type. */
  readonly place: string;
  /** Until when the plan can be confirmed. */
  readonly expiresAt: string;
  /** The button's text. */
  readonly action: string;
  readonly refusal: string | undefined;
  readonly isDanger: boolean;
  /** What happens after it. */
  readonly children: ComponentChildren;
  readonly onBack: () => void;
  readonly onConfirm: () => Promise<void>;
}) {
  const [typed, setTyped] = useState('');
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);
  const act = async () => {
    setBusy(true);
    setFailure(undefined);
    await onConfirm().catch((error: unknown) => setFailure(failureOf(error)));
    setBusy(false);
  };
  const untyped = typed.trim() === place ? undefined : 'Type the name of the target first.';
  const why = isBusy ? 'The restore is starting.' : (refusal ?? untyped);
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (why === undefined) void act();
      }}
    >
      <TextField
        label={`To confirm, type the name of the target: ${place}`}
        value={typed}
        onInput={setTyped}
        isMono
        isBad={typed !== '' && !place.startsWith(typed.trim())}
      />
      <p class="small soft">
        The plan is valid until <Moment at={expiresAt} />. {children}
      </p>
      {failure && <FailureNote failure={failure} />}
      <div class="dialog-foot">
        <Button onClick={onBack}>Back</Button>
        <Button isSubmit look={isDanger ? 'danger' : 'primary'} icon="restore" why={why}>
          {action}
        </Button>
      </div>
    </form>
  );
}
