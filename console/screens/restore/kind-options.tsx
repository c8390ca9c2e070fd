import { kindNamed } from '../../api/kinds.ts';
import { Choice, TextField } from '../../ui/fields.tsx';
import type { Wish } from './plan.ts';

interface KindOptionsProps {
  readonly kind: string;
  readonly wish: Wish;
  readonly onChange: (part: Partial<Wish>) => void;
}

/** What only targets of a kind know, as the API describes it. */
export function KindOptions({ kind, wish, onChange }: KindOptionsProps) {
  const fields = kindNamed(kind).restoreOptions.map(({ name, label, help, type }) => {
    const { [name]: value, ...others } = wish.options;
    const set = (given: string | number | boolean) =>
      onChange({ options: given === '' || given === false ? others : { ...others, [name]: given } });
    if (type === 'switch')
      return (
        <Choice key={name} type="checkbox" name={name} title={label} isChosen={value === true} onChoose={set}>
          {help}
        </Choice>
      );
    const isNumber = (text: string) => type === 'number' && text.trim() !== '' && !Number.isNaN(Number(text));
    return (
      <TextField
        key={name}
        label={label}
        hint={help}
        value={value === undefined ? '' : String(value)}
        isBad={type === 'number' && typeof value === 'string'}
        onInput={(text) => set(isNumber(text) ? Number(text) : text)}
      />
    );
  });
  return <>{fields}</>;
}
