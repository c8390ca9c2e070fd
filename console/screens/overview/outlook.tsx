import { useId, useState } from 'preact/hooks';
import { nextRoundSize } from '../../../shared/core/forecast.ts';
import { costText, growthText, reachText } from '../../../shared/core/forecast-words.ts';
import { GiB } from '../../../shared/core/units.ts';
import type { Storage } from './days.ts';

/** How it grows, when it will reach a size, and what storage costs; or why that is not known. */
export function Outlook({ storage }: { readonly storage: Storage }) {
  const { forecast, whyNoForecast, price, storedBytes } = storage;
  return (
    <div class="outlook small">
      {forecast ? (
        <>
          <p>{sentence(`it ${growthText(forecast)}`)}</p>
          <Reach forecast={forecast} />
        </>
      ) : (
        <p class="soft">No forecast: {whyNoForecast}.</p>
      )}
      <p class={price ? undefined : 'soft'}>
        {price
          ? sentence(costText(storedBytes, forecast ?? undefined, price))
          : 'The storage cost is not known: set prices in the configuration.'}
      </p>
      {price && <p class="soft">Requests, older versions of objects and second places are not included.</p>}
    </div>
  );
}

function Reach({ forecast }: { readonly forecast: NonNullable<Storage['forecast']> }) {
  const id = useId();
  const [text, setText] = useState(String(nextRoundSize(forecast.bytes) / GiB));
  const size = Number(text) * GiB;
  const isSize = text.trim() !== '' && Number.isFinite(size) && size > 0;
  return (
    <p class="reach">
      <label for={id}>When will it reach</label>
      <input
        id={id}
        class="input"
        type="number"
        min="0"
        step="any"
        value={text}
        aria-describedby={`${id}-answer`}
        onInput={({ currentTarget: { value } }) => setText(value)}
      />
      <span>GiB?</span>
      <strong id={`${id}-answer`} role="status">
        {isSize ? sentence(reachText(forecast, size)) : 'Give a size above 0.'}
      </strong>
    </p>
  );
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
