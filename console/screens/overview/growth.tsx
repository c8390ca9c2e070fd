import { bytes } from '../../../shared/core/human.ts';
import { number, plural } from '../../../shared/core/plural.ts';
import { Chart } from '../../ui/chart.tsx';
import { growthOf, type Storage } from './days.ts';

/** What all backups together would take, what they do, and how both grew. */
export function Growth({ storage }: { readonly storage: Storage }) {
  const { logicalBytes, newBytes, storedBytes, unreferencedBytes, ratio, packs, backups } = storage;
  const [times, logical, added] = growthOf(storage);
  const saved = logicalBytes > 0 ? Math.max(0, 1 - storedBytes / logicalBytes) : 0;
  return (
    <div class="growth">
      {times.length > 1 ? (
        <Chart
          label="Growth of logical and new bytes over the last twelve months; the figures beside it say where it ended."
          data={[times, logical, added]}
          series={[
            { name: 'Logical', look: 'ink-logical' },
            { name: 'New', look: 'ink-new' },
          ]}
          format={bytes}
        />
      ) : (
        <p class="soft">A curve of growth needs backups of two days.</p>
      )}
      <div class="stack">
        <dl class="growth-figures">
          <Figure
            look="ink-logical"
            name="Logical"
            value={logicalBytes}
            title="If every backup were a copy"
          />
          <Figure look="ink-new" name="New" value={newBytes} title="What the runs of listed backups added" />
          <Figure look="ink-stored" name="Stored" value={storedBytes} title="All packs that are there now" />
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

/** Never 100 %, where something is stored. */
function percent(share: number): string {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
}
