import { HoldfastError } from '../../../core/errors.ts';
import type { StoredDataset } from '../../contents.ts';
import { isTableAttributes } from '../datasets/attributes.ts';
import type { Toc } from '../pg-dump/toc.ts';
import { displayName, splitQualified } from '../text/identifiers.ts';
import { withRole } from './text.ts';

/** A table by its two names. */
export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** What of a backup is restored. */
export interface RestoreChoice {
  readonly datasets: readonly StoredDataset[];
  /** Of these, and of the partitioned tables that were named. */
  readonly tables: readonly TableName[];
  /** Names of the datasets that were asked for; undefined: all. */
  readonly asked: ReadonlySet<string> | undefined;
}

/**
 * The datasets of those names, all when undefined. A partitioned table, which has no rows of its own, means
 * its partitions. With sequences; large objects only if they are named.
 *
 * @throws E_NO_DATASET
 */
export function chooseDatasets(
  datasets: readonly StoredDataset[],
  names: readonly string[] | undefined,
  pre: Toc,
): RestoreChoice {
  const data = datasets.filter(({ kind }) => kind === 'data');
  if (names === undefined) return { datasets: data, tables: tablesOf(data), asked: undefined };
  const partitions = partitionsOf(pre);
  const asked = new Set<string>();
  const parents: TableName[] = [];
  for (const name of names) {
    const family = partitions.get(name);
    if (family === undefined && !data.some((dataset) => dataset.name === name))
      throw unknown(name, data, partitions);
    for (const parent of family?.parents ?? []) parents.push(parent);
    for (const one of family?.leaves ?? [name]) asked.add(one);
  }
  const chosen = data.filter(({ name }) => asked.has(name));
  const sequences = withRole(data, 'sequences').filter((dataset) => !chosen.includes(dataset));
  return { datasets: [...chosen, ...sequences], tables: [...tablesOf(chosen), ...parents], asked };
}

function tablesOf(datasets: readonly StoredDataset[]): TableName[] {
  return datasets.flatMap(({ attributes }) =>
    isTableAttributes(attributes) ? [{ schema: attributes.schema, table: attributes.table }] : [],
  );
}

interface Family {
  /** The partitioned table itself and those below it. */
  readonly parents: readonly TableName[];
  /** Names of datasets. */
  readonly leaves: readonly string[];
}

/** What each partitioned table is made of, by the name that its dataset would have. */
function partitionsOf(pre: Toc): ReadonlyMap<string, Family> {
  const children = new Map<string, string[]>();
  const tables = new Map<string, TableName>();
  for (const { type, schema, name, sql } of pre.entries) {
    if (type !== 'TABLE' || !/^PARTITION BY /m.test(sql)) continue;
    children.set(displayName(schema, name), []);
    tables.set(displayName(schema, name), { schema, table: name });
  }
  for (const { type, sql } of pre.entries) {
    const [, parent, child] = (type === 'TABLE ATTACH' && ATTACH.exec(sql)) || [];
    if (parent !== undefined && child !== undefined) children.get(written(parent))?.push(written(child));
  }
  const familyOf = (name: string): Family => {
    const below = (children.get(name) ?? []).map((child) =>
      children.has(child) ? familyOf(child) : { parents: [], leaves: [child] },
    );
    const self = tables.get(name);
    return {
      parents: [...(self ? [self] : []), ...below.flatMap(({ parents }) => parents)],
      leaves: below.flatMap(({ leaves }) => leaves),
    };
  };
  return new Map([...children.keys()].map((name) => [name, familyOf(name)]));
}

/** The two tables of a TABLE ATTACH entry: parent, partition. */
export const ATTACH = /ALTER TABLE (?:ONLY )?(.+?) ATTACH PARTITION (.+?) (?:FOR VALUES|DEFAULT)/s;

function written(qualified: string): string {
  const [schema = '', table = ''] = splitQualified(qualified).names;
  return displayName(schema, table);
}

function unknown(
  name: string,
  data: readonly StoredDataset[],
  partitions: ReadonlyMap<string, Family>,
): HoldfastError {
  const near = [...data.map((dataset) => dataset.name), ...partitions.keys()].filter(
    (known) => known.endsWith(`.${name}`) || known.includes(name) || name.includes(known),
  );
  const hint =
    near.length > 0 ? `Did you mean ${near.slice(0, 5).join(', ')}?` : '`holdfast show KEY` lists them.';
  return new HoldfastError('E_NO_DATASET', `the backup has no dataset '${name}'`, { hint });
}
