import { duration } from '../../../shared/core/human.ts';
import { number } from '../../../shared/core/plural.ts';
import { call } from '../../api/client.ts';
import { useStatus } from '../../api/status.ts';
import type { Drill } from '../../api/types.ts';
import { drillHref, place, replacePlace } from '../../routes.ts';
import { BackupLink } from '../../ui/backup-link.tsx';
import { Button } from '../../ui/button.tsx';
import { SelectField, TextField } from '../../ui/fields.tsx';
import { FoldedFilters } from '../../ui/folded-filters.tsx';
import { When } from '../../ui/moment.tsx';
import { usePages } from '../../ui/pages.ts';
import { Card, PageHead } from '../../ui/parts.tsx';
import { ScrollX } from '../../ui/scroll-x.tsx';
import { ShowMore } from '../../ui/show-more.tsx';
import { SourceName, shortSource } from '../../ui/source-name.tsx';
import { Empty, FailureNote, Loading } from '../../ui/states.tsx';
import { Outcome } from './outcome.tsx';
import { Trend } from './trend.tsx';

const NAMES = ['source', 'from', 'to'] as const;

/** The drills, each with its evidence, and how long restores take. */
export function Drills() {
  const { query } = place.value;
  const [source, from, to] = NAMES.map((name) => query.get(name) ?? '');
  const found = usePages(`drills ${source} ${from} ${to}`, (cursor) =>
    call('drills', { query: { source, from, to, cursor } }),
  );
  const pages = found.pages.value;
  const drills = pages.flatMap((page) => page.drills);
  const failure = found.failure.value;
  return (
    <div class="page">
      <PageHead title="Drills">
        <p class="soft">
          Each drill restored a backup into its own database and compared it. Open one for its evidence.
        </p>
      </PageHead>
      {drills.some(({ outcome }) => outcome !== 'failed') && (
        <Card title="Restore time">
          <Trend drills={drills} />
        </Card>
      )}
      <section class="card" aria-label="All drills">
        <Filters query={query} />
        {failure && <FailureNote failure={failure} />}
        {pages.length === 0 && !failure && <Loading lines={6} />}
        {drills.length > 0 && <Rows drills={drills} />}
        {pages.length > 0 && drills.length === 0 && <Nothing isFiltered={query.size > 0} />}
        <ShowMore of={found} />
      </section>
    </div>
  );
}

function Nothing({ isFiltered }: { readonly isFiltered: boolean }) {
  if (isFiltered)
    return (
      <Empty title="No drill matches these filters">
        <Button onClick={() => replacePlace('drills', new URLSearchParams())}>Clear filters</Button>
      </Empty>
    );
  return (
    <Empty title="No drills yet">
      <p>
        A drill proves that a backup can be restored, and shows how long that takes. Start one on the page of
        a backup.
      </p>
      <Button href="#/backups">Open backups</Button>
    </Empty>
  );
}

function Filters({ query }: { readonly query: URLSearchParams }) {
  const status = useStatus().value.value;
  const field = (name: string) => ({
    value: query.get(name) ?? '',
    onInput: (value: string) => {
      const next = new URLSearchParams(query);
      if (value === '') next.delete(name);
      else next.set(name, value);
      replacePlace('drills', next);
    },
  });
  const sources = (status?.sources ?? []).map(
    ({ source }) => [source.name, shortSource(source.name)] as const,
  );
  return (
    <FoldedFilters count={query.size} isNarrow>
      <SelectField label="Source" options={[['', 'All'], ...sources]} {...field('source')} />
      <TextField label="From" type="date" {...field('from')} />
      <TextField label="To" type="date" {...field('to')} />
    </FoldedFilters>
  );
}

function Rows({ drills }: { readonly drills: readonly Drill[] }) {
  return (
    <ScrollX label="Drills">
      <table class="table cards">
        <thead>
          <tr>
            <th>Drill</th>
            <th>Result</th>
            <th>Source</th>
            <th>Backup</th>
            <th class="number">Restored in</th>
            <th class="number">Records</th>
            <th>Server</th>
          </tr>
        </thead>
        <tbody>
          {drills.map((drill) => (
            <tr key={drill.report}>
              <td>
                <When at={drill.at} href={drillHref(drill.name)} />
              </td>
              <td>
                <Outcome drill={drill} />
              </td>
              <td>{drill.source ? <SourceName source={drill.source} /> : '—'}</td>
              <td>
                <BackupLink of={drill.backup} />
              </td>
              <td class="number">{drill.outcome === 'failed' ? '—' : duration(drill.restoreMs)}</td>
              <td class="number">
                {number(drill.records)}
                <span class="only-stacked"> records</span>
              </td>
              <td>{drill.server ?? '—'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}
