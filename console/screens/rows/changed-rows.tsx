import { plural } from '../../../shared/core/plural.ts';
import { call } from '../../api/client.ts';
import { Button } from '../../ui/button.tsx';
import { usePages } from '../../ui/pages.ts';
import { ShowMore } from '../../ui/show-more.tsx';
import { Empty, FailureNote, Loading } from '../../ui/states.tsx';
import { historyHref } from '../history/wanted-row.ts';
import { ChangeTable } from './change-table.tsx';
import { NO_PICKS, type PicksByDataset, pickedIn } from './picks.ts';

/** The rows of a dataset that differ, page by page. */
export function ChangedRows({
  backup,
  source,
  dataset,
  other,
  otherName,
  canRemove,
  picks,
  onPicks,
}: {
  readonly backup: string;
  readonly source: string;
  readonly dataset: string;
  readonly other: string;
  readonly otherName: string;
  /** The other one is a database: what came later can be removed from it. */
  readonly canRemove: boolean;
  readonly picks: PicksByDataset;
  readonly onPicks: (picks: PicksByDataset) => void;
}) {
  const found = usePages(`diff ${backup} ${JSON.stringify([other, dataset])}`, async (after) => {
    const { datasets } = await call('diff', { param: backup, query: { with: other, dataset, after } });
    const diff = datasets.find(({ name }) => name === dataset);
    return { columns: diff?.columns ?? [], rows: diff?.rows ?? [], nextCursor: diff?.after ?? null };
  });
  const pages = found.pages.value;
  const failure = found.failure.value;
  const rows = pages.flatMap((page) => page.rows);
  return (
    <>
      <div class="card-head">
        <h2>{dataset}</h2>
        <span role="status" class="soft">
          {pages.length > 0 &&
            `${plural(rows.length, 'row')}${pages.at(-1)?.nextCursor == null ? '' : ' so far'}`}
        </span>
      </div>
      {failure && (
        <div class="card-body stack">
          <FailureNote failure={failure} />
          <Button onClick={() => void found.more()}>Try again</Button>
        </div>
      )}
      {pages.length === 0 && !failure && <Loading lines={6} />}
      {pages.length > 0 && rows.length === 0 && <Empty title="No row differs" />}
      {rows.length > 0 && (
        <ChangeTable
          dataset={dataset}
          columns={pages[0]?.columns ?? []}
          rows={rows}
          otherName={otherName}
          canRemove={canRemove}
          picks={picks.get(dataset) ?? NO_PICKS}
          historyOf={(key) => historyHref(source, dataset, key)}
          onPick={(some, isPicked) => onPicks(pickedIn(picks, dataset, { rows: some, isPicked }))}
        />
      )}
      <ShowMore of={found} />
    </>
  );
}
