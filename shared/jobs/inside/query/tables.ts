import { decodeText } from '../../../sources/byte-text.ts';
import type { QueryShape } from '../../../sources/query.ts';
import { pluginNamed } from '../../../sources/registry.ts';
import { distinctNames } from './distinct-names.ts';
import type { QueriedBackup, QueriedDataset } from './messages.ts';

/** A dataset as a table of DuckDB. */
export interface QueryTable {
  /** Places of the backup and of the dataset in it. */
  readonly backup: number;
  readonly dataset: number;
  readonly of: QueriedDataset;
  readonly shape: QueryShape;
  /** Its database in DuckDB, its schema there and its name. */
  readonly path: readonly [alias: string, schema: string, name: string];
  /** It can be named without its schema. */
  readonly isShort: boolean;
  /** Names of its columns, which DuckDB tells apart. */
  readonly columns: readonly string[];
}

/** Where DuckDB looks for a table without a schema. */
export const MAIN = 'main';
/** What a person has in mind who names no schema, if tables of several have the same name. */
const USUAL = 'public';

/** The tables of a backup. @param place of the backup */
export async function tablesOf(
  { alias, sourceKind, datasets }: QueriedBackup,
  place: number,
): Promise<readonly QueryTable[]> {
  const reader = await pluginNamed(sourceKind)?.queryReader?.();
  const shapes = datasets.map((dataset) => {
    const shape = reader?.(dataset);
    return shape && shape.columns.length > 0 ? shape : linesOf(dataset);
  });
  const schemas = shapes.map(({ schema }) => schema ?? MAIN);
  // Of one name in a schema, DuckDB does not look at capitals.
  const names = distinctNames(shapes.map(({ name }, i) => ({ name, among: schemas[i] ?? MAIN })));
  return datasets.map((of, dataset) => {
    const shape = shapes[dataset] ?? linesOf(of);
    const schema = schemas[dataset] ?? MAIN;
    const name = names[dataset] ?? of.name;
    const others = names.flatMap((other, i) =>
      i !== dataset && isSame(other, name) ? [schemas[i] ?? MAIN] : [],
    );
    return {
      backup: place,
      dataset,
      of,
      shape,
      path: [alias, schema, name],
      isShort: schema !== MAIN && (others.length === 0 || (schema === USUAL && !others.includes(MAIN))),
      columns: distinctNames(shape.columns.map((column) => ({ name: column.name, among: '' }))),
    };
  });
}

/** A record is a row of one column. */
function linesOf({ name }: QueriedDataset): QueryShape {
  return {
    name,
    columns: [{ name: 'record', type: { kind: 'text' } }],
    hasFields: false,
    parser: (places) => (record) => places.map(() => decodeText(record)),
  };
}

/**
 * What a reader of the results should know of a table: names that are others here, types that are not what they seem.
 *
 * @param isMeant whether the notes are to cover a column
 */
export function notesOf(
  { of, shape, path, columns }: QueryTable,
  isMeant: (column: number) => boolean = () => true,
): readonly string[] {
  const { name } = of;
  return [
    ...(isSame(path[2], shape.name)
      ? []
      : [`${name} is called ${path[2]} here, because another dataset has its name`]),
    ...shape.columns.flatMap((column, i) => [
      ...(!isMeant(i) || column.name === columns[i]
        ? []
        : [`${name}.${column.name} is called ${columns[i]} here`]),
      ...(!isMeant(i) || column.note === undefined ? [] : [`${name}.${column.name}: ${column.note}`]),
    ]),
  ];
}

const isSame = (one: string, other: string) => one.toLowerCase() === other.toLowerCase();
