import { HoldfastError } from '../../../core/errors.ts';
import type { BackupContents, StoredDataset } from '../../contents.ts';
import type { RestoreOptions } from '../../target.ts';
import { withRole } from './text.ts';

/** What a database cannot be made from a part of. @throws E_DAMAGED if some of the schema is missing */
export function refuseLostSchema(contents: BackupContents, { damaged }: RestoreOptions): void {
  if (!damaged) return;
  const scripts = [...withRole(contents.datasets, 'pre-data'), ...withRole(contents.datasets, 'post-data')];
  const lost = scripts.find(({ name }) => damaged.has(name));
  if (!lost) return;
  throw new HoldfastError(
    'E_DAMAGED',
    `the backup's schema (${lost.name}) is damaged: no database can be made from it`,
    {
      hint: 'Salvage it into a folder: a file for each table, as COPY text, to load into tables of another backup.',
    },
  );
}

/**
 * A large object with a missing piece would come out with zeros in its place: none of them is written then.
 */
export function withoutBrokenObjects(
  datasets: readonly StoredDataset[],
  { damaged }: RestoreOptions,
): { readonly datasets: readonly StoredDataset[]; readonly leftOut: readonly string[] } {
  const objects = [...withRole(datasets, 'large-objects'), ...withRole(datasets, 'large-object-data')];
  if (!objects.some(({ name }) => damaged?.has(name))) return { datasets, leftOut: [] };
  return {
    datasets: datasets.filter((dataset) => !objects.includes(dataset)),
    leftOut: [
      'no large objects are written, as parts of them are missing: salvage the backup into a folder to have the rest',
    ],
  };
}
