import { HoldfastError } from '../../core/errors.ts';
import type { RecordDigest } from '../../format/record-digest.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';

/**
 * A backup, as targets and exporters see it.
 *
 * @param digestOf a digest that takes up all records read of a dataset
 */
export function contentsOf(
  reader: BackupReader,
  digestOf: (dataset: StoredDataset) => RecordDigest | undefined = () => undefined,
): BackupContents {
  return {
    sourceKind: reader.manifest.source.kind,
    server: reader.catalog.server,
    datasets: reader.catalog.datasets.map(({ name, kind, attributes, partitions }) => {
      const parts = partitions.map((partition) => ({
        name: partition.name,
        records: partition.root?.records ?? 0,
        plainBytes: partition.root?.plainBytes ?? 0,
      }));
      const records = parts.reduce((sum, part) => sum + part.records, 0);
      const plainBytes = parts.reduce((sum, part) => sum + part.plainBytes, 0);
      return { name, kind, attributes, records, plainBytes, partitions: parts };
    }),
    read: (dataset, partition, signal) =>
      reader.read(reader.root(dataset.name, partition.name), { digest: digestOf(dataset), signal }),
    copy: (dataset, partition, to, signal) =>
      reader.copy(reader.root(dataset.name, partition.name), to, signal),
  };
}

/** The datasets of those names; undefined: all data of the backup. @throws E_NO_DATASET */
export function selectDatasets(
  contents: BackupContents,
  names: readonly string[] | undefined,
): readonly StoredDataset[] {
  const data = contents.datasets.filter(({ kind }) => kind === 'data');
  if (names === undefined) return data;
  return names.map((name) => {
    const found = data.find((dataset) => dataset.name === name);
    if (found) return found;
    const like = data
      .map((dataset) => dataset.name)
      .filter((known) => known.includes(name) || name.includes(known));
    const hint =
      like.length > 0 ? `Did you mean ${like.slice(0, 5).join(', ')}?` : '`holdfast show KEY` lists them.';
    throw new HoldfastError('E_NO_DATASET', `the backup has no dataset '${name}'`, { hint });
  });
}
