import { AUDIT_ACTIONS, AUDIT_OUTCOMES } from '../../../shared/core/api-names.ts';
import { call } from '../../api/client.ts';
import { useStatus } from '../../api/status.ts';
import { place, replacePlace } from '../../routes.ts';
import { Button } from '../../ui/button.tsx';
import { DelayedField } from '../../ui/delayed-field.tsx';
import { SelectField, TextField } from '../../ui/fields.tsx';
import { FoldedFilters } from '../../ui/folded-filters.tsx';
import { usePages } from '../../ui/pages.ts';
import { PageHead } from '../../ui/parts.tsx';
import { ShowMore } from '../../ui/show-more.tsx';
import { shortSource } from '../../ui/source-name.tsx';
import { Empty, FailureNote, Loading } from '../../ui/states.tsx';
import { Entries } from './entries.tsx';
import { ExportAudit } from './export-audit.tsx';
import type { AuditFilter } from './filter.ts';
import { actionTitle, outcomeTitle } from './titles.ts';

const NAMES = ['by', 'action', 'source', 'outcome', 'from', 'to'] as const;

/** Who did what, newest first. The filters are part of the address. */
export function Audit() {
  const { query } = place.value;
  const given = NAMES.flatMap((name) => {
    const value = query.get(name);
    return value ? [[name, value] as const] : [];
  });
  const filter = Object.fromEntries(given) as AuditFilter;
  const found = usePages(`audit ${JSON.stringify(given)}`, (cursor) =>
    call('audit', { query: { ...filter, cursor } }),
  );
  const pages = found.pages.value;
  const entries = pages.flatMap((page) => page.entries);
  const failure = found.failure.value;
  return (
    <div class="page">
      <PageHead title="Audit" actions={<ExportAudit filter={filter} />}>
        <p class="soft">Who did what. Entries are kept in the repository, and cannot be changed.</p>
      </PageHead>
      <section class="card" aria-label="Entries">
        <Filters query={query} />
        {failure && <FailureNote failure={failure} />}
        {pages.length === 0 && !failure && <Loading lines={9} />}
        {entries.length > 0 && <Entries entries={entries} />}
        {pages.length > 0 && entries.length === 0 && (
          <Nothing isFiltered={given.length > 0} isMore={pages.at(-1)?.nextCursor != null} />
        )}
        <ShowMore of={found} />
      </section>
    </div>
  );
}

function Nothing({ isFiltered, isMore }: { readonly isFiltered: boolean; readonly isMore: boolean }) {
  if (!isFiltered)
    return (
      <Empty title="Nothing is recorded yet">
        <p>Requested backups, restores, holds, verifications and drills are listed here.</p>
      </Empty>
    );
  return (
    <Empty title={isMore ? 'Nothing yet among the newest entries' : 'No entry matches these filters'}>
      {isMore && <p>Show more to look further back.</p>}
      <Button onClick={() => replacePlace('audit', new URLSearchParams())}>Clear filters</Button>
    </Empty>
  );
}

function Filters({ query }: { readonly query: URLSearchParams }) {
  const status = useStatus().value.value;
  const set = (name: string) => (value: string) => {
    const next = new URLSearchParams(place.value.query);
    if (value === '') next.delete(name);
    else next.set(name, value);
    replacePlace('audit', next);
  };
  const field = (name: string) => ({ value: query.get(name) ?? '', onInput: set(name) });
  const all = ['', 'All'] as const;
  return (
    <FoldedFilters count={query.size}>
      <DelayedField label="Who" placeholder="Part of a name" {...field('by')} />
      <SelectField
        label="What"
        options={[all, ...AUDIT_ACTIONS.map((name) => [name, actionTitle(name)] as const)]}
        {...field('action')}
      />
      <SelectField
        label="Source"
        options={[
          all,
          ...(status?.sources ?? []).map(({ source }) => [source.name, shortSource(source.name)] as const),
        ]}
        {...field('source')}
      />
      <SelectField
        label="Outcome"
        options={[all, ...AUDIT_OUTCOMES.map((name) => [name, outcomeTitle(name)] as const)]}
        {...field('outcome')}
      />
      <TextField label="From" type="date" {...field('from')} />
      <TextField label="To" type="date" {...field('to')} />
    </FoldedFilters>
  );
}
