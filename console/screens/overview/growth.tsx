import { bytes } from '../../../shared/core/human.ts';
import { number, plural } from '../../../shared/core/plural.ts';
import { Chart } from '../../ui/chart.tsx';
import type { Storage } from './days.ts';
import { Outlook } from './outlook.tsx';
import { sizesChart } from './sizes.ts';

/** What is stored, how it grew and will grow, and what full copies would take. */
export function Growth({ storage }: { readonly storage: Storage }) {
  const { logicalBytes, newBytes, storedBytes, unreferencedBytes, ratio, packs, backups } = storage;
  const data = sizesChart(storage);
  const saved = logicalBytes > 0 ? Math.max(0, 1 - storedBytes / logicalBytes) : 0;
  return (
    <div class="growth">
      <div class="stack">
        {data[0].length > 1 ? (
          <Chart
            label={`Bytes in the repository at the end of each day, to ${bytes(storedBytes)} now${storage.forecast ? ', and the forecast if it grows as before' : ''}.`}
            data={data}
            series={[
              { name: 'Stored', look: 'ink-stored' },
              ...(storage.forecast ? [{ name: 'Forecast', look: 'ink-logical', isDashed: true }] : []),
            ]}
            axes={{ x: 'Day (UTC)', y: 'Stored' }}
            format={bytes}
          />
        ) : (
          <p class="soft">Growth shows once there are backups from two different days.</p>
        )}
        <Outlook storage={storage} />
      </div>
      <div class="stack">
        <dl class="growth-figures">
          <Figure look="ink-stored" name="Stored" value={storedBytes} title="All packs that exist now" />
          <Figure look="ink-new" name="New" value={newBytes} title="What the runs of listed backups added" />
          <Figure
            look="ink-logical"
            name="Logical"
            value={logicalBytes}
            title="If every backup were a copy"
          />
        </dl>
        <div class="savings">
          <p class="big">{percent(saved)} saved</p>
          <p class="small soft">
            {ratio === null ? 'Nothing is stored yet' : `${ratio.toFixed(1)} times smaller`}:{' '}
            {plural(backups, 'backup')} in {number(packs)} packs
            {unreferencedBytes !== null &&
              unreferencedBytes > 0 &&
              `; ${bytes(unreferencedBytes)} wait for prune`}
            .
          </p>
        </div>
      </div>
    </div>
  );
}

function Figure({
  look,
  name,
  value,
  title,
}: {
  readonly look: string;
  readonly name: string;
  readonly value: number;
  readonly title: string;
}) {
  return (
    <div title={title}>
      <dt>
        <span class={`swatch ${look}`} />
        {name}
      </dt>
      <dd>{bytes(value)}</dd>
    </div>
  );
}

/** Never 100 %, if something is stored. */
function percent(share: number): string {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
}
