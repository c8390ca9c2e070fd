import { useState } from 'preact/hooks';
import { bytes } from '../../../shared/core/human.ts';
import { number, plural } from '../../../shared/core/plural.ts';
import { rowsHref } from '../../routes.ts';
import { TextField } from '../../ui/fields.tsx';
import { ScrollX } from '../../ui/scroll-x.tsx';
import { Empty } from '../../ui/states.tsx';
import type { Detail } from './detail.ts';

/** A search field appears from this many on. */
const SEARCHED = 12;
const MOST_SHOWN = 300;

/** Tables or nodes of a backup; their names need the key. */
export function Datasets({ backup: { name: of, sealed, datasetCount } }: { readonly backup: Detail }) {
  const [search, setSearch] = useState('');
  if (!sealed)
    return (
      <Empty title={plural(datasetCount, 'dataset')}>
        <p>Their names are sealed, and this API has no key. The plan of a restore names them.</p>
      </Empty>
    );
  const found = sealed.datasets.filter(({ name }) => name.toLowerCase().includes(search.toLowerCase()));
  return (
    <>
      {sealed.datasets.length >= SEARCHED && (
        <div class="card-body">
          <TextField label="Find a dataset" type="search" value={search} onInput={setSearch} />
        </div>
      )}
      <ScrollX label="Datasets">
        <table class="table">
          <thead>
            <tr>
              <th>Name</th>
              <th class="number">Records</th>
              <th class="number">Size</th>
              <th class="number">Partitions</th>
            </tr>
          </thead>
          <tbody>
            {found.slice(0, MOST_SHOWN).map(({ name, kind, records, plainBytes, partitions }) => (
              <tr key={name}>
                <td>
                  {kind === 'data' ? (
                    <a href={rowsHref(of, name)} title="Show its rows">
                      {name}
                    </a>
                  ) : (
                    <>
                      {name} <span class="faint small">schema</span>
                    </>
                  )}
                </td>
                <td class="number">{number(records)}</td>
                <td class="number">{bytes(plainBytes)}</td>
                <td class="number">{number(partitions)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollX>
      {(found.length > MOST_SHOWN || sealed.omitted.length > 0) && (
        <div class="list-foot">
          {found.length > MOST_SHOWN && (
            <span>{number(found.length - MOST_SHOWN)} more: search for them above.</span>
          )}
          {sealed.omitted.length > 0 && <span>Not in it: {sealed.omitted.join('; ')}</span>}
        </div>
      )}
    </>
  );
}
