import { useEffect, useRef, useState } from 'preact/hooks';
import { TextField } from './fields.tsx';

/** Waits for a pause in typing. */
const REST_MS = 300;

/** A field that reports its value when typing pauses, as each value is a request. */
export function DelayedField({
  value,
  onInput,
  ...field
}: {
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
}) {
  const [typed, setTyped] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const told = useRef(value);
  // the address may change by other means: back, a link, "clear filters"
  useEffect(() => {
    if (value !== told.current) setTyped(value);
    told.current = value;
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const tell = (text: string) => {
    told.current = text;
    onInput(text);
  };
  return (
    <TextField
      {...field}
      type="search"
      value={typed}
      onInput={(text) => {
        setTyped(text);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => tell(text.trim()), REST_MS);
      }}
    />
  );
}
