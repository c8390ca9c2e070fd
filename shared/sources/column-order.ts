import type { Json, JsonObject } from '../core/json.ts';
import type { StoredDataset } from './contents.ts';
import type { DatasetPlan } from './source.ts';

/** Attributes of a dataset that is a table. */
export interface ColumnsByName extends JsonObject {
  readonly columns: readonly (JsonObject & { readonly name: string })[];
}

/**
 * The datasets, with the columns of each table in the order of the table of that name in `like`. A restored
 * table may have another order than its original: in PostgreSQL, a column that a parent got later stands behind those of
 * the child there, and before them if the child is made anew.
 */
export function withColumnsLike(
  datasets: readonly DatasetPlan[],
  like: readonly StoredDataset[],
  isTable: (attributes: Json) => attributes is ColumnsByName,
): readonly DatasetPlan[] {
  const wanted = new Map(like.map((dataset) => [dataset.name, dataset.attributes]));
  return datasets.map((dataset) => {
    const { attributes } = dataset;
    const other = wanted.get(dataset.name);
    if (other === undefined || !isTable(attributes) || !isTable(other)) return dataset;
    const columns = inOrderOf(attributes.columns, other.columns);
    return columns === undefined ? dataset : { ...dataset, attributes: { ...attributes, columns } };
  });
}

/** Undefined if the columns differ. */
function inOrderOf(
  columns: ColumnsByName['columns'],
  others: ColumnsByName['columns'],
): ColumnsByName['columns'] | undefined {
  const byName = new Map(columns.map((column) => [column.name, column]));
  const ordered = others.flatMap(({ name }) => byName.get(name) ?? []);
  return ordered.length === columns.length && others.length === columns.length ? ordered : undefined;
}
