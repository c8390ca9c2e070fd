import { plural } from '../../../shared/core/plural.ts';

/** Which columns are shown; those of the key always are. */
export function ChooseColumns({
  all,
  keys,
  shown,
  onChange,
}: {
  readonly all: readonly string[];
  readonly keys: readonly string[];
  readonly shown: readonly string[];
  readonly onChange: (names: readonly string[]) => void;
}) {
  const toggle = (name: string) =>
    onChange(all.filter((one) => (one === name ? !shown.includes(one) : shown.includes(one))));
  return (
    <details class="columns">
      <summary>
        {shown.length === all.length
          ? plural(all.length, 'column')
          : `${shown.length} of ${plural(all.length, 'column')}`}
      </summary>
      <fieldset class="picks" aria-label="Columns to show">
        {all.map((name) => (
          <label key={name}>
            <input
              type="checkbox"
              checked={shown.includes(name)}
              disabled={keys.includes(name)}
              onChange={() => toggle(name)}
            />
            <span class="clip">{name}</span>
            {keys.includes(name) && <span class="small soft">key</span>}
          </label>
        ))}
      </fieldset>
    </details>
  );
}
