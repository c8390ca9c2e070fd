import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly hint?: string;
}

/** A line of text to be filled in. */
export function TextField({
  label,
  value,
  onInput,
  hint,
  type = 'text',
  step,
  placeholder,
  isBad = false,
  isMono = false,
}: FieldProps & {
  readonly type?: 'text' | 'search' | 'date' | 'time' | 'datetime-local';
  /** Of a time, in seconds: 1 lets seconds be given. */
  readonly step?: number;
  readonly placeholder?: string;
  readonly isBad?: boolean;
  readonly isMono?: boolean;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        class={isMono ? 'input mono' : 'input'}
        type={type as 'text'}
        step={step}
        value={value}
        placeholder={placeholder}
        autocomplete="off"
        spellcheck={false}
        aria-invalid={isBad ? 'true' : undefined}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      {hint !== undefined && (
        <span id={`${id}-hint`} class="small faint">
          {hint}
        </span>
      )}
    </div>
  );
}

/** One choice of a field, and what it is called. */
export type Option = readonly [value: string, name: string];

/** A field with a few choices. */
export function SelectField({
  label,
  value,
  onInput,
  hint,
  options,
}: FieldProps & { readonly options: readonly Option[] }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        class="select"
        value={value}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onChange={(event) => onInput(event.currentTarget.value)}
      >
        {options.map(([option, name]) => (
          <option key={option} value={option} selected={option === value}>
            {name}
          </option>
        ))}
      </select>
      {hint !== undefined && (
        <span id={`${id}-hint`} class="small faint">
          {hint}
        </span>
      )}
    </div>
  );
}

/** One of several options, each with a sentence. */
export function Choice({
  type,
  name,
  title,
  children,
  isChosen,
  onChoose,
}: {
  readonly type: 'radio' | 'checkbox';
  readonly name: string;
  readonly title: ComponentChildren;
  readonly children?: ComponentChildren;
  readonly isChosen: boolean;
  readonly onChoose: (isChosen: boolean) => void;
}) {
  return (
    <label class="choice">
      <input
        type={type}
        name={name}
        checked={isChosen}
        onChange={(event) => onChoose(event.currentTarget.checked)}
      />
      <span>
        <strong>{title}</strong>
        {children !== undefined && <span class="small soft">{children}</span>}
      </span>
    </label>
  );
}
