import { useState } from 'preact/hooks';
import { Button } from '../../ui/button.tsx';
import { SelectField, TextField } from '../../ui/fields.tsx';
import { Icon } from '../../ui/icon.tsx';
import { type Condition, conditionWords, OPERATORS, type Operator, takesValue } from './conditions.ts';

/** Finds rows by a value: first of the key, then of any column. */
export function FindRows({
  columns,
  keyName,
  conditions,
  onChange,
}: {
  readonly columns: readonly string[];
  /** The first column of the key; undefined if there is none. */
  readonly keyName: string | undefined;
  readonly conditions: readonly Condition[];
  readonly onChange: (conditions: readonly Condition[]) => void;
}) {
  const [chosen, setColumn] = useState<string>();
  const [operator, setOperator] = useState<Operator>('=');
  const [value, setValue] = useState('');
  const column = chosen ?? keyName ?? columns[0] ?? '';
  const add = () => {
    const others = conditions.filter((one) => one.column !== column || one.operator !== operator);
    onChange([...others, { column, operator, value: value.trim() }]);
    setValue('');
  };
  return (
    <search class="find-rows">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          add();
        }}
      >
        <SelectField
          label="Find rows where"
          value={column}
          onInput={setColumn}
          options={columns.map((name) => [name, name])}
        />
        <SelectField
          label="Condition"
          value={operator}
          onInput={(given) => setOperator(given as Operator)}
          options={OPERATORS}
        />
        {takesValue(operator) && <TextField label="Value" value={value} onInput={setValue} />}
        <Button isSubmit icon="verify">
          Find
        </Button>
      </form>
      {conditions.length > 0 && (
        <ul class="row" aria-label="Conditions that all hold">
          {conditions.map((one) => (
            <li key={conditionWords(one)}>
              <button
                type="button"
                class="badge tone-info chip"
                onClick={() => onChange(conditions.filter((other) => other !== one))}
              >
                {conditionWords(one)}
                <Icon name="close" />
                <span class="unseen">: remove this condition</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </search>
  );
}
