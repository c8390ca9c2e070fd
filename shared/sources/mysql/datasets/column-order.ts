import type { StoredDataset } from '../../contents.ts';
import type { DatasetPlan } from '../../source.ts';
import { isTableAttributes } from './attributes.ts';

/** The datasets, with the columns of each table in the order of the table of that name in `like`. */
export function columnsLike(
  datasets: readonly DatasetPlan[],
  like: readonly StoredDataset[],
): readonly DatasetPlan[] {
  const wanted = new Map(like.map((dataset) => [dataset.name, dataset.attributes]));
  return datasets.map((dataset) => {
    const { attributes } = dataset;
    const other = wanted.get(dataset.name);
    if (other === undefined || !isTableAttributes(attributes) || !isTableAttributes(other)) return dataset;
    const byName = new Map(attributes.columns.map((column) => [column.name, column]));
    const columns = other.columns.flatMap(({ name }) => byName.get(name) ?? []);
    const isSame = columns.length === byName.size && columns.length === other.columns.length;
    return isSame ? { ...dataset, attributes: { ...attributes, columns } } : dataset;
  });
}
