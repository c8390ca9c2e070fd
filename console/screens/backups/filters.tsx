import { useStatus } from '../../api/status.ts';
import { replacePlace } from '../../routes.ts';
import { SelectField, TextField } from '../../ui/fields.tsx';
import { FoldedFilters } from '../../ui/folded-filters.tsx';
import { shortSource } from '../../ui/source-name.tsx';
import { STATES } from './backup-list.ts';

/** The filters, kept in the address: going back and sharing it work. */
export function Filters({ query }: { readonly query: URLSearchParams }) {
  const status = useStatus().value.value;
  const types = new Set(status?.configured.types ?? []);
  for (const { newest } of status?.sources ?? []) if (newest) types.add(newest.type);
  const set = (name: string) => (value: string) => {
    const next = new URLSearchParams(query);
    if (value === '') next.delete(name);
    else next.set(name, value);
    replacePlace('backups', next);
  };
  const field = (name: string) => ({ value: query.get(name) ?? '', onInput: set(name) });
  return (
    <FoldedFilters count={query.size}>
      <TextField label="Search" type="search" placeholder="Name, note, source" {...field('q')} />
      <SelectField
        label="Source"
        options={[
          ['', 'All'],
          ...(status?.sources ?? []).map(({ source }) => [source.name, shortSource(source.name)] as const),
        ]}
        {...field('source')}
      />
      <SelectField
        label="Type"
        options={[['', 'All'], ...[...types].map((type) => [type, type] as const)]}
        {...field('type')}
      />
      <SelectField label="State" options={[['', 'All'], ...Object.entries(STATES)]} {...field('state')} />
      <TextField label="From" type="date" {...field('from')} />
      <TextField label="To" type="date" {...field('to')} />
    </FoldedFilters>
  );
}
