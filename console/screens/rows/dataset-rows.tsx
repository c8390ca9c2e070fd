import { useRef, useState } from 'preact/hooks';
import { number, plural } from '../../../shared/core/plural.ts';
import { call } from '../../api/client.ts';
import { place, replacePlace } from '../../routes.ts';
import { Button } from '../../ui/button.tsx';
import { type Pages, usePages } from '../../ui/pages.ts';
import { Note } from '../../ui/parts.tsx';
import { ShowMore } from '../../ui/show-more.tsx';
import { Empty, FailureNote, Loading } from '../../ui/states.tsx';
import type { Detail } from '../backups/detail.ts';
import { historyHref } from '../history/wanted-row.ts';
import type { Column, RowsPage } from './answers.ts';
import { ChooseColumns } from './choose-columns.tsx';
import { type Condition, conditionsOf, conditionText, withConditions } from './conditions.ts';
import { FindRows } from './find-rows.tsx';
import { PickBar } from './pick-bar.tsx';
import { NO_PICKS, type PicksByDataset, pickedIn, selectionOf } from './picks.ts';
import { PutBack } from './put-back.tsx';
import { RowTable } from './row-table.tsx';

/** Rows of one dataset: found by conditions, which are part of the address; picked; put back. */
export function DatasetRows({
  backup,
  dataset,
  isPuttingBack,
  onPutBack,
}: {
  readonly backup: Detail;
  readonly dataset: string;
  readonly isPuttingBack: boolean;
  readonly onPutBack: (isPuttingBack: boolean) => void;
}) {
  const { query, path } = place.value;
  const conditions = conditionsOf(query);
  const where = conditions.map(conditionText);
  const found = useRows(backup.name, dataset, where);
  const [picks, setPicks] = useState<PicksByDataset>(new Map());
  const page = found.pages.value[0];
  const hasKey = page?.columns.some(({ isKey }) => isKey) ?? false;
  const rows = selectionOf(picks) ?? (where.length > 0 ? { dataset, where } : undefined);
  if (isPuttingBack && rows)
    return <PutBack backup={backup} rows={rows} hasKey={hasKey} onBack={() => onPutBack(false)} />;
  const canPick = hasKey && page?.isMasked === false;
  return (
    <section class="card" aria-label={`Rows of ${dataset}`}>
      <Search
        page={page}
        conditions={conditions}
        onChange={(next) => replacePlace(path, withConditions(query, next))}
      />
      {found.failure.value && <Failed of={found} />}
      {page === undefined && !found.failure.value && <Loading lines={9} />}
      {page && <About isMasked={page.isMasked} hasKey={hasKey} />}
      {page && (
        <Table
          source={backup.source.name}
          dataset={dataset}
          found={found}
          picks={canPick ? picks : undefined}
          onPicks={setPicks}
          isFiltered={where.length > 0}
        />
      )}
      <ShowMore of={found} />
      {page && !page.isMasked && (
        <PickBar
          picks={picks}
          all={where.length > 0 ? 'all rows that match' : undefined}
          onPutBack={() => onPutBack(true)}
          onClear={() => setPicks(new Map())}
        />
      )}
    </section>
  );
}

/** What cannot be done with these rows. */
function About({ isMasked, hasKey }: { readonly isMasked: boolean; readonly hasKey: boolean }) {
  if (!isMasked && hasKey) return null;
  return (
    <div class="card-body">
      <Note tone="info">
        {isMasked
          ? 'Personal values are masked: only restorers see them as they are, and can put rows back.'
          : 'These rows have no key. Find the ones that you want: they can be put into a new table.'}
      </Note>
    </div>
  );
}

function useRows(backup: string, dataset: string, where: readonly string[]): Pages<RowsPage> {
  return usePages(`rows ${backup} ${JSON.stringify([dataset, where])}`, async (after) => {
    const conditions = where.length > 0 ? JSON.stringify(where) : undefined;
    const page = await call('rows', { param: backup, query: { dataset, where: conditions, after } });
    return { ...page, nextCursor: page.after ?? null };
  });
}

function Failed({ of: found }: { readonly of: Pages<RowsPage> }) {
  return (
    <div class="card-body stack">
      {found.failure.value && <FailureNote failure={found.failure.value} />}
      <Button onClick={() => void found.more()}>Try again</Button>
    </div>
  );
}

/** The form stays while other rows are loaded, and if its condition was refused. */
function Search({
  page,
  conditions,
  onChange,
}: {
  readonly page: RowsPage | undefined;
  readonly conditions: readonly Condition[];
  readonly onChange: (conditions: readonly Condition[]) => void;
}) {
  const known = useRef<readonly Column[]>([]);
  if (page) known.current = page.columns;
  const columns = known.current;
  if (columns.length === 0 && conditions.length === 0) return null;
  return (
    <FindRows
      columns={columns.length > 0 ? columns.map(({ name }) => name) : conditions.map(({ column }) => column)}
      keyName={columns.find(({ isKey }) => isKey)?.name}
      conditions={conditions}
      onChange={onChange}
    />
  );
}

function Table({
  source,
  dataset,
  found,
  picks,
  onPicks,
  isFiltered,
}: {
  readonly source: string;
  readonly dataset: string;
  readonly found: Pages<RowsPage>;
  readonly picks: PicksByDataset | undefined;
  readonly onPicks: (picks: PicksByDataset) => void;
  readonly isFiltered: boolean;
}) {
  const pages = found.pages.value;
  const columns = pages[0]?.columns ?? [];
  const rows = pages.flatMap((page) => page.rows);
  const all = columns.map(({ name }) => name);
  const [shown, setShown] = useState<readonly string[]>();
  const isMore = pages.at(-1)?.nextCursor !== null;
  const searched = pages.reduce((sum, page) => sum + page.searched, 0);
  if (rows.length === 0 && !isMore)
    return <Empty title={isFiltered ? 'No row matches' : 'The dataset has no rows'} />;
  return (
    <>
      <div class="table-head">
        <span role="status">
          {isMore ? `${plural(rows.length, 'row')} so far` : plural(rows.length, 'row')}
          {isFiltered && `, of ${number(searched)} that were read`}
        </span>
        <ChooseColumns
          all={all}
          keys={columns.filter(({ isKey }) => isKey).map(({ name }) => name)}
          shown={shown ?? all}
          onChange={setShown}
        />
      </div>
      {rows.length > 0 && (
        <RowTable
          dataset={dataset}
          columns={columns}
          shown={shown ?? all}
          rows={rows}
          picks={picks && (picks.get(dataset) ?? NO_PICKS)}
          historyOf={(key) => historyHref(source, dataset, key)}
          onPick={(some, isPicked) =>
            onPicks(pickedIn(picks ?? new Map(), dataset, { rows: some, isPicked }))
          }
        />
      )}
    </>
  );
}
